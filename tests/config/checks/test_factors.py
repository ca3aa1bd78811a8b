"""Refuse settings of second factors that would lock people out, or that no browser accepts."""

import pytest

from config.checks import factors

SITE = "https://auth.example.com"
APP = f"android:apk-key-hash:{'a' * 43}"


@pytest.fixture
def found(settings):
    """Return the ids that the checks report with these settings."""

    def run(*origins, **changes):
        safe = {
            "SITE_URL": SITE,
            "FRONTEND_ORIGINS": ["https://another.example"],
            "WEBAUTHN_RP_ID": "example.com",
            "WEBAUTHN_ORIGINS": [SITE, "https://another.example", *origins],
        }
        for name, value in (safe | changes).items():
            setattr(settings, name, value)
        checks = (factors.check_numbers, factors.check_passkeys)
        return [message.id for check in checks for message in check(None)]

    return run


@pytest.mark.parametrize("name", factors.LIMITS)
@pytest.mark.parametrize("value", [-1, 10**12])
def test_a_number_out_of_range_is_refused(found, name, value):
    assert found(**{name: value}) == ["accounts.E026"]


@pytest.mark.parametrize("name", factors.LIMITS)
def test_the_lowest_and_highest_numbers_are_accepted(found, name):
    assert found(**{name: 0}) == found(**{name: factors.LIMITS[name]}) == []


def test_the_text_names_setting_value_and_range(settings):
    settings.MFA_GRACE_DAYS = -3
    [message] = factors.check_numbers(None)

    assert message.msg == "MFA_GRACE_DAYS=-3 is out of range."
    assert message.hint == "Write a number from 0 to 365."


@pytest.mark.parametrize(
    "origin",
    ["https://example.com", "https://app.example.com:8443", APP],
)
def test_an_origin_on_the_domain_and_an_android_app_are_accepted(found, origin):
    assert found(origin) == []


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://evil.example", "accounts.E029"),
        ("https://notexample.com", "accounts.E029"),
        ("https://com", "accounts.E029"),
        ("http://app.example.com", "accounts.E028"),
        ("https://app.example.com/", "accounts.E028"),
        ("app.example.com", "accounts.E028"),
        ("https://*.example.com", "accounts.E028"),
        ("https://app.example.com:port", "accounts.E028"),
        ("android:apk-key-hash:short", "accounts.E028"),
        ("ios:bundle-id:com.example", "accounts.E028"),
    ],
)
def test_another_origin_is_refused(found, origin, expected):
    assert found(origin) == [expected]


def test_a_domain_of_everybody_is_refused_as_rp_id(found):
    assert found(WEBAUTHN_RP_ID="com") == ["accounts.E027"]


def test_a_laptop_has_no_findings(found):
    site = "http://localhost:8000"
    assert found(SITE_URL=site, WEBAUTHN_RP_ID="localhost", WEBAUTHN_ORIGINS=[site]) == []


@pytest.mark.servers
def test_the_site_refuses_to_start_with_absurd_days(boot):
    code = "import django; django.setup(); from django.core.management import call_command as c; c('check')"
    failed = boot(code, MFA_TRUSTED_BROWSER_DAYS="-1")

    assert failed.returncode != 0
    assert "MFA_TRUSTED_BROWSER_DAYS=-1 is out of range" in failed.stderr
