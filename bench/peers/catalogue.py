"""List the peers, the rows of the second table, and the request of each peer for each row."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import installing, loads
from bench.loads import Load
from bench.seeding import PASSWORD

HERE = Path(__file__).resolve().parent
USER0 = "user0@example.com"
FROM = ("X-Forwarded-For", "{ip}")

ROWS = {
    "login": "Sign in with a password",
    "refresh": "Refresh: a new pair, the old refresh token ends",
    "kept": "A new access token, nothing rotates",
    "me-bearer": "Who am I, by Bearer",
    "me-cookie": "Who am I, by session cookie",
    "verify": "Is this token good?",
    "sign-out": "Sign out",
}
CONNECTIONS = {"login": 4}
"""Connections of the load, where they are not those of the first table. A hash takes a core."""
TIMES_AS_LONG = {"login": 2}
"""Rows whose cells take longer. What is in flight at the end of a cell costs CPU and is not counted."""


@dataclass(frozen=True)
class Server:
    """One process of a peer. `env` has its variables."""

    name: str
    command: Callable[[Path, int], list[str]]
    """Takes what `Peer.install` returned, and the port."""
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Peer:
    key: str
    name: str
    install: Callable[[], Path]
    """Returns the Python or the folder that runs it. Raises `NotInstalledError`."""
    seed: Callable[[Path], list[str]]
    servers: tuple[Server, ...]
    cells: Mapping[str, tuple[str, Load]]
    """The server and the request for each row that the peer offers."""
    refreshes_per_second: int = 0
    sign_outs_per_second: int = 0
    env: Mapping[str, str] = field(default_factory=dict)
    needs_key: bool = False
    """Whether it needs an RSA key in the file that PEER_KEY names."""


def _pip(key: str) -> Callable[[], Path]:
    return lambda: installing.python_packages(key, HERE / key / "requirements.lock")


def _program(module: str) -> Callable[[Path], list[str]]:
    return lambda python: [str(python), "-m", module]


def _gunicorn(python: Path, port: int) -> list[str]:
    options = ["--workers=1", "--log-level=error", f"--bind=127.0.0.1:{port}"]
    return [str(python), "-m", "gunicorn", *options, "django.core.wsgi:get_wsgi_application()"]


def _uvicorn(python: Path, port: int) -> list[str]:
    options = ["--workers=1", "--log-level=error", "--no-access-log", f"--port={port}"]
    return [str(python), "-m", "uvicorn", *options, "bench.peers.fastapi_users.app:app"]


def _node(folder: Path, port: int) -> list[str]:
    url = f"BETTER_AUTH_URL={ORIGIN}"
    return ["env", f"PORT={port}", url, "node", str(folder / "server.mjs")]


def _from_anywhere(load: Load) -> Load:
    return replace(load, headers=(*load.headers, FROM))


def _better(load: Load) -> Load:
    """Name the site's origin, which better-auth demands of a POST with a cookie."""
    return replace(load, headers=(*load.headers, FROM, ("Origin", ORIGIN)))


def _json_login(path: str, name: str = "username", has: str = '"refresh"') -> Load:
    return loads.post(path, "logins", f'{{"{name}":"{{1}}","password":"{{2}}"}}', has=(has,))


ORIGIN = "http://auth.example.com"
AAH = "/_allauth/app/v1/auth"
SESSION = "better-auth.session_token"

OURS = Peer(
    "ours",
    "ours",
    lambda: Path(sys.executable),
    _program("bench.ours.seed"),
    (),
    {
        "login": ("ours", _json_login("/api/token/", "email")),
        "refresh": ("ours", loads.refresh("/api/token/refresh/", has=('"refresh"',))),
        "me-bearer": ("ours", loads.bearer("/api/me/", has=(USER0,))),
        "me-cookie": ("ours", loads.cookie("/api/me/", "session", has=(USER0,))),
        "verify": ("ours", loads.bearer("/api/verify", status=204)),
        "sign-out": (
            "ours",
            loads.post("/api/token/revoke/", "sign-out", '{"token":"{1}"}', is_once=True),
        ),
    },
    refreshes_per_second=2500,
    sign_outs_per_second=1500,
)

DJ_REST_AUTH = Peer(
    "dj_rest_auth",
    "dj-rest-auth",
    _pip("dj_rest_auth"),
    _program("bench.peers.simplejwt_seed"),
    (Server("dj_rest_auth", _gunicorn),),
    {
        "login": ("dj_rest_auth", _json_login("/dj-rest-auth/login/")),
        "refresh": (
            "dj_rest_auth",
            loads.refresh("/dj-rest-auth/token/refresh/", has=('"refresh"',)),
        ),
        "me-bearer": ("dj_rest_auth", loads.bearer("/dj-rest-auth/user/", has=(USER0,))),
        "me-cookie": (
            "dj_rest_auth",
            loads.cookie("/dj-rest-auth/user/", "sessionid", has=(USER0,)),
        ),
        "verify": (
            "dj_rest_auth",
            loads.post("/dj-rest-auth/token/verify/", "access", '{"token":"{1}"}'),
        ),
        "sign-out": (
            "dj_rest_auth",
            loads.post(
                "/dj-rest-auth/logout/",
                "sign-out",
                '{"refresh":"{1}"}',
                is_once=True,
                has=("Successfully",),
            ),
        ),
    },
    refreshes_per_second=400,
    sign_outs_per_second=600,
    env={"DJANGO_SETTINGS_MODULE": "bench.peers.dj_rest_auth.settings"},
)

DJOSER = Peer(
    "djoser",
    "Djoser",
    _pip("djoser"),
    _program("bench.peers.simplejwt_seed"),
    (
        Server("djoser", _gunicorn),
        Server("djoser-kept", _gunicorn, {"PEER_ROTATES": "0"}),
    ),
    {
        "login": ("djoser", _json_login("/auth/jwt/create/")),
        "refresh": ("djoser", loads.refresh("/auth/jwt/refresh/", has=('"refresh"',))),
        "kept": (
            "djoser-kept",
            loads.post("/auth/jwt/refresh/", "kept", '{"refresh":"{1}"}', has=('"access"',)),
        ),
        "me-bearer": ("djoser", loads.bearer("/auth/users/me/", has=(USER0,))),
        "verify": ("djoser", loads.post("/auth/jwt/verify/", "access", '{"token":"{1}"}')),
    },
    refreshes_per_second=400,
    env={"DJANGO_SETTINGS_MODULE": "bench.peers.djoser.settings"},
)

ALLAUTH = Peer(
    "allauth",
    "allauth headless",
    _pip("allauth"),
    _program("bench.peers.allauth.seed"),
    (Server("allauth", _gunicorn),),
    {
        "login": ("allauth", _from_anywhere(_json_login(f"{AAH}/login", has='"refresh_token"'))),
        "refresh": (
            "allauth",
            loads.post(
                "/_allauth/app/v1/tokens/refresh",
                "refresh",
                '{"refresh_token":"{1}"}',
                is_once=True,
                has=('"refresh_token"',),
            ),
        ),
        "me-bearer": ("allauth", loads.bearer(f"{AAH}/session", has=(USER0,))),
        "me-cookie": (
            "allauth",
            loads.cookie("/_allauth/browser/v1/auth/session", "sessionid", has=(USER0,)),
        ),
        "verify": ("allauth", loads.bearer("/verify", has=('"sub"',))),
        "sign-out": (
            "allauth",
            # Its page says so: 401, because nobody is signed in any more.
            replace(
                loads.bearer(f"{AAH}/session", method="DELETE", is_once=True, status=401),
                tokens="sign-out",
            ),
        ),
    },
    refreshes_per_second=1000,
    sign_outs_per_second=1000,
    env={
        "DJANGO_SETTINGS_MODULE": "bench.peers.allauth.settings",
        "PEER_BACKEND": "allauth.account.auth_backends.AuthenticationBackend",
    },
    needs_key=True,
)

FASTAPI_USERS = Peer(
    "fastapi_users",
    "FastAPI-Users",
    _pip("fastapi_users"),
    _program("bench.peers.fastapi_users.seed"),
    (Server("fastapi_users", _uvicorn),),
    {
        "login": (
            "fastapi_users",
            loads.post(
                "/auth/jwt/login", "logins", "username={1}&password={2}", has=('"access_token"',)
            ),
        ),
        "me-bearer": ("fastapi_users", loads.bearer("/users/me", has=(USER0,))),
        "me-cookie": ("fastapi_users", loads.cookie("/users/me", "fastapiusersauth", has=(USER0,))),
        "sign-out": (
            "fastapi_users",
            replace(
                loads.cookie(
                    "/auth/cookie/logout",
                    "fastapiusersauth",
                    method="POST",
                    is_once=True,
                    status=204,
                ),
                tokens="sign-out",
            ),
        ),
    },
    sign_outs_per_second=1500,
)

BETTER_AUTH = Peer(
    "better_auth",
    "better-auth",
    lambda: installing.node_packages("better_auth", HERE / "better_auth"),
    lambda folder: ["node", str(folder / "seed.mjs")],
    (Server("better_auth", _node),),
    {
        "login": (
            "better_auth",
            _better(_json_login("/api/auth/sign-in/email", "email", has='"token"')),
        ),
        "kept": (
            "better_auth",
            _better(loads.cookie("/api/auth/token", SESSION, has=('"token"',))),
        ),
        "me-bearer": (
            "better_auth",
            replace(_better(loads.bearer("/api/auth/get-session", has=(USER0,))), tokens="bearers"),
        ),
        "me-cookie": (
            "better_auth",
            _better(loads.cookie("/api/auth/get-session", SESSION, has=(USER0,))),
        ),
        "verify": ("better_auth", loads.bearer("/verify", has=('"sub"',))),
        "sign-out": (
            "better_auth",
            replace(
                _better(
                    loads.cookie(
                        "/api/auth/sign-out",
                        SESSION,
                        method="POST",
                        is_once=True,
                        has=('"success":true',),
                    )
                ),
                tokens="sign-out",
            ),
        ),
    },
    sign_outs_per_second=1000,
    env={
        "NODE_ENV": "production",
        "BETTER_AUTH_SECRET": "better-auth" * 4,
        "BETTER_AUTH_URL": ORIGIN,
        "BENCH_PASSWORD": PASSWORD,
    },
)

BETTER_AUTH_CACHED = replace(
    BETTER_AUTH,
    key="better_auth_cached",
    name="better-auth, cookie cache",
    servers=(Server("better_auth_cached", _node),),
    cells={"me-cookie": ("better_auth_cached", BETTER_AUTH.cells["me-cookie"][1])},
    sign_outs_per_second=0,
    env={**BETTER_AUTH.env, "BETTER_AUTH_COOKIE_CACHE": "1"},
)

PEERS = [DJ_REST_AUTH, DJOSER, ALLAUTH, FASTAPI_USERS, BETTER_AUTH, BETTER_AUTH_CACHED]
