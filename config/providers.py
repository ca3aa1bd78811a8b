"""Which Google and Kakao the site talks to: the real ones, local stand-ins, or neither.

Pure: client ids and stand-in addresses in, allauth's `SOCIALACCOUNT_PROVIDERS` out.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Client:
    """What a provider's console hands out to this site."""

    client_id: str
    secret: str

    def __bool__(self) -> bool:
        return bool(self.client_id)


@dataclass(frozen=True)
class Standins:
    """Origins of the `demo/` processes that speak the providers' protocols."""

    google: str
    kakao: str


STANDIN_GOOGLE = Client("demo-google-client", "demo-google-secret")
STANDIN_KAKAO = Client("demo-kakao-client", "demo-kakao-secret")

GOOGLE_ORIGIN = "https://accounts.google.com"
GOOGLE = {
    "provider_class": "accounts.social.google.provider.GoogleProvider",
    "SCOPE": ["profile", "email"],
}
KAKAO_LOGIN_ORIGIN = "https://kauth.kakao.com"
KAKAO_API_ORIGIN = "https://kapi.kakao.com"


def standins(demo_port: int) -> Standins:
    """The stand-ins listen on the two ports after the demo frontend's."""
    return Standins(f"http://localhost:{demo_port + 1}", f"http://localhost:{demo_port + 2}")


def configure(
    *, google: Client, kakao: Client, standins: Standins | None
) -> tuple[dict[str, Any], list[str]]:
    """allauth's provider settings, and the origins that a sign-in form redirects to.

    A provider with keys is the real one. Without keys it is a stand-in where one runs
    (`standins`, under DEMO=1 only), else it isn't offered.
    """
    configured: dict[str, Any] = {"google": {}, "kakao": _kakao_endpoints()}
    origins = []
    if google:
        configured["google"] = _app(google) | GOOGLE
        origins.append(GOOGLE_ORIGIN)
    elif standins:
        configured["google"] = _app(STANDIN_GOOGLE) | _google_standin(standins.google)
        origins.append(standins.google)
    if kakao:
        configured["kakao"] |= _app(kakao)
        origins.append(KAKAO_LOGIN_ORIGIN)
    elif standins:
        configured["kakao"] |= _app(STANDIN_KAKAO) | _kakao_endpoints(
            standins.kakao, standins.kakao
        )
        origins.append(standins.kakao)
    return configured, origins


def _app(client: Client) -> dict[str, Any]:
    return {
        "APPS": [{"client_id": client.client_id, "secret": client.secret, "key": ""}],
        "OAUTH_PKCE_ENABLED": True,
    }


def _google_standin(origin: str) -> dict[str, Any]:
    return {
        **GOOGLE,
        "AUTHORIZE_URL": f"{origin}/o/oauth2/v2/auth",
        "ACCESS_TOKEN_URL": f"{origin}/token",
        "CERTS_URL": f"{origin}/oauth2/v1/certs",
        "IDENTITY_URL": f"{origin}/oauth2/v2/userinfo",
        "ID_TOKEN_ISSUER": origin,
    }


def _kakao_endpoints(
    login: str = KAKAO_LOGIN_ORIGIN, api: str = KAKAO_API_ORIGIN
) -> dict[str, Any]:
    return {
        "provider_class": "accounts.social.kakao.provider.KakaoProvider",
        "AUTHORIZE_URL": f"{login}/oauth/authorize",
        "ACCESS_TOKEN_URL": f"{login}/oauth/token",
        "PROFILE_URL": f"{api}/v2/user/me",
    }
