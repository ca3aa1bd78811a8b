"""Which Google and Kakao: the real ones, stand-ins, or neither."""

import pytest
from allauth.socialaccount.providers import registry

from accounts.social.provider import StrictProvider
from config import providers
from config.providers import Client

NONE = Client("", "")
REAL = Client("real-id", "real-secret")
STANDINS = providers.standins(8001)


@pytest.mark.parametrize(
    ("google", "kakao", "standins", "origins"),
    [
        (NONE, NONE, None, []),
        (NONE, NONE, STANDINS, ["http://localhost:8002", "http://localhost:8003"]),
        (REAL, NONE, None, ["https://accounts.google.com"]),
        (NONE, REAL, None, ["https://kauth.kakao.com"]),
        (REAL, REAL, None, ["https://accounts.google.com", "https://kauth.kakao.com"]),
        (REAL, REAL, STANDINS, ["https://accounts.google.com", "https://kauth.kakao.com"]),
        (REAL, NONE, STANDINS, ["https://accounts.google.com", "http://localhost:8003"]),
        (NONE, REAL, STANDINS, ["http://localhost:8002", "https://kauth.kakao.com"]),
    ],
    ids=[
        "none",
        "stand-ins",
        "google",
        "kakao",
        "both",
        "both in a demo",
        "google in a demo",
        "kakao in a demo",
    ],
)
def test_forms_may_lead_to_exactly_these_origins(google, kakao, standins, origins):
    _, allowed = providers.configure(google=google, kakao=kakao, standins=standins)

    assert allowed == origins


def test_a_provider_without_keys_is_not_offered():
    configured, _ = providers.configure(google=NONE, kakao=NONE, standins=None)

    assert configured == {}


@pytest.mark.parametrize("standins", [None, STANDINS])
def test_real_keys_never_go_to_a_stand_in(standins):
    configured, _ = providers.configure(google=REAL, kakao=REAL, standins=standins)

    assert "localhost" not in str(configured)
    assert configured["google"]["APPS"] == [
        {"client_id": "real-id", "secret": "real-secret", "key": ""}
    ]
    assert configured["kakao"]["AUTHORIZE_URL"] == "https://kauth.kakao.com/oauth/authorize"
    assert configured["kakao"]["ACCESS_TOKEN_URL"] == "https://kauth.kakao.com/oauth/token"
    assert configured["kakao"]["PROFILE_URL"] == "https://kapi.kakao.com/v2/user/me"
    assert configured["kakao"]["UNLINK_URL"] == "https://kapi.kakao.com/v1/user/unlink"


def test_native_clients_stand_beside_the_sites_own_and_have_no_button():
    client = Client("real-id", "real-secret", ["ios-id", "android-id"], 7, "admin-key")

    configured, _ = providers.configure(google=client, kakao=client, standins=None)

    for provider in configured.values():
        assert (provider["APP_ID"], provider["ADMIN_KEY"]) == (7, "admin-key")
        assert provider["APPS"] == [
            {"client_id": "real-id", "secret": "real-secret", "key": ""},
            {"client_id": "ios-id", "secret": "", "key": "", "settings": {"hidden": True}},
            {"client_id": "android-id", "secret": "", "key": "", "settings": {"hidden": True}},
        ]


def test_google_has_two_spellings_of_its_name():
    configured, _ = providers.configure(google=REAL, kakao=NONE, standins=None)

    assert configured["google"]["ISSUERS"] == ["https://accounts.google.com", "accounts.google.com"]
    assert configured["google"]["EVENT_ISSUERS"] == [
        "https://accounts.google.com/",
        "https://accounts.google.com",
    ]
    assert configured["google"]["JWKS_URL"] == "https://www.googleapis.com/oauth2/v3/certs"
    assert configured["google"]["REVOKE_URL"] == "https://oauth2.googleapis.com/revoke"


def test_every_stand_in_address_is_the_stand_ins():
    configured, _ = providers.configure(google=NONE, kakao=NONE, standins=STANDINS)

    for name, origin in {
        "google": "http://localhost:8002",
        "kakao": "http://localhost:8003",
    }.items():
        addresses = [v for k, v in configured[name].items() if k.endswith("_URL")]
        assert len(addresses) >= 3
        assert all(address.startswith(origin) for address in addresses)
        assert all(origin.endswith(issuer) for issuer in configured[name]["ISSUERS"])


def test_every_provider_is_one_of_our_own_strict_ones(settings):
    assert list(settings.SOCIALACCOUNT_PROVIDERS) == ["google", "kakao"]
    for name in settings.SOCIALACCOUNT_PROVIDERS:
        assert issubclass(registry.get_class(name), StrictProvider)
        assert f"allauth.socialaccount.providers.{name}" not in settings.INSTALLED_APPS


@pytest.mark.parametrize("setting", ["VERIFIED_EMAIL", "EMAIL_AUTHENTICATION"])
def test_no_provider_is_trusted_beyond_its_word(setting):
    configured, _ = providers.configure(google=REAL, kakao=REAL, standins=None)

    assert setting not in configured["google"]
    assert setting not in configured["kakao"]
