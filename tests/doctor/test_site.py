"""Test the checks of the site from outside, with each answer that a proxy can break."""

import json

import pytest

from doctor import site
from tests.kit import certificates, sites
from tests.kit.sites import Page

pytestmark = pytest.mark.slow  # real TLS servers
ISSUER = "https://auth.example.com"
COOKIE = "__Host-csrf=token; Path=/; Secure; SameSite=Lax"
HSTS = "max-age=31536000; includeSubDomains; preload"
STYLE = "/static/accounts/style.0123456789ab.css"
LOGIN = "/accounts/login/"
EVENTS = "/events?probe"
KIND = [("Content-Type", "text/event-stream; charset=utf-8")]
STREAM = Page(body="event: ready\n\n", rest="event: end\n\n", headers=KIND)
METADATA = "/.well-known/oauth-authorization-server"


def pages(**changes):
    """Return a healthy site's answers; `login` and the other arguments replace one."""
    named = {
        "live": ("/livez", Page(body='{"status": "ok"}', echoes="X-Request-ID")),
        "login": (LOGIN, login()),
        "metadata": (METADATA, Page(body=json.dumps({"issuer": ISSUER}))),
        "events": (EVENTS, STREAM),
        "style": (STYLE, Page(headers=[("Content-Type", "text/css; charset=utf-8")])),
    }
    return {path: changes.get(name, page) for name, (path, page) in named.items()}


def login(*, cookies=(COOKIE,), hsts=HSTS, body=f'<link rel="stylesheet" href="{STYLE}">'):
    headers = [("Set-Cookie", cookie) for cookie in cookies]
    if hsts:
        headers.append(("Strict-Transport-Security", hsts))
    return Page(body=body, headers=headers)


def redirect(target="https://auth.example.com/accounts/login/", **changes):
    return Page(301, headers=[("Location", target)], **changes)


@pytest.fixture(autouse=True)
def settings_of_https(public, settings):
    settings.SECURE_HSTS_SECONDS = 31536000
    settings.CSRF_COOKIE_NAME = "__Host-csrf"
    settings.EVENTS_ORIGIN = settings.SITE_URL


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    certificates.make(directory)
    return directory


@pytest.fixture
def asked(told, directory, monkeypatch):
    """Return the lines about a site that gives these answers over TLS."""

    def run(served, plain=None, *, seconds=20, tls=directory):
        monkeypatch.setenv("SSL_CERT_FILE", str(tls / "fullchain.pem"))
        with (
            sites.site(served, sites.tls(tls)) as url,
            sites.site(plain or {LOGIN: redirect()}) as http_url,
        ):
            area = site.area(url=url, http_url=http_url, seconds=seconds)
            return {
                name: (level, text.replace(url, "SITE").replace(http_url, "PLAIN"), advice)
                for name, (level, text, advice) in told(area, seconds=seconds).items()
            }

    return run


def test_a_healthy_site(asked):
    assert asked(pages()) == {
        "site": ("ok", "SITE answers in N ms", ""),
        "site issuer": ("ok", ISSUER, ""),
        "site certificate": ("ok", "100 days left, TLSv1.3", ""),
        "site redirect": ("ok", "PLAIN redirects to https", ""),
        "site hsts": ("ok", HSTS, ""),
        "site request id": ("ok", "the answer has the request's X-Request-ID", ""),
        "site cookies": ("ok", "__Host-csrf", ""),
        "site stylesheet": ("ok", STYLE, ""),
        "site events": ("ok", "events arrive at once", ""),
    }


def test_the_checks_are_skipped_on_a_laptop(told):
    assert told(site.area(url="", http_url="", seconds=20)) == {
        "site": ("skipped", "SITE_URL is this machine: give the site's address with --url", "")
    }


def test_a_site_that_is_down_is_an_error_and_the_rest_is_skipped(told):
    lines = told(site.area(url="https://localhost:9", http_url="", seconds=20))

    assert lines.pop("site") == (
        "error",
        "https://localhost:9 can't be reached: [Errno 111] Connection refused",
        "Start it, and check DNS and firewall. From inside the network, give an address that this machine can reach with --url.",
    )
    assert len(lines) == 8
    assert set(lines.values()) == {("skipped", "not checked, see site", "")}


def test_another_site_at_the_address_is_an_error(asked):
    assert asked(pages(live=Page(body="Welcome to nginx!")))["site"] == (
        "error",
        "SITE/livez answers 200, but not with this site's answer",
        "Check that DNS and proxy lead to this site.",
    )


def test_a_proxy_without_an_upstream_is_an_error(asked):
    assert asked(pages(live=Page(503)))["site"][:2] == (
        "error",
        "SITE/livez answers 503, but not with this site's answer",
    )


def test_a_self_signed_certificate_is_an_error(told, directory, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with sites.site(pages(), sites.tls(directory)) as url:
        found = told(site.area(url=url, http_url="", seconds=20))["site"]

    assert found[0] == "error"
    assert found[1].startswith(f"{url}: certificate refused: self")
    assert found[2] == "Renew the certificate, with its whole chain, for this name."


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-1, ("site", "error", "SITE: certificate refused: certificate has expired")),
        (3, ("site certificate", "error", "3 days left, TLSv1.3")),
        (14, ("site certificate", "warning", "14 days left, TLSv1.3")),
        (30, ("site certificate", "ok", "30 days left, TLSv1.3")),
    ],
)
def test_a_certificate_that_ends_soon_is_reported(asked, tmp_path, days, expected):
    certificates.make(tmp_path, days=days)

    lines = asked(pages(), tls=tmp_path)

    name, *finding = expected
    assert list(lines[name][:2]) == finding


def test_metadata_of_another_issuer_is_an_error(asked):
    other = Page(body='{"issuer": "https://other.example.com"}')

    assert asked(pages(metadata=other))["site issuer"] == (
        "error",
        f"the site's SITE_URL is https://other.example.com, but here it is {ISSUER}",
        "Give every process the same SITE_URL, or check another site with --url.",
    )


@pytest.mark.parametrize("body", ["<html>", "[]", '{"name": "other"}'])
def test_broken_metadata_is_an_error(asked, body):
    assert asked(pages(metadata=Page(404, body)))["site issuer"][:2] == (
        "error",
        f"{METADATA} answers 404",
    )


def test_pages_over_plain_http_are_an_error(asked):
    assert asked(pages(), {LOGIN: login()})["site redirect"] == (
        "error",
        "PLAIN answers 200: passwords travel unencrypted",
        "Redirect in the proxy, and let it set X-Forwarded-Proto itself.",
    )


def test_a_redirect_to_plain_http_is_an_error(asked):
    plain = {LOGIN: redirect("http://auth.example.com/accounts/login/")}

    assert asked(pages(), plain)["site redirect"][:2] == (
        "error",
        "PLAIN answers 301: passwords travel unencrypted",
    )


def test_a_proxy_that_passes_on_forwarded_headers_is_an_error(asked):
    plain = {LOGIN: redirect(by_header={"X-Forwarded-Proto": login()})}

    assert asked(pages(), plain)["site redirect"][:2] == (
        "error",
        (
            "PLAIN answers 200 to a request with X-Forwarded-Proto: https: "
            "passwords travel unencrypted"
        ),
    )


def test_a_closed_http_port_is_a_warning(told, directory, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(directory / "fullchain.pem"))
    with sites.site(pages(), sites.tls(directory)) as url:
        found = told(site.area(url=url, http_url="http://localhost:9", seconds=20))
        unknown = told(site.area(url=url, http_url="", seconds=20))

    assert found["site redirect"] == (
        "warning",
        "nothing listens at http://localhost:9",
        "Let the proxy redirect: visitors type the address without https://.",
    )
    assert unknown["site redirect"] == (
        "skipped",
        "not on port 443: give its plain http address with --http-url",
        "",
    )


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://auth.example.com", "http://auth.example.com"),
        ("https://auth.example.com:443", "http://auth.example.com"),
        ("https://[::1]", "http://[::1]"),
        ("https://auth.example.com:8443", ""),
    ],
)
def test_the_plain_address_uses_port_80(url, plain):
    assert site.Site(url, "", 1).plain == plain


def test_a_site_without_tls_skips_the_tls_checks(told, laptop, settings):
    settings.CSRF_COOKIE_NAME = "csrf"
    settings.SITE_URL = ISSUER
    served = pages(login=login(cookies=["csrf=token; Path=/; SameSite=Lax"], hsts=""))
    with sites.site(served) as url:
        lines = told(site.area(url=url, http_url="", seconds=20))

    assert lines == {
        "site": ("ok", f"{url} answers in N ms", ""),
        "site issuer": ("ok", ISSUER, ""),
        "site certificate": ("skipped", "plain http", ""),
        "site redirect": ("skipped", "plain http", ""),
        "site hsts": ("skipped", "plain http", ""),
        "site request id": ("ok", "the answer has the request's X-Request-ID", ""),
        "site cookies": ("ok", "csrf", ""),
        "site stylesheet": ("ok", STYLE, ""),
        "site events": ("ok", "events arrive at once", ""),
    }


def test_no_hsts_is_an_error_and_a_short_one_a_warning(asked):
    assert asked(pages(login=login(hsts="")))["site hsts"] == (
        "error",
        "no Strict-Transport-Security on the login page",
        "Set TRUSTED_PROXY_COUNT, and let the proxy pass the header on.",
    )
    assert asked(pages(login=login(hsts="max-age=300")))["site hsts"] == (
        "warning",
        "max-age=300",
        "A proxy shortens it: let the proxy pass the site's header on.",
    )


def test_lost_request_ids_are_reported(asked):
    body = '{"status": "ok"}'
    lost = asked(pages(live=Page(body=body)))
    changed = asked(pages(live=Page(body=body, headers=[("X-Request-ID", "other")])))

    assert lost["site request id"] == (
        "error",
        "no X-Request-ID",
        "Let the proxy pass it on: operators search logs by it.",
    )
    assert changed["site request id"] == (
        "warning",
        "the answer has another X-Request-ID than the request",
        "Let the proxy pass on the X-Request-ID of the caller.",
    )


@pytest.mark.parametrize(
    ("cookie", "fault"),
    [
        ("__Host-csrf=t; Path=/; SameSite=Lax", "__Host-csrf isn't Secure"),
        ("__Host-session=t; Path=/; Secure; SameSite=Lax", "__Host-session isn't HttpOnly"),
        ("__Host-csrf=t; Path=/; Secure", "__Host-csrf has no SameSite"),
        ("__Host-csrf=t; Path=/; Secure; SameSite=None", "__Host-csrf has no SameSite"),
        ("csrf=t; Path=/; Secure; HttpOnly; SameSite=Lax", "csrf has no __Host- prefix"),
        (
            "__Host-csrf=t; Path=/accounts; Secure; SameSite=Lax",
            "__Host-csrf has a Domain, or a Path other than /",
        ),
        (
            "__Host-csrf=t; Path=/; Domain=example.com; Secure; SameSite=Lax",
            "__Host-csrf has a Domain, or a Path other than /",
        ),
    ],
)
def test_a_cookie_without_its_flags_is_an_error(asked, cookie, fault):
    assert asked(pages(login=login(cookies=[COOKIE, cookie])))["site cookies"] == (
        "error",
        fault,
        "Let the proxy pass Set-Cookie on as it is.",
    )


def test_a_login_page_that_fails_is_an_error(asked):
    lines = asked(pages(login=Page(503)))

    assert lines["site cookies"] == (
        "error",
        "the login page answers 503",
        "Read the site's log.",
    )
    assert lines["site stylesheet"] == (
        "error",
        "the login page has no stylesheet",
        "Check that the login page comes from this site.",
    )


def test_a_login_page_without_a_cookie_is_an_error(asked):
    assert asked(pages(login=login(cookies=())))["site cookies"] == (
        "error",
        "the login page sets no cookie, so nobody can send its form",
        "Don't let the proxy cache pages.",
    )


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (Page(404), "404"),
        (Page(200, "<html>", [("Content-Type", "text/html")]), "200 text/html"),
    ],
)
def test_a_missing_stylesheet_is_an_error(asked, page, said):
    assert asked(pages(style=page))["site stylesheet"] == (
        "error",
        f"{STYLE} answers {said}",
        "Give the proxy the static files of this release.",
    )


NO_EVENTS = (
    "Start `manage.py events`, and route this path to it. Without it, pages poll every 30 s."
)


@pytest.mark.parametrize(
    ("page", "found", "advice"),
    [
        (Page(404, headers=[("Content-Type", "text/html")]), "answers 404 text/html", NO_EVENTS),
        (Page(502), "answers 502", NO_EVENTS),
        (
            Page(body="{}", headers=[("Content-Type", "text/html")]),
            "answers 200 text/html",
            NO_EVENTS,
        ),
        (
            Page(body="event: ready\n\nevent: end\n\n", headers=KIND),
            ": a proxy holds events back, so pages poll",
            "Switch off buffering and compression for this path (nginx: proxy_buffering off).",
        ),
    ],
)
def test_events_that_pages_do_not_get(asked, page, found, advice):
    level, text, said = asked(pages(events=page))["site events"]

    assert (level, said) == ("warning", advice)
    assert text == f"SITE/events{found}" if found[0] == ":" else f"SITE/events {found}"


def test_a_busy_probe_is_no_fault(asked):
    assert asked(pages(events=Page(429)))["site events"][0] == "skipped"


def test_events_of_another_origin_are_asked_there(asked, settings):
    settings.EVENTS_ORIGIN = "http://127.0.0.1:9"

    level, text, _ = asked(pages())["site events"]
    assert level == "warning"
    assert text.startswith("http://127.0.0.1:9/events can't be reached")
