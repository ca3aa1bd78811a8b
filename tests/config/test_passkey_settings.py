"""Passkeys belong to the site's domain, and work on the origins that are listed."""

import pytest

SHOW = """
import django; django.setup()
from django.conf import settings
print(settings.WEBAUTHN_RP_ID, *settings.WEBAUTHN_ORIGINS)
"""
SITE = "https://auth.example.com"


def test_by_default_passkeys_belong_to_the_host_of_the_site(boot):
    shown = boot(SHOW, SITE_URL=SITE, WEBAUTHN_RP_ID="").stdout.split()

    assert shown[:2] == ["auth.example.com", SITE]


def test_a_site_in_capitals_has_the_origin_that_browsers_send(boot):
    shown = boot(SHOW, SITE_URL="https://Auth.Example.com", WEBAUTHN_RP_ID="").stdout.split()

    assert shown[:2] == ["auth.example.com", SITE]


def test_passkeys_may_belong_to_a_domain_above(boot):
    more = "https://app.example.com"
    shown = boot(
        SHOW, SITE_URL=SITE, WEBAUTHN_RP_ID="example.com", WEBAUTHN_ORIGINS=more
    ).stdout.split()

    assert shown[0] == "example.com"
    assert more in shown


@pytest.mark.parametrize("rp_id", ["evil.example", "ample.com", "sub.auth.example.com", SITE])
def test_another_domain_is_refused_at_the_start(boot, rp_id):
    failed = boot(SHOW, SITE_URL=SITE, WEBAUTHN_RP_ID=rp_id)

    assert failed.returncode != 0
    assert "write the host of SITE_URL" in failed.stderr


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("https://Auth.Example.com:443", SITE),
        ("http://localhost:80", "http://localhost"),
        ("https://auth.example.com:8443", "https://auth.example.com:8443"),
    ],
)
def test_a_default_port_is_no_part_of_an_origin(boot, typed, origin):
    show = f"{SHOW}\nprint(settings.SITE_URL, *settings.CORS_ALLOWED_ORIGINS)"
    more = {"WEBAUTHN_ORIGINS": f"{typed},android:apk-key-hash:Ab", "FRONTEND_ORIGINS": typed}
    shown = boot(show, SITE_URL=typed, WEBAUTHN_RP_ID="", **more).stdout.split()

    assert shown[1:] == [*[origin] * 3, "android:apk-key-hash:Ab", origin, origin]
