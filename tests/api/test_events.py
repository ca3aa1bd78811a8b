"""Test the requests that `/events` refuses before it looks at a credential, and its headers."""

import pytest

from api import events
from tests.kit.clients import bearer
from tests.kit.problems import problem
from tests.kit.tabs import Tab

FRONTEND = "https://app.example.com"


@pytest.fixture
def cookie(user, cookie_of):
    return cookie_of(user)


@pytest.fixture
def ask(live):
    def run(**request):
        found = []

        async def story():
            async with Tab(**request) as tab:
                found.append(tab)

        live(story)
        return found[0]

    return run


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"{FRONTEND}.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_of_another_origin_gets_nothing(ask, cookie, headers):
    tab = ask(cookie=cookie, **headers)
    assert (tab.status, tab.code) == (403, "origin_refused")
    assert "access-control-allow-origin" not in tab.headers


@pytest.mark.parametrize("origin", ["http://testserver", FRONTEND])
def test_our_own_origins_may_read_the_stream(ask, cookie, origin):
    tab = ask(cookie=cookie, origin=origin)
    assert tab.status == 200
    assert tab.headers["access-control-allow-origin"] == origin
    assert tab.headers["access-control-allow-credentials"] == "true"
    assert tab.headers["vary"] == "Origin"


def test_a_cookie_that_only_looks_like_ours_opens_no_stream(live, cookie):
    """Browsers take this byte for a part of the name, and Python for a space."""
    tab = Tab()
    tab.scope["headers"].append((b"cookie", b"a=b; \xa0session=" + cookie.encode()))

    async def story():
        async with tab:
            pass

    live(story)

    assert (tab.status, tab.code) == (401, "not_authenticated")


def test_a_stream_has_these_headers(ask, cookie, settings):
    tab = ask(cookie=cookie)
    assert tab.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert tab.headers["cache-control"] == "no-store"
    assert tab.headers["x-content-type-options"] == "nosniff"
    assert tab.headers["x-accel-buffering"] == "no"


def test_a_client_that_was_away_gets_resync(ask, cookie):
    assert ask(cookie=cookie, last_event_id="7").events == [("resync", {})]


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS", "DELETE"])
def test_other_methods_get_405(ask, cookie, method):
    tab = ask(cookie=cookie, method=method)
    assert (tab.status, tab.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize("path", ["/", "/events/", "/api/me/", "/admin/", "//events"])
def test_other_paths_get_404(ask, cookie, path):
    assert ask(cookie=cookie, path=path).status == 404


def test_an_unknown_host_gets_400(ask, cookie):
    assert ask(cookie=cookie, host="evil.example").status == 400


def test_too_many_parameters_get_400(ask, cookie):
    tab = Tab(cookie=cookie)
    tab.scope["query_string"] = b"a=1&" * 100
    with pytest.raises(events.Refused):
        events._tickets(tab.scope["query_string"])


def test_plain_http_gets_403_where_the_site_is_https(ask, cookie, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert ask(cookie=cookie).code == "https_required"
    assert ask(cookie=cookie, x_forwarded_proto="https").status == 200


def test_a_user_with_too_many_streams_gets_429(live, cookie, settings):
    settings.EVENTS_PER_USER = 2

    async def story():
        async with Tab(cookie=cookie), Tab(cookie=cookie), Tab(cookie=cookie) as third:
            assert (third.status, third.headers["retry-after"]) == (429, "60")
        async with Tab(cookie=cookie) as later:
            assert later.status == 200

    live(story)


def test_a_full_process_gets_503_without_asking_the_database(live, cookie, settings):
    settings.EVENTS_PER_PROCESS = 1

    async def story():
        async with Tab(cookie=cookie), Tab(cookie="x" * 32) as second:
            assert (second.status, second.headers["retry-after"]) == (503, "30")

    live(story)


# The ticket


def test_a_bearer_token_gets_a_ticket(client, db, pair, settings):
    response = client.post("/api/events/ticket/", headers=bearer(pair["access"]))
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    body = response.json()
    assert body == {
        "ticket": body["ticket"],
        "url": f"{settings.EVENTS_URL}?ticket={body['ticket']}",
        "expires_in": 30,
    }


def test_a_cookie_gets_no_ticket(signed_in):
    assert signed_in.post("/api/events/ticket/").status_code == 401


def test_a_disabled_user_gets_no_ticket(client, user, pair):
    type(user).objects.filter(pk=user.pk).update(is_active=False)
    response = client.post("/api/events/ticket/", headers=bearer(pair["access"]))
    assert response.json() == problem(401, "invalid_token")
