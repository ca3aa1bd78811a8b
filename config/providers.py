"""Which Google and Kakao the site talks to: the real ones, local stand-ins, or neither.

Pure: client ids and stand-in addresses in, allauth's `SOCIALACCOUNT_PROVIDERS` out. Each provider
with `APPS` is an app in `accounts/social/`.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Client:
    """What a provider's console hands out to this site, and to its native apps."""

    client_id: str
    secret: str
    native_client_ids: list[str] = field(default_factory=list)
    app_id: int = 0
    admin_key: str = ""

    def __bool__(self) -> bool:
        return bool(self.client_id)


@dataclass(frozen=True)
class Standins:
    """Origins of the `demo/` processes that speak the providers' protocols."""

    google: str
    kakao: str


STANDIN_GOOGLE = Client("demo-google-client", "demo-google-secret", ["demo-google-native"])
STANDIN_KAKAO = Client(
    "demo-kakao-client", "demo-kakao-secret", ["demo-kakao-native"], 100001, "demo-kakao-admin-key"
)

GOOGLE_ORIGIN = "https://accounts.google.com"
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
    configured: dict[str, Any] = {}
    origins = []
    if google:
        configured["google"] = _apps(google) | _google()
        origins.append(GOOGLE_ORIGIN)
    elif standins:
        configured["google"] = _apps(STANDIN_GOOGLE) | _google_standin(standins.google)
        origins.append(standins.google)
    if kakao:
        configured["kakao"] = _apps(kakao) | _kakao(KAKAO_LOGIN_ORIGIN, KAKAO_API_ORIGIN)
        origins.append(KAKAO_LOGIN_ORIGIN)
    elif standins:
        configured["kakao"] = _apps(STANDIN_KAKAO) | _kakao(standins.kakao, standins.kakao)
        origins.append(standins.kakao)
    return configured, origins


def _apps(client: Client) -> dict[str, Any]:
    """The site's own client, then those of native apps, for which no page has a button."""
    web = {"client_id": client.client_id, "secret": client.secret, "key": ""}
    native = [
        {"client_id": client_id, "secret": "", "key": "", "settings": {"hidden": True}}
        for client_id in client.native_client_ids
    ]
    return {"APPS": [web, *native], "APP_ID": client.app_id, "ADMIN_KEY": client.admin_key}


def _google() -> dict[str, Any]:
    return {
        "SCOPE": ["openid", "profile", "email"],
        "AUTHORIZE_URL": f"{GOOGLE_ORIGIN}/o/oauth2/v2/auth",
        "ACCESS_TOKEN_URL": "https://oauth2.googleapis.com/token",
        "JWKS_URL": "https://www.googleapis.com/oauth2/v3/certs",
        "REVOKE_URL": "https://oauth2.googleapis.com/revoke",
        "ISSUERS": [GOOGLE_ORIGIN, GOOGLE_ORIGIN.removeprefix("https://")],
        # Of security event tokens: with a slash, as nowhere else.
        "EVENT_ISSUERS": [f"{GOOGLE_ORIGIN}/", GOOGLE_ORIGIN],
    }


def _google_standin(origin: str) -> dict[str, Any]:
    return _google() | {
        "AUTHORIZE_URL": f"{origin}/o/oauth2/v2/auth",
        "ACCESS_TOKEN_URL": f"{origin}/token",
        "JWKS_URL": f"{origin}/oauth2/v3/certs",
        "REVOKE_URL": f"{origin}/revoke",
        "ISSUERS": [origin, origin.removeprefix("http://")],
        "EVENT_ISSUERS": [f"{origin}/", origin],
    }


def _kakao(login: str, api: str) -> dict[str, Any]:
    return {
        "AUTHORIZE_URL": f"{login}/oauth/authorize",
        "ACCESS_TOKEN_URL": f"{login}/oauth/token",
        "PROFILE_URL": f"{api}/v2/user/me",
        "TOKEN_INFO_URL": f"{api}/v1/user/access_token_info",
        "UNLINK_URL": f"{api}/v1/user/unlink",
        "JWKS_URL": f"{login}/.well-known/jwks.json",
        "ISSUERS": [login],
    }
