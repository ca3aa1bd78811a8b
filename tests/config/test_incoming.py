"""What Django reads of a path and of cookies is what a browser would."""

import pytest
from django.test import Client
from django.utils.encoding import repercent_broken_unicode

from api.tokens import jwts
from config import incoming
from tests.kit.clients import CHROME, bearer
from tests.kit.factories import AuthSessionFactory
from tests.kit.problems import problem
from tests.kit.two_ways import Call, by_django


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/login/",
        "/한글/%E9",
        b"/\xe9t\xe9/\xed\x95\x9c/\xff\xfe",
        b"/cut\xed\x95",
        b"/\xed\xa0\x80/\xc0\xaf",
        b"\xe9" * 5000,
    ],
    ids=lambda path: path[:20],
)
def test_a_path_is_encoded_as_django_does(path):
    raw = path if isinstance(path, bytes) else path.encode()
    environ = {"PATH_INFO": raw.decode("latin-1")}

    incoming.prepare(environ)

    prepared = environ["PATH_INFO"].encode("latin-1")
    assert prepared == repercent_broken_unicode(raw)
    assert prepared.decode()  # so Django has nothing left to encode


def test_a_request_without_cookies_gets_none():
    environ = {"PATH_INFO": "/"}

    incoming.prepare(environ)

    assert environ == {"PATH_INFO": "/"}


def test_a_cookie_that_only_looks_like_ours_is_removed():
    environ = {"PATH_INFO": "/", "HTTP_COOKIE": "a=b; \xe2\x80\x80__Host-session=x"}

    incoming.prepare(environ)

    assert environ["HTTP_COOKIE"] == "a=b"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("*/*", "*/*"),
        ("text/html;q=0.8, */*;q=0.1", "text/html;q=0.8, */*;q=0.1"),
        ("text/html;level=1;x, */*", "text/html;level=1;x, */*"),
        ("*/*; x*=unknown''y, a/b", "*/*, a/b"),
        ("a/b;q=1;x*=a;x*0=b;c=d", "a/b;q=1;c=d"),
        ("*/*;x*0*=a;*=b;*", "*/*"),
        (";*" * 30_000, ""),
        (";" * 60_000, ";" * 60_000),
    ],
    ids=lambda text: text[:20],
)
def test_accept_loses_its_extended_parameters(sent, read):
    environ = {"PATH_INFO": "/", "HTTP_ACCEPT": sent}

    incoming.prepare(environ)

    assert environ["HTTP_ACCEPT"] == read


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/schema/", "/i18n/setlang/", "/.well-known/jwks.json"])
@pytest.mark.parametrize(
    "parameters", ["x*=unknown''y", "x*=a; x*0=b", "x*=utf-8''%3By*%3Dunknown%27%27z"]
)
def test_no_parameter_of_accept_causes_a_500(path, parameters):
    call = Call("GET", path, more={"HTTP_ACCEPT": f"*/*; {parameters}"})

    answer = by_django(call.environ())

    assert int(answer.status.split()[0]) < 400


# An address that is too long


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/admin/" + "a" * 17_000,
        "/accounts/?q=" + "=" * 8_000,
        "/accounts" + "%C3%A9" * 2_000,
        "/" + "a" * 16_383,  # a redirect would add a slash
        "/" + "%F0%9F%98%80" * 700,
    ],
    ids=lambda path: path[:20],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_address_that_is_too_long_is_a_414_with_a_way_on(client, caplog, path, method):
    page = getattr(client, method)(path)

    assert page.status_code == 414
    assert 'href="/"' in page.text
    assert not [line for line in caplog.records if line.levelname == "ERROR"]


@pytest.mark.django_db
def test_a_program_learns_that_the_address_is_too_long(client):
    answer = client.get("/api/me/?q=" + "a" * 17_000)

    assert answer.status_code == 414
    assert answer.json() == problem(414, "address_too_long")


@pytest.mark.django_db
@pytest.mark.parametrize("length", [8_000, incoming.MAX_ADDRESS - 50])
def test_an_address_of_8000_octets_is_taken(client, length):
    answer = client.get("/accounts/?q=" + "a" * (length - 50))

    assert answer.status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
def test_too_many_fields_write_no_error_line(client, caplog, method):
    fields = "a&" * 1_500

    if method == "get":
        answer = client.get(f"/accounts/login/?{fields}")
    else:
        form = "application/x-www-form-urlencoded"
        answer = client.post("/accounts/login/", fields, content_type=form)

    assert answer.status_code == 400
    assert not [line for line in caplog.records if line.levelname == "ERROR"]


# Cookies that the server could not read


@pytest.fixture
def unreadable(db):
    """A browser whose `Cookie` header the server has emptied."""
    return Client(**{incoming.UNREADABLE: True})


@pytest.mark.parametrize(
    ("sent", "agent", "is_unreadable"),
    [
        ("", CHROME, True),
        ("", "curl/8.1", None),
        ("", None, None),
        ("a=b", CHROME, None),
        (None, CHROME, None),
    ],
)
def test_an_empty_header_of_a_browser_means_that_the_server_read_nothing(
    sent, agent, is_unreadable
):
    headers = {"HTTP_COOKIE": sent, "HTTP_USER_AGENT": agent}
    environ = {"PATH_INFO": "/"} | {
        name: each for name, each in headers.items() if each is not None
    }

    incoming.prepare(environ)

    assert environ.get(incoming.UNREADABLE) is is_unreadable


@pytest.mark.parametrize("path", ["/accounts/", "/accounts/login/?next=/x", "/admin/"])
def test_a_page_says_which_cookies_to_delete(unreadable, path):
    page = unreadable.get(path)

    assert page.status_code == 400
    assert "Your browser sent a cookie that this site can&#x27;t read" in page.text
    assert f'href="{path}"' in page.text


def test_a_form_says_so_too(unreadable):
    page = unreadable.post("/accounts/login/", {"login": "kim@example.com"})

    assert page.status_code == 400
    assert "cookie that this site" in page.text


def test_a_program_needs_no_cookie(unreadable, user):
    token = jwts.pair(AuthSessionFactory(user=user, token=True))["access"]

    assert unreadable.get("/api/me/", headers=bearer(token)).status_code == 200
    assert unreadable.get("/api/verify").status_code == 401
    assert unreadable.get("/livez").status_code == 200
