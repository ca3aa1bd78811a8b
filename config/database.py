"""Turn `DATABASE_URL` into Django's `DATABASES["default"]`.

These functions read no environment and open no connection.
"""

import ipaddress
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from config.addresses import encoded

POSTGRESQL = "django.db.backends.postgresql"
SQLITE = "django.db.backends.sqlite3"
POSTGRESQL_PORT = "5432"
MAX_PORT = 65535

POOL = {"min_size": 1, "max_size": 15, "timeout": 5}
"""One connection for each thread. The worker has 13 for jobs, one for chores and its main thread; the
site has 8 for requests and the bell's thread."""
POOLINGS = ("own", "pgbouncer")
"""The values of `DATABASE_POOLING`: each process keeps a pool, or PgBouncer does for all of them."""
PGBOUNCER_SECONDS = 600
"""A thread keeps its connection to PgBouncer so long. An idle one costs PgBouncer 2 kB and PostgreSQL
nothing, and a new one for each request would cost a login and `SET TIME ZONE`."""
PREPARED_AFTER = 5
"""psycopg prepares a statement that a connection has sent so often."""
OF_A_SESSION = ("assume_role", "options")
"""Options that PostgreSQL applies to one session. Behind PgBouncer each transaction may get another."""
CONNECT_SECONDS = 3
"""Time-out for each of several hosts. psycopg waits 130 s by default before it tries the next host."""

SQLITE_OPTIONS = {
    # With SQLite's default, a transaction that reads before it writes fails with "database is
    # locked" if another one wrote in between, and doesn't wait for `timeout`.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
ENCRYPTED = {"require", "verify-ca", "verify-full"}
"""The values of libpq's `sslmode` that never allow an unencrypted connection."""


def configure(url: str, *, pooling: str = "own", prepared: bool = False) -> dict[str, Any]:
    """Return Django's settings for the database at `url`.

    Keeps the options in the query of `url`: options of libpq (`sslmode`, `sslrootcert`,
    `target_session_attrs`, ...) and of Django. With the pooling `own`, PostgreSQL also gets our
    connection pool. With `pgbouncer` it gets settings that work in PgBouncer's transaction mode.
    SQLite gets neither. `prepared` lets psycopg prepare statements.

    Raises `ImproperlyConfigured`. Its text doesn't repeat `url`, which may hold a password.
    """
    if pooling not in POOLINGS:
        raise ImproperlyConfigured(f"DATABASE_POOLING must be one of: {', '.join(POOLINGS)}.")
    if environ.Env.DB_SCHEMES.get(url.partition(":")[0]) not in {POSTGRESQL, SQLITE}:
        raise ImproperlyConfigured(
            "DATABASE_URL must begin with `postgres://` (PostgreSQL) or `sqlite://` (SQLite)."
        )
    database = _parsed(encoded(url))
    options = database.get("OPTIONS", {})
    if database["ENGINE"] == SQLITE:
        database["OPTIONS"] = SQLITE_OPTIONS | options
    else:
        if "," in database["HOST"]:
            options = {"connect_timeout": CONNECT_SECONDS} | options
        if prepared:
            options |= {"prepare_threshold": PREPARED_AFTER, "server_side_binding": True}
        elif pooling == "own":
            # For `accounts.statements`. Django's own cursor prepares nothing on the server.
            options = {"prepare_threshold": PREPARED_AFTER} | options
        if pooling == "pgbouncer":
            _set_up_for_pgbouncer(database, options)
        else:
            options |= {"pool": dict(POOL)}
        database["OPTIONS"] = options
    return database


def _parsed(url: str) -> dict[str, Any]:
    try:
        database: dict[str, Any] = environ.Env.db_url_config(url)
        if database["ENGINE"] == POSTGRESQL:
            # django-environ mixes up the ports if only some of the hosts have one.
            database["HOST"], database["PORT"] = _hosts_and_ports(urlsplit(url).netloc)
    except ValueError:
        raise ImproperlyConfigured(
            "DATABASE_URL can't be read. Percent-encode its password: `/`, `?`, `#` and `@` would cut it."
        ) from None
    return database


def _set_up_for_pgbouncer(database: dict[str, Any], options: dict[str, Any]) -> None:
    """Set what PgBouncer's transaction mode needs: nothing may rely on one session of PostgreSQL."""
    for name in OF_A_SESSION:
        if name in options:
            raise ImproperlyConfigured(
                f"DATABASE_URL has the option `{name}`, which sets up one session of PostgreSQL. With "
                "DATABASE_POOLING=pgbouncer each transaction may get another session: use "
                "`ALTER ROLE … SET …` in PostgreSQL instead."
            )
    options.pop("pool", None)
    database["CONN_MAX_AGE"] = PGBOUNCER_SECONDS
    # A restart of PgBouncer closes each thread's connection. Without this, each thread would fail once.
    database["CONN_HEALTH_CHECKS"] = True
    # A server-side cursor outlives its transaction, but PgBouncer gives its session to other clients then.
    database["DISABLE_SERVER_SIDE_CURSORS"] = True


def replica(url: str) -> dict[str, Any]:
    """Return Django's settings for a replica at `url`: without a pool, because few read it."""
    database = configure(url, pooling="pgbouncer")
    if database["ENGINE"] != POSTGRESQL:
        raise ImproperlyConfigured("REPLICA_DATABASE_URL must begin with `postgres://`.")
    database["OPTIONS"] = {"connect_timeout": CONNECT_SECONDS} | database["OPTIONS"]
    database["TEST"] = {"MIRROR": "default"}
    return database


def _hosts_and_ports(netloc: str) -> tuple[str, str]:
    """Return hosts and ports as libpq expects them: comma-separated, as many ports as hosts.

    A host may be a name, an address (IPv6 in brackets) or the percent-encoded directory of a unix
    socket. Raises `ValueError` for a part that isn't `host` or `host:port`.
    """
    pairs = [_host_and_port(part) for part in netloc.rpartition("@")[2].split(",")]
    hosts = ",".join(host for host, _ in pairs)
    if not any(port for _, port in pairs):
        return hosts, ""
    return hosts, ",".join(port or POSTGRESQL_PORT for _, port in pairs)


def _host_and_port(part: str) -> tuple[str, str]:
    if part.startswith("["):
        host, closing, rest = part[1:].partition("]")
        if not closing or (rest and not rest.startswith(":")):
            raise ValueError(part)
        port = rest[1:]
    else:
        host, _, port = part.partition(":")
    if port and not (port.isdecimal() and 0 < int(port) <= MAX_PORT):
        raise ValueError(part)
    return unquote(host), port


def addresses(database: dict[str, Any]) -> list[str]:
    """Return each server of the PostgreSQL settings as `host:port`, for people to read."""
    options = database.get("OPTIONS", {})
    hosts = str(database.get("HOST") or options.get("host", "")).split(",")
    ports = str(database.get("PORT") or options.get("port", "")).split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    pairs = zip(hosts, ports, strict=False)
    return [f"{host or 'local'}:{port}" if port else host or "local" for host, port in pairs]


def remote_hosts_in_the_clear(database: dict[str, Any]) -> list[str]:
    """Return the hosts to which a connection over a network may be unencrypted.

    Unix sockets and loopback addresses stay on this machine and don't count. With libpq's default
    `sslmode`, `prefer`, the connection is unencrypted if the server offers no TLS.
    """
    options = database.get("OPTIONS", {})
    if database["ENGINE"] != POSTGRESQL or options.get("sslmode") in ENCRYPTED:
        return []
    # libpq connects to `hostaddr` if it is set, and then only verifies the name `host`.
    hosts = options.get("hostaddr") or database.get("HOST") or options.get("host", "")
    return [host for host in str(hosts).split(",") if not is_here(host)]


def is_here(host: str) -> bool:
    """Return True if this is a unix socket or an address of this machine."""
    if not host or host.startswith(("/", "@")):  # a unix socket; "@" is an abstract one
        return True
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
