"""Lose Redis while users are signed in: nobody is signed out, and no request waits for ever."""

import http.client
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
from django.db import InternalError, OperationalError
from django.test import Client

from accounts.audit import trail
from accounts.people.models import User
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from accounts.store import clocks, index, outage
from tests.kit.clients import CHROME, bearer, sign_in
from tests.kit.factories import PASSWORD
from tests.kit.rings import starts_processes
from tests.kit.servers import CREATE_USER, Cluster
from tests.kit.waiting import PATIENCE, wait_until

PAGE = "/accounts/email/"
KINDS = {
    PAGE: "text/html; charset=utf-8",
    "/admin/": "text/html; charset=utf-8",
    "/api/me/": "application/problem+json",
    "/_allauth/browser/v1/auth/session": "application/problem+json",
}


@pytest.fixture
def redis(own_redis, settings, user):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.3
    return own_redis


@pytest.fixture
def browser(redis, user):
    """Return a signed-in browser that gets server errors as responses."""
    browser = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    response = sign_in(browser, user)
    assert response.status_code == 302
    return browser


def is_clean(response, kind="text/html; charset=utf-8"):
    assert response.status_code == 503, response.content
    assert response["Content-Type"] == kind
    assert response["Retry-After"] == "3"
    assert response["Cache-Control"] == "no-store"
    assert "session" not in response.cookies
    return True


def give_it_up(kind):
    """Wait until the outage is older than the deadline of this kind of call."""
    clock = {"read": clocks.reads, "write": clocks.writes}[kind]
    wait_until(clock.is_past_deadline)


def outages():
    """Yield the cases. A frozen Redis is slow, so only the sweep tries it with every path."""
    for path, kind in KINDS.items():
        yield pytest.param("kill", path, kind)
        is_swept = path not in {PAGE, "/api/me/"}
        yield pytest.param("freeze", path, kind, marks=[pytest.mark.sweep] if is_swept else [])


@pytest.mark.parametrize(("how", "path", "kind"), [*outages()])
def test_a_cookie_gets_a_clean_503_and_stays_good(redis, browser, how, path, kind):
    getattr(redis, how)()
    first, second = browser.get(path), None
    give_it_up("read")
    second = browser.get(path)

    assert is_clean(first, kind)
    assert is_clean(second, kind)
    redis.start() if how == "kill" else redis.thaw()
    assert browser.get(PAGE).status_code == 200


def test_the_503_page_links_to_the_page_the_visitor_asked_for(redis, browser):
    redis.kill()

    page = browser.get("/accounts/sessions/", {"page": "2"}, headers={"accept-language": "en"})
    posted = browser.post("/accounts/sessions/revoke-others/")

    again = '<a class="button" href="/accounts/sessions/?page=2">Try again</a>'
    assert again in page.content.decode()
    assert "Try again" not in posted.content.decode()


def test_tokens_and_health_answer_while_redis_is_dead(redis, obtain, user, client):
    pair = obtain(user)
    client.cookies.clear()
    redis.kill()

    assert client.get("/livez").status_code == 200
    assert client.get("/api/me/", headers=bearer(pair["access"])).status_code == 200
    assert client.get("/api/verify", headers=bearer(pair["access"])).status_code == 204
    assert clocks.reads.down_since is None  # no request asked Redis


def test_a_sign_in_that_can_not_be_saved_is_a_503_and_sets_no_cookie(redis, browser, user):
    """The save fails in `process_response`, after the view has signed the user in."""
    redis.client.config_set("min-replicas-to-write", 1)
    stranger = Client(headers={"user-agent": CHROME}, raise_request_exception=False)

    response = sign_in(stranger, user)

    assert is_clean(response)
    assert browser.get(PAGE).status_code == 200  # users who are signed in can go on
    assert AuthSession.objects.for_user(user.pk).active().count() == 1  # the failed one has ended
    assert list(AuthSession.objects.exclude(revoked_at=None).values_list("revoked_reason")) == [
        ("unfinished",)
    ]


@pytest.mark.parametrize("fails", ["Redis", "the database"])
def test_the_form_of_a_sign_in_that_failed_can_be_sent_again(redis, user, monkeypatch, fails):
    """A sign-in makes a new CSRF secret, but the form still has the former one."""
    stranger = Client(
        enforce_csrf_checks=True, headers={"user-agent": CHROME}, raise_request_exception=False
    )
    form = {"login": user.email, "password": PASSWORD}
    form["csrfmiddlewaretoken"] = token_on(stranger.get("/accounts/login/"))
    with monkeypatch.context() as patch:
        if fails == "Redis":
            redis.client.config_set("min-replicas-to-write", 1)
        else:
            patch.setattr(sessions, "open", fail)
        assert is_clean(stranger.post("/accounts/login/", form))
    redis.client.config_set("min-replicas-to-write", 0)

    response = stranger.post("/accounts/login/", form)

    assert response.status_code == 302
    assert stranger.get(PAGE).status_code == 200


def token_on(page):
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())[1]


def test_a_server_error_does_not_count_as_a_wrong_password(redis, user, monkeypatch):
    """Ten errors of ours with the right password must not count as attempts."""
    stranger = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    for _ in range(10):
        with monkeypatch.context() as patch:
            patch.setattr(User, "check_password", fail)
            assert is_clean(sign_in(stranger, user))

    response = sign_in(stranger, user)

    assert response.status_code == 302


def test_a_wrong_password_counts_although_it_cannot_be_recorded(redis, user, monkeypatch):
    """A read-only database must not allow endless guessing."""
    stranger = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    with monkeypatch.context() as patch:
        patch.setattr(trail, "record", cannot_write)
        for _ in range(5):
            assert is_clean(sign_in(stranger, user, password="wrong"))

    response = sign_in(stranger, user)

    assert response.status_code == 429
    assert "Too many wrong passwords" in response.text


def cannot_write(*args, **kwargs):
    raise InternalError("cannot execute INSERT in a read-only transaction")


def fail(*args, **kwargs):
    raise OperationalError("the connection is closed")


def test_sign_in_resumes_by_itself(redis, browser, user):
    redis.client.config_set("min-replicas-to-write", 1)
    stranger = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    assert is_clean(sign_in(stranger, user))
    give_it_up("write")

    redis.client.config_set("min-replicas-to-write", 0)

    assert sign_in(stranger, user).status_code == 302
    assert stranger.get(PAGE).status_code == 200


def test_a_failed_touch_does_not_fail_the_request(redis, browser):
    (key,) = redis.client.keys("session:*")
    redis.client.expire(key, 3600)
    redis.client.config_set("min-replicas-to-write", 1)

    response = browser.get(PAGE)

    assert response.status_code == 200
    assert redis.client.ttl(key) <= 3600


def test_a_view_that_fails_to_save_is_a_503(redis, browser, settings):
    """The view itself raises the error, and `process_exception` handles it."""
    redis.client.config_set("min-replicas-to-write", 1)
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0

    response = browser.post("/accounts/logout/")

    assert is_clean(response)


def test_an_unfinished_sign_out_still_ends_the_sign_in(redis, browser):
    """The answer is a 503, but the row has ended: fail closed."""
    redis.client.config_set("min-replicas-to-write", 1)
    assert is_clean(browser.post("/accounts/logout/"))

    redis.client.config_set("min-replicas-to-write", 0)

    assert AuthSession.objects.get().revoked_reason == "logout"
    assert browser.get(PAGE).status_code == 302


def test_ending_another_device_does_not_wait_for_redis(redis, browser, user, monkeypatch):
    """The site tries Redis once, because the row has ended already."""
    redis.kill()
    waited = []
    monkeypatch.setattr("time.sleep", waited.append)

    with pytest.raises(outage.STORE_ERRORS):
        index.drop(user.pk)

    assert waited == []


# Threads: one real server of the site


@pytest.fixture
@starts_processes
def site(tmp_path):
    cluster = Cluster(tmp_path, f"sqlite:///{tmp_path / 'db.sqlite3'}", count=1)
    cluster.environment |= {
        "SESSION_STORE_DEADLINE_SECONDS": str(2 * PATIENCE),
        "SESSION_STORE_WAITERS": "4",
    }
    try:
        cluster.start()
        cluster.manage(
            "shell", stdin=CREATE_USER.format(emails=["one@example.com"], password=PASSWORD)
        )
        yield cluster
    finally:
        cluster.stop()


def cookie_of(site):
    """Sign in by the page, and return the session cookie."""
    connection = http.client.HTTPConnection("127.0.0.1", site.ports[0], timeout=PATIENCE)
    connection.request("GET", "/accounts/login/")
    page = connection.getresponse()
    page.read()
    csrf = SimpleCookie(page.getheader("Set-Cookie"))["csrf"].value
    form = {"login": "one@example.com", "password": PASSWORD, "csrfmiddlewaretoken": csrf}
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": f"csrf={csrf}",
        "Origin": site.environment["SITE_URL"],
    }
    connection.request("POST", "/accounts/login/", urlencode(form), headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 302
    cookies = [SimpleCookie(value) for value in answer.headers.get_all("Set-Cookie")]
    (session,) = [each["session"].value for each in cookies if "session" in each]
    connection.close()
    return session


def page(site, cookie):
    connection = http.client.HTTPConnection("127.0.0.1", site.ports[0], timeout=3 * PATIENCE)
    connection.request("GET", "/accounts/email/", headers={"Cookie": f"session={cookie}"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_requests_waiting_for_redis_do_not_block_the_others(site):
    """With forty browsers and eight threads, four wait for Redis and the others get a 503."""
    cookie = cookie_of(site)
    _, pair = site.call(
        0, "POST", "/api/token/", {"email": "one@example.com", "password": PASSWORD}
    )
    site.redis.send_signal(signal.SIGSTOP)
    with ThreadPoolExecutor(40) as pool:
        pages = [pool.submit(page, site, cookie) for _ in range(40)]
        wait_until(lambda: sum(each.done() for each in pages) >= 30, seconds=2 * PATIENCE)

        assert site.call(0, "GET", "/livez")[0] == 200
        assert site.call(0, "GET", "/api/verify", token=pair["access"])[0] == 204
        assert site.call(0, "GET", "/api/me/", token=pair["access"])[0] == 200
        assert {each.result() for each in pages if each.done()} == {503}
        assert not all(each.done() for each in pages)  # some still wait
        site.redis.send_signal(signal.SIGCONT)

        assert {each.result() for each in pages} == {200, 503}
    assert page(site, cookie) == 200
