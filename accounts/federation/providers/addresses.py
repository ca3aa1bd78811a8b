"""Choose for each provider: the real one, a local stand-in, or none.

These functions read no settings. They turn clients and stand-in addresses into allauth's
`SOCIALACCOUNT_PROVIDERS`. Each provider is a module in `accounts/federation/providers/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PROVIDERS: dict[str, dict[str, Any]] = {
    "google": {
        "AUTHORIZE_URL": "https://accounts.google.com/o/oauth2/v2/auth",
        "ACCESS_TOKEN_URL": "https://oauth2.googleapis.com/token",
        "JWKS_URL": "https://www.googleapis.com/oauth2/v3/certs",
        "REVOKE_URL": "https://oauth2.googleapis.com/revoke",
        "ISSUER": "https://accounts.google.com",
        "SCOPE": ["openid", "profile", "email"],
    },
    "kakao": {
        "AUTHORIZE_URL": "https://kauth.kakao.com/oauth/authorize",
        "ACCESS_TOKEN_URL": "https://kauth.kakao.com/oauth/token",
        "PROFILE_URL": "https://kapi.kakao.com/v2/user/me",
        "TOKEN_INFO_URL": "https://kapi.kakao.com/v1/user/access_token_info",
        "UNLINK_URL": "https://kapi.kakao.com/v1/user/unlink",
        "JWKS_URL": "https://kauth.kakao.com/.well-known/jwks.json",
        "ISSUER": "https://kauth.kakao.com",
    },
    "naver": {
        "AUTHORIZE_URL": "https://nid.naver.com/oauth2.0/authorize",
        "ACCESS_TOKEN_URL": "https://nid.naver.com/oauth2.0/token",
        "PROFILE_URL": "https://openapi.naver.com/v1/nid/me",
    },
}
"""The addresses and scopes of each provider. A stand-in has the same paths, all at one origin."""


@dataclass(frozen=True)
class Client:
    """The ids and secrets that a provider's console gives to this site and to its native apps.

    False in a condition if the site has no client id.
    """

    client_id: str = ""
    secret: str = ""
    native_client_ids: list[str] = field(default_factory=list)
    app_id: int = 0
    admin_key: str = ""

    def __bool__(self) -> bool:
        return bool(self.client_id)


def standin_client(name: str) -> Client:
    """Return the one client of a stand-in. `serve` starts the stand-in with the same values."""
    return Client(
        *(f"demo-{name}-client", f"demo-{name}-secret", [f"demo-{name}-native"]),
        app_id=100001,
        admin_key=f"demo-{name}-admin-key",
    )


def standins(clients: Mapping[str, Client], *, demo_port: int) -> dict[str, str]:
    """Return the origin of each stand-in, by provider: one for each provider without keys.

    Stand-ins listen on the ports after the demo frontend's. Each provider always has the same port.
    """
    return {
        name: f"http://localhost:{port}"
        for port, name in enumerate(PROVIDERS, start=demo_port + 1)
        if not clients.get(name)
    }


def configure(
    clients: Mapping[str, Client], *, standins: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """Return allauth's settings of the providers, and the origins that a sign-in redirects to.

    A provider with keys is the real one. A provider without keys is its stand-in if `standins`
    names one (under DEMO=1 only); otherwise the site doesn't offer the provider.
    """
    configured: dict[str, Any] = {}
    for name, addresses in PROVIDERS.items():
        if client := clients.get(name):
            configured[name] = _apps(name, client) | addresses
        elif origin := standins.get(name):
            configured[name] = _apps(name, standin_client(name)) | _at(origin, addresses)
    return configured, [_origin(options["AUTHORIZE_URL"]) for options in configured.values()]


def _apps(name: str, client: Client) -> dict[str, Any]:
    """Return the settings of the site's own client, and of native apps, which get no button."""
    web = {"client_id": client.client_id, "secret": client.secret, "key": ""}
    native = [
        {"client_id": client_id, "secret": "", "key": "", "settings": {"hidden": True}}
        for client_id in client.native_client_ids
    ]
    return {
        "provider_class": f"accounts.federation.providers.{name}.Provider",
        "APPS": [web, *native],
        "APP_ID": client.app_id,
        "ADMIN_KEY": client.admin_key,
    }


def _at(origin: str, addresses: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.replace(_origin(value), origin) if isinstance(value, str) else value
        for name, value in addresses.items()
    }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
