"""Test that a deployment is warned of a Redis in the clear or without a password, and that TLS is checked."""

import pytest
from django_redis.pool import ConnectionFactory
from redis.exceptions import ConnectionError as RedisConnectionError

from config import redis
from config.checks import redis as redis_checks
from tests.kit import certificates
from tests.kit.ports import free_ports
from tests.kit.redis_servers import needs_tls, redis_server
from tests.kit.rings import starts_processes

GOOD = "rediss://:a-password@redis.example.com:6379/0"


@pytest.fixture
def warned(settings):
    """Return the findings of the deployment check for these addresses."""

    def run(url, cache_url="", *, is_private=False, **sentinels):
        found = redis.Sentinels(["10.0.0.1:26379"], "site", **sentinels) if sentinels else None
        settings.CACHES = redis.caches(url, cache_url, sentinels=found)
        settings.DATABASE_NETWORK_IS_PRIVATE = is_private
        return [each.id for each in redis_checks.check_redis_connections(None)]

    return run


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p@redis.example.com:6379/0",
        "redis://u:p@redis/0",
        "redis://:p@10.0.0.1",
        "redis://:p@[fd00::1]:6379/0",
        "redis://:p@localhost.example.com",
        "redis://redis.example.com/0?password=p",
    ],
)
def test_a_remote_redis_without_tls_is_w002(warned, url):
    assert warned(url) == ["config.W002"]
    assert warned(url, is_private=True) == []


@pytest.mark.parametrize("url", ["rediss://redis.example.com/0", "rediss://user@10.0.0.1/0"])
def test_a_remote_redis_without_a_password_is_w003(warned, url):
    assert warned(url) == ["config.W003"]
    assert warned(url, is_private=True) == ["config.W003"]


def test_the_cache_and_the_sentinels_are_checked_as_well(warned):
    assert warned(GOOD, "redis://caches.example.com/1") == ["config.W002", "config.W003"]
    assert warned("", password="p") == ["config.W002"]
    assert warned("", tls=True) == ["config.W003"]
    assert warned("", tls=True, password="p") == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["config.W002", "config.W003"]),
        ({"password": "p"}, ["config.W002"]),
        ({"tls": True}, ["config.W003"]),
        ({"tls": True, "password": "p"}, []),
    ],
)
def test_a_cluster_is_checked_as_well(settings, options, expected):
    nodes = redis.Cluster(["10.0.0.1:7000"], **options)
    settings.CACHES = redis.caches("", GOOD, cluster=nodes)
    settings.DATABASE_NETWORK_IS_PRIVATE = False

    assert [each.id for each in redis_checks.check_redis_connections(None)] == expected


@pytest.mark.parametrize(
    "url",
    [
        GOOD,
        "redis://localhost:6379/0",
        "redis://127.0.0.1/0",
        "redis://[::1]:6379/0",
        "unix:///run/redis.sock?db=3",
    ],
)
def test_tls_with_a_password_and_a_local_redis_have_no_findings(warned, url):
    assert warned(url) == []


def test_a_warning_names_no_password(settings):
    settings.CACHES = redis.caches("redis://u:a-secret@redis.example.com")

    (finding,) = redis_checks.check_redis_connections(None)

    assert finding.msg == "The connection to Redis at redis.example.com is unencrypted."
    assert "a-secret" not in finding.hint


@needs_tls
@pytest.mark.servers
@starts_processes
def test_rediss_accepts_only_a_certificate_of_the_named_authority(tmp_path):
    certificate = certificates.make(tmp_path / "tls")
    other = certificates.make(tmp_path / "other")
    port = free_ports()
    options = [
        *("--tls-port", str(port), "--tls-auth-clients", "no"),
        *(
            "--tls-cert-file",
            str(certificate),
            "--tls-key-file",
            str(certificate.with_name("privkey.pem")),
        ),
        *("--tls-ca-cert-file", str(certificate)),
    ]

    def ping(url):
        cache = redis.caches(url)["sessions"]
        factory = ConnectionFactory(cache["OPTIONS"])
        return factory.connect(cache["LOCATION"]).ping()

    with redis_server(tmp_path, *options):
        assert ping(f"rediss://localhost:{port}/0?ssl_ca_certs={certificate}") is True
        for refused in [f"localhost:{port}/0?ssl_ca_certs={other}", f"localhost:{port}/0"]:
            with pytest.raises(RedisConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
                ping(f"rediss://{refused}")
        with pytest.raises(RedisConnectionError, match=r"not valid for '127\.0\.0\.1'"):
            ping(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificate}")
