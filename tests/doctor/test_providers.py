"""Test the checks of Google, Kakao and Naver against stand-ins that speak their protocols."""

import json
import os
import subprocess
import sys

import pytest

from accounts.federation.providers import addresses as configuration
from doctor import providers
from tests.kit import dockerfile, sites, standins
from tests.kit.rings import starts_processes

CALLBACK = "https://auth.example.com/accounts/{}/login/callback/"


def stand_in(name):
    """Run the stand-in of this provider with our client's keys; yield its port."""
    client = ["--client-id=our-client", "--client-secret=our-secret-1"]
    return standins.running(f"demo.{name}", *client, f"--redirect-uri={CALLBACK.format(name)}")


@pytest.fixture(scope="module")
@starts_processes
def ports():
    with stand_in("google") as google, stand_in("kakao") as kakao, stand_in("naver") as naver:
        yield {"google": google, "kakao": kakao, "naver": naver}


@pytest.fixture(scope="module")
def origins(ports):
    return {name: f"http://localhost:{port}" for name, port in ports.items()}


@pytest.fixture
def reverses(monkeypatch):
    """Name the providers' pages, which the URLs contain only if the settings named them at start."""
    reports = {
        "google_security_events": "google/security-events",
        "kakao_unlinked": "kakao/unlinked",
        "kakao_security_events": "kakao/security-events",
    }
    monkeypatch.setattr(
        providers,
        "reverse",
        lambda name: f"/accounts/{reports.get(name, name.replace('_', '/login/'))}/",
    )


@pytest.fixture
def configured(settings, origins, reverses, monkeypatch):
    """Configure keys for all providers, with stand-ins that do not look like loopback addresses."""
    monkeypatch.setattr(providers, "is_loopback", lambda url: False)

    def run(
        client_id="our-client",
        secret="our-secret-1",
        admin_key="our-admin-key",
        app_id=424242,
        **changes,
    ):
        client = configuration.Client(client_id, secret, app_id=app_id, admin_key=admin_key)
        there, _ = configuration.configure({}, standins=origins)
        settings.SOCIALACCOUNT_PROVIDERS = {
            name: options | configuration._apps(name, client) | changes
            for name, options in there.items()
        }

    return run


@pytest.fixture
def lines(told):
    def run(seconds=20):
        found = {}
        for area in providers.areas(seconds=seconds):
            found |= told(area)
        return found

    return run


def test_providers_that_are_not_configured_are_skipped(lines, settings, public):
    settings.SOCIALACCOUNT_PROVIDERS = {}

    assert lines() == {
        "google": ("skipped", "not offered: GOOGLE_CLIENT_ID is empty", ""),
        "kakao": ("skipped", "not offered: KAKAO_CLIENT_ID is empty", ""),
        "naver": ("skipped", "not offered: NAVER_CLIENT_ID is empty", ""),
    }


def test_healthy_providers(lines, configured, public, origins):
    configured()

    found = lines()
    keys = found.pop("google keys")
    assert found == {
        name: ("ok", f"register this redirect URI: {CALLBACK.format(name)}", "") for name in origins
    } | {
        f"{name} credentials": ("ok", f"{origin} accepts this client", "")
        for name, origin in origins.items()
    } | {
        "google reports": (
            "ok",
            "register this receiver: https://auth.example.com/accounts/google/security-events/",
            "",
        ),
        "kakao reports": (
            "ok",
            f"register this account status webhook: {CALLBACK.format('kakao')}".replace(
                "login/callback", "security-events"
            ),
            "",
        ),
        "kakao unlinking": (
            "ok",
            "register this unlink webhook: https://auth.example.com/accounts/kakao/unlinked/",
            "",
        ),
    }
    assert keys[0] == "ok"
    assert keys[1].endswith(f" at {origins['google']}")


def test_a_wrong_secret_is_an_error_and_not_shown(lines, configured, public, origins):
    configured(secret="their-secret-1")

    found = lines()

    google = found["google credentials"]
    assert (google[0], google[2]) == (
        "error",
        "Correct GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET.",
    )
    assert google[1].startswith(f"{origins['google']} answers 401 invalid_client: ")
    assert found["kakao credentials"] == (
        "error",
        (f"{origins['kakao']} answers 401 invalid_client: KOE010 Bad client credentials"),
        "Correct KAKAO_CLIENT_ID and KAKAO_CLIENT_SECRET.",
    )
    assert found["naver credentials"] == (
        "error",
        (f"{origins['naver']} answers 200 invalid_client: wrong client id / client secret pair"),
        "Correct NAVER_CLIENT_ID and NAVER_CLIENT_SECRET.",
    )
    assert "their-secret-1" not in str(found)


def test_a_provider_out_of_reach_is_an_error(lines, configured, public):
    dead = "http://127.0.0.1:9/token"
    configured(ACCESS_TOKEN_URL=dead, JWKS_URL=dead)

    found = lines()

    for name in ("google keys", "google credentials", "kakao credentials"):
        level, text, advice = found[name]
        assert (level, advice) == ("error", providers.REACH), name
        assert text.startswith("can't be reached: ")
        assert "Connection refused" in text


def test_a_silent_provider_is_an_error_within_the_limit(lines, configured, public):
    with sites.silent() as port:
        url = f"http://127.0.0.1:{port}/token"
        configured(ACCESS_TOKEN_URL=url, JWKS_URL=url)

        found = lines(seconds=0.2)

    for name in ("google keys", "google credentials", "kakao credentials"):
        assert found[name][0] == "error", name
        assert "timed out" in found[name][1]


def test_an_unexpected_answer_of_a_provider_is_reported(lines, configured, public):
    pages = {"/certs": sites.Page(500)}
    with sites.site(pages) as origin:
        configured(ACCESS_TOKEN_URL=f"{origin}/token", JWKS_URL=f"{origin}/certs")

        found = lines()

    assert found["google keys"] == (
        "error",
        f"{origin}/certs answers 500",
        providers.REACH,
    )
    assert found["kakao credentials"] == (
        "warning",
        f"{origin} answers 501, which doesn't tell whether it accepts this client",
        "See kakao's status page.",
    )


def test_a_missing_secret_is_a_warning(lines, configured, public):
    configured(secret="")

    assert lines()["kakao"] == (
        "warning",
        "no client secret",
        "Set KAKAO_CLIENT_SECRET, or switch the client secret off at kakao.",
    )


def test_a_missing_admin_key_is_a_warning(lines, configured, public):
    configured(admin_key="")

    assert lines()["kakao unlinking"] == (
        "warning",
        "the site can't report disconnected and deleted accounts to Kakao, and refuses Kakao's webhook",
        "Set KAKAO_ADMIN_KEY and KAKAO_APP_ID.",
    )


def test_an_admin_key_without_the_apps_id_is_a_warning(lines, configured, public):
    configured(app_id=0)

    assert lines()["kakao unlinking"] == (
        "warning",
        "the site refuses Kakao's webhook, because it can't check which app it is for",
        "Set KAKAO_APP_ID.",
    )


def test_stand_ins_are_ok_on_a_laptop_only(lines, settings, laptop, origins, reverses):
    settings.SOCIALACCOUNT_PROVIDERS, _ = configuration.configure({}, standins=origins)

    assert lines()["google"] == ("ok", f"a stand-in at {origins['google']}", "")

    settings.SITE_URL = "https://auth.example.com"
    assert lines()["google"] == (
        "error",
        "a demo stand-in on a public site: anybody can sign in as any user",
        "Unset DEMO, and set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET.",
    )


def test_the_redirect_uris_are_those_of_the_pages(site_uris):
    assert site_uris == {
        "google": "https://auth.example.com/accounts/google/login/callback/",
        "kakao": "https://auth.example.com/accounts/kakao/login/callback/",
        "naver": "https://auth.example.com/accounts/naver/login/callback/",
    }


@pytest.fixture
@starts_processes
def site_uris():
    """Return the redirect URIs of a process whose settings name all providers."""
    code = (
        "import json, django; django.setup()\n"
        "from doctor import providers\n"
        "print(json.dumps({n: providers.redirect_uri(n) for n in ('google', 'kakao', 'naver')}))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=dockerfile.ROOT,
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "SITE_URL": "https://auth.example.com",
            "TRUSTED_PROXY_COUNT": "1",
            "GOOGLE_CLIENT_ID": "google",
            "KAKAO_CLIENT_ID": "kakao",
            "NAVER_CLIENT_ID": "naver",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)
