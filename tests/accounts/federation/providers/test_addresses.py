"""Configure each provider: the real one, a stand-in, or none."""

from pathlib import Path

import pytest
from allauth.socialaccount.providers import registry
from django.template.loader import render_to_string

from accounts.federation import profile
from accounts.federation.provider import StrictProvider
from accounts.federation.providers import addresses
from accounts.federation.providers.addresses import Client

REAL = Client("real-id", "real-secret")
ALL = dict.fromkeys(addresses.PROVIDERS, REAL)
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
def test_form_action_lists_exactly_these_origins(real, is_demo):
    clients = {name: REAL if name in real else Client() for name in ALL}
    standins = addresses.standins(clients, demo_port=8001) if is_demo else {}

    _, allowed = addresses.configure(clients, standins=standins)

    there = (STANDINS if is_demo else {}) | {name: ORIGINS[name] for name in real}
    assert allowed == [there[name] for name in ALL if name in there]


def test_a_stand_in_replaces_a_provider_without_keys():
    assert addresses.standins({}, demo_port=8001) == STANDINS
    assert addresses.standins({"kakao": REAL}, demo_port=8001) == {
        "google": "http://localhost:8002",
        "naver": "http://localhost:8004",
    }


def test_a_provider_without_keys_is_not_offered():
    configured, _ = addresses.configure({}, standins={})

    assert configured == {}


@pytest.mark.parametrize("standins", [{}, STANDINS])
def test_real_keys_never_go_to_a_stand_in(standins):
    configured, _ = addresses.configure(ALL, standins=standins)

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


def test_native_clients_are_accepted_but_have_no_button():
    client = Client("real-id", "real-secret", ["ios-id", "android-id"], 7, "admin-key")

    configured, _ = addresses.configure(dict.fromkeys(ALL, client), standins={})

    for provider in configured.values():
        assert (provider["APP_ID"], provider["ADMIN_KEY"]) == (7, "admin-key")
        assert provider["APPS"] == [
            {"client_id": "real-id", "secret": "real-secret", "key": ""},
            {"client_id": "ios-id", "secret": "", "key": "", "settings": {"hidden": True}},
            {"client_id": "android-id", "secret": "", "key": "", "settings": {"hidden": True}},
        ]


def test_every_address_of_a_stand_in_is_on_its_origin():
    configured, _ = addresses.configure({}, standins=STANDINS)

    for name, origin in STANDINS.items():
        origins = [v for k, v in configured[name].items() if k.endswith(("_URL", "ISSUER"))]
        assert len(origins) >= 3
        assert all(address.startswith(origin) for address in origins)


def test_every_provider_uses_our_own_strict_class(settings):
    assert list(settings.SOCIALACCOUNT_PROVIDERS) == [*ALL]
    for name in settings.SOCIALACCOUNT_PROVIDERS:
        assert issubclass(registry.get_class(name), StrictProvider)
        assert f"allauth.socialaccount.providers.{name}" not in settings.INSTALLED_APPS


@pytest.mark.parametrize("name", addresses.PROVIDERS)
def test_every_provider_has_an_icon_and_a_style(name):
    style = (Path(__file__).parents[4] / "accounts/static/accounts/style.css").read_text()

    assert "provider-logo" in render_to_string("snippets/provider_logo.html", {"provider": name})
    assert f".provider.{name} {{" in style


def test_a_removed_provider_still_has_a_symbol_and_a_name():
    assert "<svg" in render_to_string("snippets/provider_logo.html", {"provider": "gone"})
    assert render_to_string("snippets/provider_name.html", {"provider": "gone"}) == "Gone"


@pytest.mark.parametrize("setting", ["VERIFIED_EMAIL", "EMAIL_AUTHENTICATION"])
def test_no_setting_trusts_a_providers_unverified_email(setting):
    configured, _ = addresses.configure(ALL, standins={})

    assert len(configured) == 3
    assert all(setting not in options for options in configured.values())


@pytest.mark.parametrize(
    "email", ["\u212aim@example.com", "\u017fam@example.com", "김@example.com"]
)
def test_an_email_in_foreign_letters_is_nobodys(email):
    """In lower case, the Kelvin sign is a usual `k`: the mailbox of another person."""
    assert profile.address(email) == ""


def test_an_email_at_a_domain_in_foreign_letters_stays():
    assert profile.address("minji@한국.kr") == "minji@한국.kr"
