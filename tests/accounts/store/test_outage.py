"""Survive a Redis that is killed, frozen or demoted. Each test has its own Redis process."""

import pytest
from redis.exceptions import ResponseError

from accounts.errors import StoreUnavailableError
from accounts.store import clocks, index, nodes, outage
from accounts.store.engine import SessionStore
from accounts.store.outage import STORE_ERRORS
from tests.kit.ports import free_ports
from tests.kit.stored_sessions import NOBODY
from tests.kit.waiting import PATIENCE, Asking, wait_until


def ping():
    return outage.read("a", lambda send: send([("PING",)])[0])


def put():
    return outage.write("a", lambda: [("SET", "a", "b")])


def test_a_call_outlasts_a_restart(own_redis, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    put()
    own_redis.kill()
    asking = Asking(put)
    wait_until(lambda: clocks.writes.down_since)

    own_redis.start()

    assert asking.result() == [b"OK"]
    assert own_redis.client.get("a") == b"b"


def test_the_wait_ends_at_the_deadline(own_redis, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.5
    own_redis.kill()

    asking = Asking(ping)

    assert isinstance(asking.result(), StoreUnavailableError)
    assert asking.seconds > 0.2


def test_the_deadline_counts_from_the_start_of_the_outage(own_redis, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 1.0
    own_redis.kill()
    assert isinstance(Asking(ping).result(), StoreUnavailableError)
    wait_until(clocks.reads.is_past_deadline)
    settings.SESSION_STORE_WAITERS = 0

    outcome = Asking(ping).result()

    assert isinstance(outcome, StoreUnavailableError)
    assert "wait" not in str(outcome)  # it tried at once, without waiting


def test_calls_work_again_after_the_outage(own_redis, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.2
    own_redis.kill()
    for call in (ping, put):
        assert isinstance(Asking(call).result(), StoreUnavailableError)
    wait_until(clocks.writes.is_past_deadline)

    own_redis.start()

    assert ping() == b"PONG"
    assert put() == [b"OK"]
    assert clocks.reads.down_since is clocks.writes.down_since is None


def test_one_thread_retries_and_the_others_are_refused_at_once(own_redis, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.1
    settings.SESSION_STORE_WAITERS = 100
    own_redis.freeze()
    assert isinstance(Asking(ping).result(), StoreUnavailableError)
    wait_until(clocks.reads.is_past_deadline)
    tried = []

    def ask(send):
        tried.append(1)
        return send([("PING",)])

    askings = [Asking(lambda: outage.read("a", ask)) for _ in range(10)]

    assert all(isinstance(asking.result(), StoreUnavailableError) for asking in askings)
    assert len(tried) < 10
    own_redis.thaw()


def test_with_all_waiters_taken_others_are_refused_at_once(own_redis, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.SESSION_STORE_WAITERS = 4
    own_redis.kill()
    waiting = [Asking(ping) for _ in range(4)]
    wait_until(lambda: clocks.waiters._count == 4)

    refused = [Asking(ping) for _ in range(10)]

    assert {str(asking.result()) for asking in refused} == {
        "enough requests wait for the session store"
    }
    assert all(asking.thread.is_alive() for asking in waiting)
    own_redis.start()
    assert [asking.result() for asking in waiting] == [b"PONG"] * 4
    assert clocks.waiters._count == 0


def test_reads_work_while_writes_fail(own_redis, settings):
    """While all replicas are dead, users stay signed in, but nobody can sign in."""
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.3
    settings.REDIS_REPLICA_ACKS, settings.REDIS_REPLICA_ACK_MS = 1, 50
    with pytest.raises(StoreUnavailableError):
        put()
    wait_until(clocks.writes.is_past_deadline)

    assert ping() == b"PONG"
    with pytest.raises(StoreUnavailableError):
        put()


def replica_of(primary, make_redis):
    """Start a replica. It connects by TCP, because replication can't use unix sockets."""
    port = free_ports(1)
    primary.client.config_set("port", port)
    primary.client.config_set("repl-diskless-sync-delay", 0)
    replica = make_redis("--replicaof", f"127.0.0.1 {port}")
    wait_until(lambda: replica.client.info("replication")["master_link_status"] == "up")
    return replica


def test_a_write_counts_when_a_replica_has_it(own_redis, settings, make_redis):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.REDIS_REPLICA_ACKS, settings.REDIS_REPLICA_ACK_MS = 1, 1000
    replica = replica_of(own_redis, make_redis)

    put()

    assert replica.client.get("a") == b"b"


def test_a_write_that_no_replica_confirms_waits_for_one(own_redis, settings, make_redis):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.REDIS_REPLICA_ACKS, settings.REDIS_REPLICA_ACK_MS = 1, 100
    replica = replica_of(own_redis, make_redis)
    replica.freeze()
    asking = Asking(put)
    wait_until(lambda: clocks.writes.down_since)
    assert asking.outcome is None

    replica.thaw()

    assert asking.result() == [b"OK"]
    assert replica.client.get("a") == b"b"


def test_a_missing_session_is_confirmed_by_a_primary_with_replicas(own_redis, settings, make_redis):
    """A former primary that comes back too early doesn't have the later sign-ins."""
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.REDIS_REPLICA_ACKS = 1
    asking = Asking(SessionStore("a" * 32).load)
    wait_until(lambda: clocks.reads.down_since)
    assert asking.outcome is None

    replica_of(own_redis, make_redis)

    assert asking.result() == {}


def test_a_missing_session_is_not_confirmed_by_a_replica(
    own_redis, settings, make_redis, use_redis
):
    replica = use_redis(replica_of(own_redis, make_redis))
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.3
    settings.REDIS_REPLICA_ACKS = 1
    assert replica.answers()

    outcome = Asking(SessionStore("a" * 32).load).result()

    assert isinstance(outcome, StoreUnavailableError)


def test_a_missing_session_is_not_confirmed_while_the_replica_is_silent(
    own_redis, settings, make_redis
):
    """After a split of the network, a former primary lists its replicas for another minute."""
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.REDIS_REPLICA_ACKS = 1
    replica = replica_of(own_redis, make_redis)
    assert SessionStore("a" * 32).load() == {}
    replica.freeze()
    wait_until(lambda: own_redis.client.info("replication")["slave0"]["lag"] >= 2)

    asking = Asking(SessionStore("a" * 32).load)
    wait_until(lambda: clocks.reads.down_since)
    assert own_redis.client.info("replication")["connected_slaves"] == 1
    assert asking.outcome is None
    replica.thaw()

    assert asking.result() == {}


def test_a_session_that_appears_at_the_second_look_is_found(own_redis, settings, make_redis):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.REDIS_REPLICA_ACKS = 1
    replica_of(own_redis, make_redis)
    looks = []

    def send(commands):
        found = nodes.of_sessions().send("a", commands)
        looks.append(commands)
        if len(looks) == 1:
            put()
        return found

    assert index._fetch(send, "a", 9)[0] == b"b"
    assert [len(commands) for commands in looks] == [2, 1, 2]


def test_after_an_unconfirmed_write_the_primary_is_looked_for_again(
    own_redis, settings, make_redis
):
    """Behind Sentinels, the connection that is kept would lead to the former primary for ever."""
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.REDIS_REPLICA_ACKS, settings.REDIS_REPLICA_ACK_MS = 1, 1000
    replica = replica_of(own_redis, make_redis)
    put()
    before = connections(own_redis)
    replica.freeze()
    settings.SESSION_STORE_DEADLINE_SECONDS, settings.REDIS_REPLICA_ACK_MS = 0.1, 50

    assert isinstance(Asking(put).result(), StoreUnavailableError)

    replica.thaw()
    wait_until(lambda: not before & connections(own_redis))


def connections(server):
    """Return the connections of this process that have written."""
    listed = server.client.client_list()
    return {each["id"] for each in listed if each["cmd"] in {"set", "wait"}}


def test_a_primary_that_is_demoted_within_one_pipeline_is_waited_for(
    own_redis, settings, make_redis
):
    """It executes the first commands and then refuses WAIT. So does a replica that accepts writes."""
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.REDIS_REPLICA_ACKS, settings.REDIS_REPLICA_ACK_MS = 1, 1000
    other = make_redis()
    port = free_ports()
    other.client.config_set("port", port)
    own_redis.client.config_set("replica-read-only", "no")
    own_redis.client.replicaof("127.0.0.1", port)
    wait_until(lambda: own_redis.client.info("replication")["master_link_status"] == "up")

    asking = Asking(put)
    wait_until(lambda: clocks.writes.down_since)
    own_redis.client.replicaof("NO", "ONE")
    replica_of(own_redis, make_redis)

    assert asking.result() == [b"OK"]


def test_stored_sessions_stay_signed_in_without_replicas(own_redis, settings):
    session = SessionStore()
    session["some"] = "entry"
    session.save()
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.3
    settings.REDIS_REPLICA_ACKS = 1

    assert SessionStore(session.session_key).load() == {"some": "entry"}


def test_creating_a_session_twice_keeps_its_id(own_redis, settings, make_redis):
    """The first attempt is stored but not confirmed, so the id looks like another session's id."""
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.REDIS_REPLICA_ACKS, settings.REDIS_REPLICA_ACK_MS = 1, 100
    replica = replica_of(own_redis, make_redis)
    store = SessionStore()
    store["a"] = 1
    replica.freeze()
    asking = Asking(store.save)
    wait_until(lambda: clocks.writes.down_since)

    replica.thaw()

    assert asking.result() is None
    assert SessionStore(store.session_key)["a"] == 1


def test_writing_a_new_id_twice_keeps_the_session(own_redis, settings, make_redis):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.REDIS_REPLICA_ACKS, settings.REDIS_REPLICA_ACK_MS = 1, 100
    replica = replica_of(own_redis, make_redis)
    store = SessionStore()
    store.update({"sid": NOBODY, "_auth_user_id": "00000000-0000-4000-8000-000000000000"})
    store.create()
    replica.freeze()
    store.cycle_key()
    asking = Asking(store.save)
    wait_until(lambda: clocks.writes.down_since)

    replica.thaw()

    assert asking.result() is None
    assert SessionStore(store.session_key)["sid"] == NOBODY
    assert len(own_redis.client.keys("session:*")) == 1


def test_a_primary_that_was_demoted_is_waited_for(own_redis, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    own_redis.client.replicaof("127.0.0.1", "1")
    asking = Asking(put)
    wait_until(lambda: clocks.writes.down_since)

    own_redis.client.replicaof("NO", "ONE")

    assert asking.result() == [b"OK"]


@pytest.mark.parametrize("call", ["put", "script"])
def test_a_primary_without_replicas_is_waited_for(own_redis, settings, call):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    own_redis.client.config_set("min-replicas-to-write", 1)

    def script():
        return outage.write("a", lambda: [("EVAL", "return redis.call('SET','a','b')", 0)])

    asking = Asking(put if call == "put" else script)
    wait_until(lambda: clocks.writes.down_since)

    own_redis.client.config_set("min-replicas-to-write", 0)

    (answer,) = asking.result()
    assert answer in {True, b"OK"}


def test_a_full_redis_is_no_outage(own_redis, settings):
    """With `noeviction` a full Redis refuses writes, so a retry can't help."""
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    own_redis.client.config_set("maxmemory", 1)

    with pytest.raises(STORE_ERRORS, match="maxmemory"):
        put()

    assert clocks.writes.down_since is None


def test_a_programming_error_is_no_outage(own_redis):
    with pytest.raises(ResponseError, match="unknown command"):
        outage.read("a", lambda send: send([("NONSENSE",)]))

    assert clocks.reads.down_since is None


def test_a_best_effort_call_is_tried_once(own_redis, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    own_redis.kill()

    with pytest.raises(StoreUnavailableError):
        outage.write_once("a", [("SET", "a", "b")])


def test_an_outage_is_logged_at_its_start_and_at_its_end(own_redis, settings, caplog):
    caplog.set_level("WARNING", logger="accounts.store.clocks")
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.3
    own_redis.kill()
    for _ in range(3):
        Asking(ping).result()
    wait_until(clocks.reads.is_past_deadline)
    own_redis.start()
    ping()

    lines = [record.getMessage() for record in caplog.records]

    assert len(lines) == 2
    assert lines[0].startswith("Redis fails: session reads: ")
    assert lines[1] == "Redis is back: session reads"
