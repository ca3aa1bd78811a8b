"""Which Google and Kakao: the real ones, stand-ins, or neither."""

import pytest

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

    assert "APPS" not in configured["google"]
    assert "APPS" not in configured["kakao"]


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


@pytest.mark.parametrize(("keys", "standins"), [(REAL, None), (NONE, STANDINS)])
def test_pkce_is_always_on(keys, standins):
    configured, _ = providers.configure(google=keys, kakao=keys, standins=standins)

    assert configured["google"]["OAUTH_PKCE_ENABLED"] is True
    assert configured["kakao"]["OAUTH_PKCE_ENABLED"] is True


def test_every_stand_in_address_is_the_stand_ins():
    configured, _ = providers.configure(google=NONE, kakao=NONE, standins=STANDINS)

    google = [v for k, v in configured["google"].items() if k.endswith(("_URL", "_ISSUER"))]
    kakao = [v for k, v in configured["kakao"].items() if k.endswith("_URL")]
    assert all(address.startswith("http://localhost:8002") for address in google)
    assert all(address.startswith("http://localhost:8003") for address in kakao)


@pytest.mark.parametrize("standins", [None, STANDINS])
def test_the_strict_kakao_provider_is_always_used(standins):
    configured, _ = providers.configure(google=NONE, kakao=REAL, standins=standins)

    assert configured["kakao"]["provider_class"] == "accounts.social.kakao.provider.KakaoProvider"


@pytest.mark.parametrize("setting", ["VERIFIED_EMAIL", "EMAIL_AUTHENTICATION"])
def test_no_provider_is_trusted_beyond_its_word(setting):
    configured, _ = providers.configure(google=REAL, kakao=REAL, standins=None)

    assert setting not in configured["google"]
    assert setting not in configured["kakao"]
