"""Test the checks of frontends on other origins: exact, by https, on the same site for cookies."""

import pytest

from doctor import origins


@pytest.fixture
def judged(public, settings):
    def run(*allowed):
        settings.CORS_ALLOWED_ORIGINS = settings.CSRF_TRUSTED_ORIGINS = list(allowed)
        found = origins.frontends()
        return str(found.level), found.found, found.advice

    return run


def test_no_frontend_is_ok(judged):
    assert judged() == ("ok", "none", "")


def test_frontends_below_one_domain_are_ok(judged):
    found = judged("https://app.example.com", "https://example.com:8443")

    assert found == ("ok", "https://app.example.com, https://example.com:8443", "")


@pytest.mark.parametrize(
    "origin", ["https://*.example.com", "https://app.example.com/", "app.example.com"]
)
def test_a_malformed_origin_is_an_error(judged, origin):
    assert judged(origin) == ("error", f"{origin!r} isn't an exact origin", origins.EXACT)


def test_a_frontend_without_https_is_an_error(judged):
    assert judged("http://app.example.com") == (
        "error",
        "http://app.example.com isn't https: an attacker on the network can act for this frontend",
        "Use https.",
    )


def test_a_frontend_of_another_site_is_a_warning(judged):
    assert judged("https://app.example.org") == (
        "warning",
        (
            "https://app.example.org and https://auth.example.com are different sites: "
            "browsers send no cookies of one to the other"
        ),
        "Serve both below one domain, or let these frontends receive refresh tokens in the body.",
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("CORS_ALLOW_ALL_ORIGINS", True),
        ("CORS_ALLOWED_ORIGIN_REGEXES", ["^https://.*$"]),
        ("CORS_ALLOWED_ORIGINS", ["*"]),
    ],
)
def test_allowing_every_origin_is_an_error(public, settings, setting, value):
    setattr(settings, setting, value)

    found = origins.frontends()

    assert (str(found.level), found.found) == (
        "error",
        "CORS allows every origin: any page can read its visitor's data",
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("https://a.example.com", "https://b.example.com", True),
        ("https://a.example.com:8443", "https://example.com", True),
        ("http://a.example.com", "https://a.example.com", False),
        ("https://a.co.kr", "https://b.co.kr", False),
        ("https://app.shop.co.kr", "https://auth.shop.co.kr", True),
        ("https://a.kakao.kr", "https://b.kakao.kr", True),
        ("https://me.github.io", "https://you.github.io", False),
        ("https://app.me.github.io", "https://me.github.io", True),
        ("http://localhost:8000", "http://localhost:8001", True),
        ("http://localhost:8000", "http://127.0.0.1:8001", False),
        ("http://10.0.0.1", "http://10.9.0.1", False),
        ("http://[::1]:8000", "http://[::1]:8001", True),
    ],
)
def test_same_site_agrees_with_browsers(one, other, expected):
    assert origins.same_site(one, other) is expected
