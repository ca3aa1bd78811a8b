"""Kill servers under load, and test that no acknowledged sign-in or sign-out is lost.

`make cluster` prints the table. Each row has at least 500 acknowledged sign-ins and 100 sign-outs,
and each of them is checked on every server afterwards.
"""

import signal
import time

import pytest

from tests.cluster import probe
from tests.cluster.rows import NO_DAMAGE, SIGN_INS, SIGN_OUTS, Row

pytestmark = pytest.mark.cluster

OUTAGE_SECONDS = 4
LONG_OUTAGE_SECONDS = 9
"""Longer than the site waits for Redis before it says 503."""
REPLACED_AFTER_SECONDS = 2
"""The time in which an orchestrator notices a dead server and starts another."""
NGINX_AVOIDS_SECONDS = 1
"""nginx's `fail_timeout`: the time until nginx uses a restarted server again."""


def assert_enough(row: Row) -> None:
    """Fail if the row has too few sign-ins or sign-outs to show anything."""
    assert row.sign_ins >= SIGN_INS
    assert row.sign_outs >= SIGN_OUTS


def kill_primary(cluster):
    primary = cluster.redis.primary()
    primary.kill()
    cluster.redis.wait_for_new_primary(primary)


def kill_primary_that_nobody_followed(cluster):
    primary = cluster.redis.primary()
    cluster.redis.stall_replication()
    time.sleep(1)
    primary.kill()
    cluster.redis.resume_replication()
    cluster.redis.wait_for_new_primary(primary)


def kill_all_of_redis(cluster):
    nodes = [cluster.redis.primary(), *cluster.redis.replicas(), *cluster.redis.sentinels]
    for node in nodes:
        node.kill()
    time.sleep(LONG_OUTAGE_SECONDS)
    for node in nodes:
        node.start()
    cluster.redis.start()


def test_a_session_works_on_every_server_without_stickiness(own, measured):
    before = own.balancer.lines()

    row = measured(own, "nothing", lambda: None)

    assert_enough(row)
    assert row.damage == NO_DAMAGE, row.details
    assert row.unavailable == 0
    shares = own.balancer.answers_by_server(since=before)
    assert len(shares) == len(own.servers)
    assert max(shares.values()) < 1.1 * min(shares.values())


def test_killed_server_fails_no_request(own, measured):
    def kill_one_after_the_other():
        for server in own.servers[:2]:
            server.kill()
            time.sleep(REPLACED_AFTER_SECONDS)
            server.start()
            server.wait()

    row = measured(own, "kill -9 a server, then another", kill_one_after_the_other)

    assert_enough(row)
    assert row.damage == NO_DAMAGE, row.details
    assert row.unavailable == 0


def test_rolling_restart_fails_no_request(own, measured):
    def restart_all():
        for server in own.servers:
            server.stop()
            server.start()
            server.wait()
            time.sleep(NGINX_AVOIDS_SECONDS)

    row = measured(own, "restart every server in turn", restart_all)

    assert_enough(row)
    assert row.damage == NO_DAMAGE, row.details
    assert row.unavailable == 0


def test_killed_primary_loses_no_sign_in(own, measured):
    row = measured(own, "kill -9 the Redis primary", lambda: kill_primary(own))

    assert_enough(row)
    assert row.damage == NO_DAMAGE, row.details


def test_killed_primary_with_lagging_replicas_loses_no_sign_in(own, measured):
    row = measured(
        own,
        "… whose replicas were 1 s behind",
        lambda: kill_primary_that_nobody_followed(own),
    )

    assert_enough(row)
    assert row.damage == NO_DAMAGE, row.details


def test_the_stock_engine_loses_sign_ins_in_the_same_case(stock, measured):
    row = measured(
        stock,
        "  the same with Django's own engine",
        lambda: kill_primary_that_nobody_followed(stock),
    )

    assert row.sign_ins >= SIGN_INS
    assert row.lost > 0


def test_frozen_primary_that_returns_loses_no_sign_in(own, measured):
    def freeze():
        primary = own.redis.primary()
        primary.tell(signal.SIGSTOP)
        time.sleep(5)
        primary.tell(signal.SIGCONT)

    row = measured(own, "freeze the Redis primary for 5 s", freeze)

    assert_enough(row)
    assert row.damage == NO_DAMAGE, row.details


def test_primary_restarted_at_once_loses_no_sign_in(own, measured):
    def restart():
        primary = own.redis.primary()
        primary.kill()
        primary.start()

    row = measured(own, "kill -9 the Redis primary, start it again at once", restart)

    assert_enough(row)
    assert row.damage == NO_DAMAGE, row.details


def test_outage_of_all_redis_servers_signs_nobody_out(own, measured):
    bearer = probe.Probe(own.servers, probe.token(own.balancer.port, own.trust()))

    def outage():
        with bearer:
            kill_all_of_redis(own)

    row = measured(own, f"kill -9 all of Redis, back after {LONG_OUTAGE_SECONDS} s", outage)

    assert_enough(row)
    assert row.damage == NO_DAMAGE, row.details
    assert row.unavailable > 0
    assert bearer.wrong == []


def test_the_stock_engine_clears_cookies_in_the_same_case(stock, measured):
    row = measured(stock, "  the same with Django's own engine", lambda: kill_all_of_redis(stock))

    assert row.sign_ins >= SIGN_INS
    assert row.wiped > 0


def test_database_outage_leaves_tokens_verifiable(own, measured):
    bearer = probe.Probe(own.servers, probe.token(own.balancer.port, own.trust()))

    def outage():
        with bearer:
            own.postgres.crash()
            time.sleep(OUTAGE_SECONDS)
            own.postgres.start()

    row = measured(own, f"PostgreSQL crashes, back after {OUTAGE_SECONDS} s", outage)

    assert_enough(row)
    assert row.damage == NO_DAMAGE, row.details
    assert row.unavailable > 0
    assert bearer.wrong == []
