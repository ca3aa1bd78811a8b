"""Which providers: the real ones, stand-ins, or neither."""

from pathlib import Path

import pytest
from allauth.socialaccount.providers import registry
from django.template.loader import render_to_string

from accounts.federation.provider import StrictProvider
from config import providers
from config.providers import Client

REAL = Client("real-id", "real-secret")
ALL = dict.fromkeys(providers.PROVIDERS, REAL)
STANDINS = {
    "google": "http://localhost:8002",
    "kakao": "http://localhost:8003",
    "naver": "http://localhost:8004",
}
ORIGINS = {
    "google": "https://accounts.google.com",
    "kakao": "https://kauth.kakao.com",
    "naver": "https://nid.naver.com",
}


@pytest.mark.parametrize("real", [[], ["google"], ["kakao"], ["naver"], [*ALL]], ids=str)
@pytest.mark.parametrize("is_demo", [False, True], ids=["deployed", "demo"])
def test_forms_may_lead_to_exactly_these_origins(real, is_demo):
    clients = {name: REAL if name in real else Client() for name in ALL}
    standins = providers.standins(clients, demo_port=8001) if is_demo else {}

    _, allowed = providers.configure(clients, standins=standins)

    there = (STANDINS if is_demo else {}) | {name: ORIGINS[name] for name in real}
    assert allowed == [there[name] for name in ALL if name in there]


def test_a_stand_in_takes_the_place_of_a_provider_without_keys():
    assert providers.standins({}, demo_port=8001) == STANDINS
    assert providers.standins({"kakao": REAL}, demo_port=8001) == {
        "google": "http://localhost:8002",
        "naver": "http://localhost:8004",
    }


def test_a_provider_without_keys_is_not_offered():
    configured, _ = providers.configure({}, standins={})

    assert configured == {}


@pytest.mark.parametrize("standins", [{}, STANDINS])
def test_real_keys_never_go_to_a_stand_in(standins):
    configured, _ = providers.configure(ALL, standins=standins)

    assert "localhost" not in str(configured)
    assert configured["google"]["APPS"] == [
        {"client_id": "real-id", "secret": "real-secret", "key": ""}
    ]
    assert configured["kakao"]["AUTHORIZE_URL"] == "https://kauth.kakao.com/oauth/authorize"
    assert configured["kakao"]["ACCESS_TOKEN_URL"] == "https://kauth.kakao.com/oauth/token"
    assert configured["kakao"]["PROFILE_URL"] == "https://kapi.kakao.com/v2/user/me"
    assert configured["kakao"]["UNLINK_URL"] == "https://kapi.kakao.com/v1/user/unlink"
    assert configured["google"]["REVOKE_URL"] == "https://oauth2.googleapis.com/revoke"
    assert configured["naver"]["PROFILE_URL"] == "https://openapi.naver.com/v1/nid/me"


def test_native_clients_stand_beside_the_sites_own_and_have_no_button():
    client = Client("real-id", "real-secret", ["ios-id", "android-id"], 7, "admin-key")

    configured, _ = providers.configure(dict.fromkeys(ALL, client), standins={})

    for provider in configured.values():
        assert (provider["APP_ID"], provider["ADMIN_KEY"]) == (7, "admin-key")
        assert provider["APPS"] == [
            {"client_id": "real-id", "secret": "real-secret", "key": ""},
            {"client_id": "ios-id", "secret": "", "key": "", "settings": {"hidden": True}},
            {"client_id": "android-id", "secret": "", "key": "", "settings": {"hidden": True}},
        ]


def test_every_stand_in_address_is_the_stand_ins():
    configured, _ = providers.configure({}, standins=STANDINS)

    for name, origin in STANDINS.items():
        addresses = [v for k, v in configured[name].items() if k.endswith(("_URL", "ISSUER"))]
        assert len(addresses) >= 3
        assert all(address.startswith(origin) for address in addresses)


def test_every_provider_is_one_of_our_own_strict_ones(settings):
    assert list(settings.SOCIALACCOUNT_PROVIDERS) == [*ALL]
    for name in settings.SOCIALACCOUNT_PROVIDERS:
        assert issubclass(registry.get_class(name), StrictProvider)
        assert f"allauth.socialaccount.providers.{name}" not in settings.INSTALLED_APPS


@pytest.mark.parametrize("name", providers.PROVIDERS)
def test_every_provider_has_its_looks(name):
    style = (Path(__file__).parents[2] / "accounts/static/accounts/style.css").read_text()

    assert "provider-logo" in render_to_string("snippets/provider_logo.html", {"provider": name})
    assert f".provider.{name} {{" in style


def test_a_removed_provider_still_has_a_symbol_and_a_name():
    assert "<svg" in render_to_string("snippets/provider_logo.html", {"provider": "gone"})
    assert render_to_string("snippets/provider_name.html", {"provider": "gone"}) == "Gone"


@pytest.mark.parametrize("setting", ["VERIFIED_EMAIL", "EMAIL_AUTHENTICATION"])
def test_no_provider_is_trusted_beyond_its_word(setting):
    configured, _ = providers.configure(ALL, standins={})

    assert len(configured) == 3
    assert all(setting not in options for options in configured.values())
