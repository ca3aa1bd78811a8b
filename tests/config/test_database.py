"""Test `database`: it turns `DATABASE_URL` into Django's settings and warns of plain connections."""

import atexit
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from config import database
from config.checks import deployment
from tests.kit import certificates, postgres
from tests.kit.ports import free_ports
from tests.kit.rings import starts_processes

on_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="asks PostgreSQL itself")

CONNECTION = {"ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT"}


def test_the_options_of_the_address_are_kept_beside_the_pool():
    configured = database.configure(
        "postgres://user:p%40ss@db.example.com:5433/name?sslmode=verify-full"
        "&sslrootcert=/etc/ssl/our%20ca.pem&target_session_attrs=read-write"
    )

    assert configured == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "name",
        "USER": "user",
        "PASSWORD": "p@ss",
        "HOST": "db.example.com",
        "PORT": "5433",
        "OPTIONS": {
            "sslmode": "verify-full",
            "sslrootcert": "/etc/ssl/our ca.pem",
            "target_session_attrs": "read-write",
            "pool": {"min_size": 1, "max_size": 15, "timeout": 5},
            "prepare_threshold": 5,
        },
    }


def test_without_options_only_the_pool_and_prepared_statements_are_set():
    options = database.configure("postgres://user@db.example.com/name")["OPTIONS"]

    assert options == {
        "pool": {"min_size": 1, "max_size": 15, "timeout": 5},
        "prepare_threshold": 5,
    }


def test_the_address_cannot_change_the_pool():
    options = database.configure("postgres://user@h/name?pool=1&application_name=site")["OPTIONS"]

    assert options["pool"] == database.POOL
    assert options["application_name"] == "site"


def test_behind_pgbouncer_nothing_relies_on_one_session():
    configured = database.configure(
        "postgres://user@h/name?sslmode=require&pool=1", pooling="pgbouncer"
    )

    assert {name: configured[name] for name in configured if name not in CONNECTION} == {
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {"sslmode": "require"},
    }


def test_statements_are_prepared_only_by_the_setting():
    options = database.configure("postgres://user@h/name", pooling="pgbouncer", prepared=True)

    assert options["OPTIONS"] == {"prepare_threshold": 5, "server_side_binding": True}


@pytest.mark.parametrize("option", ["assume_role", "options"])
def test_behind_pgbouncer_options_of_a_session_are_refused(option):
    with pytest.raises(ImproperlyConfigured, match=f"has the option `{option}`, which"):
        database.configure(f"postgres://user@h/name?{option}=x", pooling="pgbouncer")


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ImproperlyConfigured, match="must be one of: own, pgbouncer"):
        database.configure("postgres://user@h/name", pooling="pgpool")


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("h1", "h1", ""),
        ("h1:5433", "h1", "5433"),
        ("h1,h2", "h1,h2", ""),
        ("h1:5433,h2:5434", "h1,h2", "5433,5434"),
        ("h1:5433,h2", "h1,h2", "5433,5432"),
        ("h1,h2:5433,h3", "h1,h2,h3", "5432,5433,5432"),
        ("[::1]:5433", "::1", "5433"),
        ("[fd00::1]", "fd00::1", ""),
        ("[fd00::1]:5433,[fd00::2]", "fd00::1,fd00::2", "5433,5432"),
        ("10.0.0.1:5432,10.0.0.2:5432", "10.0.0.1,10.0.0.2", "5432,5432"),
        ("%2Fvar%2Frun%2FPostgreSQL", "/var/run/PostgreSQL", ""),
        ("", "", ""),
    ],
)
def test_each_host_has_its_own_port(address, host, port):
    configured = database.configure(f"postgres://user:pass@{address}/name")

    assert (configured["HOST"], configured["PORT"]) == (host, port)
    assert (configured["USER"], configured["PASSWORD"]) == ("user", "pass")
    assert configured["NAME"] == "name"


def test_several_hosts_get_a_short_connect_timeout():
    several = database.configure("postgres://user@h1,h2/name")["OPTIONS"]
    chosen = database.configure("postgres://user@h1,h2/name?connect_timeout=9")["OPTIONS"]

    assert several["connect_timeout"] == 3
    assert chosen["connect_timeout"] == 9


@pytest.mark.parametrize(
    "address",
    [
        "postgres://user:a-password@h:port/name",
        "postgres://user:a-password@h:0/name",
        "postgres://user:a-password@h:99999/name",
        "postgres://user:a-password@h1:5432,h2:port/name",
        "postgres://user:a-password@h1:5432,h2:99999/name",
        "postgres://user:a-password@[::1/name",
        "postgres://user:a-password@[::1]x,h2/name",
        "postgres://user:a-password/with-a-slash@h:port/name",
        "mysql://user:a-password@h/name",
        "a-password",
    ],
)
def test_an_unreadable_address_is_refused_without_its_password(address):
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL") as refused:
        database.configure(address)

    assert "password@" not in str(refused.value)
    assert "a-password" not in str(refused.value)


def test_sqlite_keeps_its_options():
    configured = database.configure("sqlite:////srv/db.sqlite3?timeout=60")

    assert configured["NAME"] == "/srv/db.sqlite3"
    assert configured["OPTIONS"] == database.SQLITE_OPTIONS | {"timeout": 60}


def test_the_settings_have_the_values_of_the_address(site_under):
    answers = site_under(
        "answers = settings.DATABASES['default']",
        DATABASE_URL="postgres://u:p@h1:5433,h2/name?target_session_attrs=read-write&sslmode=require",
    )

    assert (answers["HOST"], answers["PORT"]) == ("h1,h2", "5433,5432")
    assert answers["OPTIONS"] == {
        "connect_timeout": 3,
        "target_session_attrs": "read-write",
        "sslmode": "require",
        "pool": {"min_size": 1, "max_size": 15, "timeout": 5},
        "prepare_threshold": 5,
    }


def test_addresses_for_people_have_no_password():
    configured = database.configure("postgres://user:a-password@h1:5433,h2/name")
    alone = database.configure("postgres://user:a-password@h1/name")
    socket = database.configure("postgres:///name?host=/var/run/postgresql")
    nowhere = database.configure("postgres:///name")

    assert database.addresses(configured) == ["h1:5433", "h2:5432"]
    assert database.addresses(alone) == ["h1"]
    assert database.addresses(socket) == ["/var/run/postgresql"]
    assert database.addresses(nowhere) == ["local"]


# The check of a deployment


@pytest.fixture
def warned(settings, monkeypatch):
    """Return the findings of the deployment check for this address."""

    def run(url, *, is_private=False):
        monkeypatch.setitem(settings.DATABASES, "default", database.configure(url))
        settings.DATABASE_NETWORK_IS_PRIVATE = is_private
        return [(each.id, each.msg) for each in deployment.check_database(None)]

    return run


@pytest.mark.parametrize(
    "address",
    [
        "db.example.com/name",
        "db.example.com/name?sslmode=disable",
        "db.example.com/name?sslmode=allow",
        "db.example.com/name?sslmode=prefer",
        "db.example.com/name?sslmode=on",
        "localhost.example.com/name",
        "10.0.0.1/name",
        "[fd00::1]/name",
        "postgres/name",
        "localhost/name?hostaddr=10.0.0.1",
        "/name?host=db.example.com",
    ],
)
def test_a_remote_database_without_tls_is_w001(warned, address):
    ((identity, _),) = warned(f"postgres://user@{address}")

    assert identity == "config.W001"


@pytest.mark.parametrize(
    "url",
    [
        "postgres://user@db.example.com/name?sslmode=require",
        "postgres://user@db.example.com/name?sslmode=verify-ca",
        "postgres://user@h1,h2/name?sslmode=verify-full",
        "postgres://user@localhost/name",
        "postgres://user@a.localhost/name",
        "postgres://user@127.0.0.1:5433,127.0.0.2/name?sslmode=disable",
        "postgres://user@[::1]/name",
        "postgres:///name",
        "postgres:///name?host=/var/run/postgresql",
        "postgres://%2Fvar%2Frun%2Fpostgresql/name",
        "sqlite:////srv/db.sqlite3",
    ],
)
def test_tls_and_local_databases_have_no_findings(warned, url):
    assert warned(url) == []


def test_only_remote_hosts_are_named(warned):
    ((_, text),) = warned("postgres://user:a-password@127.0.0.1,10.0.0.1,10.0.0.2/name")

    assert text == "The connection to PostgreSQL at 10.0.0.1, 10.0.0.2 may be unencrypted."


def test_a_private_network_silences_the_warning(warned):
    assert warned("postgres://user@postgres/name", is_private=True) == []


def test_a_deployment_without_tls_to_its_database_fails_its_checks(boot):
    command = (
        "from django.core.management import execute_from_command_line as run;"
        "run(['manage.py', 'check', '--deploy', '--fail-level=WARNING'])"
    )
    env = {
        "SITE_URL": "https://auth.example.com",
        "TRUSTED_PROXY_COUNT": "1",
        "EMAIL_URL": "smtp+tls://mail.example.com:587",
        "SECRET_KEY": "an-unguessable-key-of-many-different-characters-0123456789",
    }
    clear = boot(command, DATABASE_URL="postgres://u:a-password@db.example.com/name", **env)
    sealed = boot(command, DATABASE_URL="postgres://u@db.example.com/name?sslmode=require", **env)

    assert clear.returncode != 0
    assert "config.W001" in clear.stderr
    assert "a-password" not in clear.stderr
    assert sealed.returncode == 0, sealed.stderr


# Real connections


def _where(url_of_hosts, query=""):
    """Connect as Django would, but without the pool; return the port that answered."""
    here = connection.settings_dict
    url = f"postgres://{here['USER']}@{url_of_hosts}/postgres{query}"
    wrapper = connection.copy()
    wrapper.settings_dict = wrapper.settings_dict | database.configure(url)
    parameters = wrapper.get_connection_params()
    with psycopg.connect(**parameters) as connected:
        return str(connected.info.port)


@on_postgres
def test_the_next_host_answers_when_the_first_is_down(db):
    port = connection.settings_dict["PORT"]

    answered = _where(
        f"127.0.0.1:{free_ports()},127.0.0.1:{port}", "?target_session_attrs=read-write"
    )

    assert answered == port


@pytest.fixture(scope="module")
@starts_processes
def sealed(tmp_path_factory):
    """Start a PostgreSQL with TLS; return its port and its certificate, which names localhost."""
    certificate = certificates.make(tmp_path_factory.mktemp("certificate"))
    directory = tempfile.TemporaryDirectory(prefix="munjigi-tests-")
    atexit.register(directory.cleanup)  # after the server, which stops with this process
    return urlsplit(postgres.start(Path(directory.name), certificate=certificate)).port, certificate


@on_postgres
def test_verify_full_accepts_only_the_named_server(db, sealed, tmp_path):
    port, certificate = sealed
    other = certificates.make(tmp_path / "other")
    verified = "?sslmode=verify-full&sslrootcert="

    assert _where(f"localhost:{port}", f"{verified}{certificate}") == str(port)
    with pytest.raises(psycopg.OperationalError, match="certificate"):
        _where(f"localhost:{port}", f"{verified}{other}")
    with pytest.raises(
        psycopg.OperationalError, match="does not match host name"
    ):  # the certificate names localhost, not 127.0.0.1
        _where(f"127.0.0.1:{port}", f"{verified}{certificate}")


@on_postgres
def test_sslmode_reaches_libpq(db):
    """The tests' server has no TLS, so an address that requires TLS must not connect."""
    port = connection.settings_dict["PORT"]

    with pytest.raises(psycopg.OperationalError, match="SSL"):
        _where(f"127.0.0.1:{port}", "?sslmode=require")

    assert _where(f"127.0.0.1:{port}", "?sslmode=prefer") == port
