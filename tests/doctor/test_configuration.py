"""Test the checks that read only the settings."""

import json
from pathlib import Path

import pytest
from django.core import checks as django_checks
from django.core.management import call_command

from config import checks
from doctor import configuration

DRAW = configuration.DRAW
COLLECT = "Run `manage.py collectstatic` with every release, and give the result to nginx."


def finding(probe):
    found = probe()
    return str(found.level), found.found, found.advice


def test_a_long_secret_key_is_ok(settings):
    settings.SECRET_KEY = "0123456789" * 5

    assert finding(configuration.secret_key) == ("ok", "50 characters", "")


def test_former_secret_keys_are_counted(settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "0123456789" * 5, ["before"]

    assert finding(configuration.secret_key) == ("ok", "50 characters, 1 former", "")


def test_a_shorter_secret_key_is_a_warning(settings):
    settings.SECRET_KEY = "0123456789" * 4

    expected = ("warning", "SECRET_KEY has 40 characters, Django wants 50", DRAW)
    assert finding(configuration.secret_key) == expected


@pytest.mark.parametrize(
    "key", ["0123456789" * 3, "a" * 60, "django-insecure-0123456789012345678901234567890123456789"]
)
def test_a_weak_secret_key_is_an_error(settings, key):
    settings.SECRET_KEY = key

    expected = ("error", "SECRET_KEY can be guessed, and then anybody can sign reset links", DRAW)
    assert finding(configuration.secret_key) == expected


def test_the_session_id_key_is_judged(settings):
    settings.SESSION_ID_KEY = "0123456789abcdef" * 2
    assert finding(configuration.session_id_key) == ("ok", "32 characters", "")

    settings.SESSION_ID_KEY = "0123456789abcdef" + "0123456789abcde"
    assert finding(configuration.session_id_key) == (
        "error",
        "SESSION_ID_KEY can be guessed (31 characters)",
        DRAW,
    )

    settings.SESSION_ID_KEY = settings.SECRET_KEY = "0123456789" * 5
    assert finding(configuration.session_id_key) == (
        "error",
        "SESSION_ID_KEY equals SECRET_KEY: a rotation of SECRET_KEY signs everybody out",
        DRAW,
    )


def test_https_behind_a_trusted_proxy_is_ok(public):
    assert finding(configuration.proxy_count) == ("ok", "1 trusted", "")


def test_https_without_a_proxy_is_an_error(public, settings):
    settings.TRUSTED_PROXY_COUNT = 0

    assert finding(configuration.proxy_count) == (
        "error",
        (
            "SITE_URL is https, but no proxy is trusted and the site itself speaks plain http: "
            "every page redirects to itself"
        ),
        "Set TRUSTED_PROXY_COUNT to the number of proxies in front (the shipped nginx: 1).",
    )


def test_a_laptop_without_a_proxy_is_ok(laptop):
    assert finding(configuration.proxy_count) == ("ok", "none trusted", "")


def test_a_proxy_trusted_on_a_laptop_is_a_warning(laptop, settings):
    settings.TRUSTED_PROXY_COUNT = 2

    assert finding(configuration.proxy_count) == (
        "warning",
        "2 trusted on a loopback site: without a proxy, clients can forge their address",
        "Set TRUSTED_PROXY_COUNT=0, unless a proxy really stands in front.",
    )


def test_a_negative_proxy_count_is_an_error(laptop, settings):
    settings.TRUSTED_PROXY_COUNT = -1

    assert finding(configuration.proxy_count)[:2] == ("error", "TRUSTED_PROXY_COUNT is -1")


@pytest.fixture
def safe_cookies(public, settings):
    for name in ("SESSION", "CSRF", "LANGUAGE", "REFRESH"):
        setattr(settings, f"{name}_COOKIE_NAME", f"__Host-{name.lower()}")
        setattr(settings, f"{name}_COOKIE_SECURE", True)


def test_cookies_of_an_https_site_are_ok(safe_cookies):
    expected = ("ok", "__Host-, Secure, SameSite, and HttpOnly except csrf", "")
    assert finding(configuration.cookies) == expected


@pytest.mark.parametrize(
    ("setting", "value", "fault"),
    [
        ("SESSION_COOKIE_NAME", "session", "session"),
        ("CSRF_COOKIE_SECURE", False, "__Host-csrf not Secure"),
        ("SESSION_COOKIE_HTTPONLY", False, "__Host-session not HttpOnly"),
        ("SESSION_COOKIE_DOMAIN", ".example.com", "__Host-session has a Domain"),
        ("LANGUAGE_COOKIE_SAMESITE", "None", "__Host-language SameSite=None"),
    ],
)
def test_a_cookie_without_a_flag_is_an_error(safe_cookies, settings, setting, value, fault):
    setattr(settings, setting, value)

    level, found, advice = finding(configuration.cookies)

    assert (level, advice) == (
        "error",
        "Undo the changes in config/settings/security.py: it sets these flags by SITE_URL.",
    )
    assert found == fault


def test_plain_http_is_ok_on_a_laptop_only(laptop, settings):
    text = "plain http: cookies can't be Secure"
    assert finding(configuration.cookies) == ("ok", f"{text}; loopback only", "")

    settings.SITE_URL = "http://auth.example.com"
    assert finding(configuration.cookies) == ("error", text, "Use an https SITE_URL.")


@pytest.fixture
def collected(settings, tmp_path):
    """Run the real `collectstatic` over the files of `accounts`."""
    settings.STATIC_HASHED, settings.STATIC_ROOT = True, tmp_path
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    }
    ignored = ["admin", "gis", "drf_spectacular_sidecar", "rest_framework"]
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=ignored)
    return tmp_path


def test_collected_static_files_are_ok(collected):
    count = len(json.loads((collected / "staticfiles.json").read_text())["paths"])

    assert finding(configuration.static_files) == ("ok", f"{count} files collected", "")
    assert count > 3


def test_static_files_never_collected_are_an_error(collected):
    (collected / "staticfiles.json").unlink()

    assert finding(configuration.static_files) == (
        "error",
        f"{collected}/staticfiles.json is missing: every page fails",
        COLLECT,
    )


def test_static_files_of_an_older_release_are_an_error(collected):
    path = collected / "staticfiles.json"
    manifest = json.loads(path.read_text())
    del manifest["paths"]["accounts/style.css"]
    path.write_text(json.dumps(manifest))

    assert finding(configuration.static_files) == (
        "error",
        "accounts/style.css isn't collected: pages that use it fail",
        COLLECT,
    )


def test_a_missing_collected_file_is_an_error(collected):
    [style] = list((collected / "accounts").glob("style.*.css"))
    style.unlink()

    assert finding(configuration.static_files) == (
        "error",
        f"accounts/{style.name} isn't collected: pages that use it fail",
        COLLECT,
    )


def test_unhashed_static_files_are_ok_on_a_laptop_only(laptop, settings):
    assert finding(configuration.static_files) == ("ok", "served from the sources", "")

    settings.SITE_URL = "https://auth.example.com"
    assert finding(configuration.static_files) == (
        "warning",
        "served from the sources, without hashes",
        "Unset STATIC_HASHED.",
    )


def test_every_finding_of_djangos_deployment_checks_is_a_line(settings):
    settings.DEMO = True  # SITE_URL=http://testserver is public

    lines = {line.name: (str(line.level), line.found) for line in configuration.django_checks()}

    assert lines == {
        "accounts.E002": ("error", "SITE_URL='http://testserver' is public and not https."),
        "accounts.E003": ("error", "DEMO is on, but SITE_URL is public."),
    }


def test_no_finding_of_djangos_checks_is_one_line(laptop):
    lines = [(str(line.level), line.found) for line in configuration.django_checks()]

    assert lines == [("ok", "manage.py check --deploy finds nothing else")]


def test_djangos_https_checks_are_reported_for_an_https_site(public, settings):
    settings.SECURE_HSTS_SECONDS = 0

    assert "security.W004" in {line.name for line in configuration.django_checks()}


def test_every_check_that_the_doctor_leaves_out_exists():
    """If a check is renamed, the doctor would report its finding twice."""
    ours = "".join(module.read_text() for module in Path(checks.__path__[0]).glob("*.py"))
    theirs = Path(django_checks.__file__).parent / "security" / "base.py"
    known = ours + theirs.read_text() + (theirs.parent / "sessions.py").read_text()
    known += (theirs.parent / "csrf.py").read_text()
    for name in configuration.REPORTED_ELSEWHERE | configuration.FOLLOW_FROM_HTTP:
        assert name in known
