"""Keep sessions in a real cluster: three primaries, three replicas, slots that move, nodes that die."""

import threading
import time
from uuid import UUID

import pytest
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError

from accounts.errors import SessionEndedError, StoreUnavailableError
from accounts.store import clocks, copies, index, named, nodes, slots, wire
from accounts.store.engine import SessionStore
from config import redis as addresses
from tests.kit import certificates, redis_servers
from tests.kit.ports import free_ports
from tests.kit.rings import starts_processes
from tests.kit.stored_sessions import new_member
from tests.kit.waiting import PATIENCE, Asking, wait_until


def node_of(cluster, store):
    return cluster.primary_of_key(store._name)


def others(cluster, node):
    return [each for each in cluster.primaries() if each is not node]


def on_each_shard(cluster):
    """Return a session on each primary."""
    found = {}
    while len(found) < 3:
        store = new_member()
        if found.setdefault(node_of(cluster, store).port, store) is not store:
            store.delete()
    return list(found.values())


def down():
    return [clock for clock in clocks.of_sessions() if clock.down_since]


def all_keys(cluster):
    return sorted(key for node in cluster.primaries() for key in node.client.keys("*"))


def test_sessions_live_and_end_on_all_shards(cluster):
    stores = on_each_shard(cluster)
    for store in stores:
        store["note"] = 1
        store.save()
        before = store.session_key
        store.cycle_key()
        store.save()
        store.slide()

        assert SessionStore(store.session_key)["note"] == 1
        assert SessionStore(before).load() == {}
        assert not SessionStore().exists(before)
        assert named.peek(UUID(store["sid"]))["note"] == 1

    kept, ended, *more = stores
    ended.flush()
    index.drop(*(UUID(store["sid"]) for store in more))

    assert all_keys(cluster) == sorted([kept._name, index.name_of_sid(kept["sid"])])


def test_a_server_of_the_list_may_be_down(cluster, settings):
    closed = ("127.0.0.1", free_ports())
    seeds = settings.CACHES["sessions"]["OPTIONS"]["CLUSTER"]
    settings.CACHES["sessions"]["OPTIONS"]["CLUSTER"] = [closed, *seeds]

    assert new_member().session_key


def test_without_any_node_the_store_is_unavailable(settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.2
    dead = addresses.Cluster([f"127.0.0.1:{free_ports()}"])
    made = addresses.caches("", "redis://unused/1", cluster=dead)
    settings.CACHES = settings.CACHES | {"sessions": made["sessions"]}

    with pytest.raises(StoreUnavailableError, match="no node"):
        new_member()
    with pytest.raises(RedisConnectionError, match="no node of the cluster answers"):
        nodes.of_sessions().ping()
    clocks.forget()


@redis_servers.needs_tls
@pytest.mark.servers
@starts_processes
def test_a_cluster_with_tls_is_reached_by_the_names_in_its_certificate(
    tmp_path, settings, monkeypatch
):
    certificate = certificates.make(tmp_path / "tls")
    port = free_ports()
    options = {
        "tls-port": port,
        "tls-auth-clients": "no",
        "tls-cert-file": certificate,
        "tls-key-file": certificate.with_name("privkey.pem"),
        "tls-ca-cert-file": certificate,
        "tls-cluster": "yes",
        "cluster-enabled": "yes",
        "cluster-port": free_ports(),
        "cluster-announce-hostname": "localhost",
        "cluster-preferred-endpoint-type": "hostname",
    }
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    made = addresses.caches(
        "",
        "redis://unused/1",
        cluster=addresses.Cluster([f"localhost:{port}"], password=redis_servers.PASSWORD, tls=True),
    )
    settings.REDIS_REPLICA_ACKS, settings.SESSION_STORE_DEADLINE_SECONDS = 0, 0.1
    with redis_servers.redis_server(tmp_path, *words) as plain:
        redis_servers.client(plain).execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: _is_ok(plain))
        settings.CACHES = settings.CACHES | {"sessions": made["sessions"]}
        with pytest.raises(StoreUnavailableError, match="no node"):
            new_member()

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        clocks.forget()
        settings.CACHES = settings.CACHES | {}
        store = new_member()

        assert SessionStore(store.session_key)["sid"] == store["sid"]
        assert nodes.of_sessions().address_of(store._name) == f"localhost:{port}"


def _is_ok(port):
    state = redis_servers.client(port).execute_command("CLUSTER INFO")
    return state["cluster_state"] == "ok"


def test_a_write_that_no_replica_confirms_is_refused(cluster, settings):
    store = new_member()
    node = node_of(cluster, store)
    (replica,) = cluster.replicas_of(node)
    settings.REDIS_REPLICA_ACK_MS = 100
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.5
    replica.freeze()
    store["note"] = 1
    try:
        with pytest.raises(StoreUnavailableError, match="too few replicas"):
            store.save()
    finally:
        replica.thaw()


def test_a_killed_primary_is_outlasted_and_others_go_on(cluster):
    stores = on_each_shard(cluster)
    node = node_of(cluster, stores[0])
    node.kill()
    before = stores[0].session_key
    stores[0].cycle_key()
    stores[0]["note"] = 1
    saving = Asking(stores[0].save)
    wait_until(lambda: any(clock.down_since for clock in clocks.of_sessions()))

    began = time.monotonic()
    for store in stores[1:]:
        store["note"] = 2
        store.save()
        assert SessionStore(store.session_key)["note"] == 2
    assert time.monotonic() - began < PATIENCE / 2  # they didn't wait for the deadline
    wait_until(lambda: len(cluster.primaries()) == 3, "its replica leads", seconds=60)
    assert SessionStore(before)["sid"] == stores[0]["sid"]  # a read needs no second node
    # The one that waits does so for the new primary: an outage of the old one would never end.
    leader = node_of(cluster, stores[0])
    wait_until(lambda: {clock.address for clock in down()} == {leader.address}, seconds=60)
    assert saving.thread.is_alive()
    node.start()  # until then its shard has no replica to confirm a write

    assert saving.result() is None
    assert SessionStore(stores[0].session_key)["note"] == 1
    assert down() == []


def test_a_moved_slot_is_followed_once(cluster):
    store = new_member()
    source = node_of(cluster, store)
    target = others(cluster, source)[0]
    slot = key_slot(store._name.encode())

    cluster.move([slot], source, target)
    store["note"] = 1
    store.save()

    assert SessionStore(store.session_key)["note"] == 1
    assert nodes.of_sessions().address_of(store._name) == target.address
    assert target.client.exists(store._name)


@pytest.mark.parametrize("are_keys_moved", [False, True])
def test_a_slot_that_is_on_its_way_is_read_and_written(cluster, are_keys_moved):
    store = new_member()
    source = node_of(cluster, store)
    target = others(cluster, source)[0]
    slot = key_slot(store._name.encode())
    cluster.begin_move(slot, source, target)
    try:
        if are_keys_moved:
            cluster.move_keys(slot, source, target)
        newcomer = new_member(tag=store.session_key[:4])
        store["note"] = 1
        store.save()
        store.slide()

        assert SessionStore(store.session_key)["note"] == 1
        assert SessionStore(newcomer.session_key)["sid"] == newcomer["sid"]
        with pytest.raises(MovedError):
            target.client.exists(store._name)  # it doesn't serve the slot yet
    finally:
        cluster.move_keys(slot, source, target)
        cluster.end_move(slot, source, target)
    assert SessionStore(store.session_key)["note"] == 1


def test_nodes_that_refer_to_each_other_are_waited_for(cluster, monkeypatch):
    store = new_member()
    source = node_of(cluster, store)
    target = others(cluster, source)[0]
    slot = key_slot(store._name.encode())
    cluster.begin_move(slot, source, target)
    cluster.move_keys(slot, source, target)
    source.tell_it("CLUSTER SETSLOT", slot, "NODE", target.tell_it("CLUSTER MYID"))
    asked, real = [], wire.exchange
    with monkeypatch.context() as patch, pytest.raises(MovedError):
        patch.setattr(wire, "exchange", lambda *a, **k: asked.append(a[1]) or real(*a, **k))
        nodes.of_sessions().send(store._name, [("GET", store._name)])
    store["note"] = 1
    saving = Asking(store.save)
    wait_until(down)

    cluster.end_move(slot, source, target)

    assert asked.count([("GET", store._name)]) == 1 + nodes.MOST_REDIRECTS
    assert saving.result() is None
    assert SessionStore(store.session_key)["note"] == 1


def test_nodes_come_and_go(cluster):
    store = new_member()
    source = node_of(cluster, store)
    slot = key_slot(store._name.encode())
    servers = nodes.of_sessions()

    def told():
        servers.ping()
        return servers._map.addresses()

    primary = cluster.add()
    replica = cluster.add(replica_of=primary)
    cluster.move([slot], source, primary)
    store["note"] = 1
    store.save()
    assert servers.address_of(store._name) == primary.address
    # Replicas learn of a move by and by, and any node may be asked.
    wait_until(lambda: {primary.address, replica.address} <= told())

    cluster.move([slot], primary, source)
    cluster.remove(primary, replica)
    store["note"] = 2
    store.save()

    assert SessionStore(store.session_key)["note"] == 2
    wait_until(lambda: told() == {*cluster.addresses})
    servers._client("127.0.0.1:1")  # the next new node
    assert primary.address not in servers._clients


def test_a_new_id_waits_for_its_slot_to_arrive(cluster):
    store = new_member()
    source = node_of(cluster, store)
    target = others(cluster, source)[0]
    slot = key_slot(store._name.encode())
    cluster.begin_move(slot, source, target)
    store.cycle_key()
    saving = Asking(store.save)
    wait_until(lambda: any(clock.down_since for clock in clocks.of_sessions()))

    cluster.move_keys(slot, source, target)
    cluster.end_move(slot, source, target)

    assert saving.result() is None
    assert SessionStore(store.session_key)["sid"] == store["sid"]


def test_an_ended_session_stays_ended_while_its_slot_moves(cluster):
    store = new_member()
    late = SessionStore(store.session_key)
    late["note"] = 1
    source = node_of(cluster, store)
    target = others(cluster, source)[0]
    slot = key_slot(store._name.encode())
    cluster.begin_move(slot, source, target)
    try:
        store.delete()
        with pytest.raises(SessionEndedError):
            late.save()
    finally:
        cluster.move_keys(slot, source, target)
        cluster.end_move(slot, source, target)
    assert all_keys(cluster) == []


def test_a_thousand_sign_ins_end_with_one_call_for_each_shard(cluster, monkeypatch):
    sids = [UUID(new_member()["sid"]) for _ in range(40)]
    sent, real = [], wire.exchange
    monkeypatch.setattr(wire, "exchange", lambda *a, **k: sent.append(a) or real(*a, **k))

    index.drop(*sids)

    assert all_keys(cluster) == []
    assert len(sent) == 3


def test_copies_have_the_sessions_of_all_shards(cluster):
    stores = on_each_shard(cluster)
    copy = list(copies.save())
    before = all_keys(cluster)
    for node in cluster.primaries():
        node.client.flushall()

    assert all(copies.load(copy))

    assert all_keys(cluster) == before
    assert all(SessionStore(store.session_key)["sid"] == store["sid"] for store in stores)


def test_a_copy_during_a_move_is_refused(cluster):
    store = new_member()
    source = node_of(cluster, store)
    target = others(cluster, source)[0]
    lines = copies.save()
    next(lines)
    cluster.move([key_slot(store._name.encode())], source, target)

    with pytest.raises(copies.CopyError, match="moved meanwhile"):
        list(lines)


def test_requests_at_once_share_one_reading_of_the_map(cluster, monkeypatch):
    read, real = [], slots.SlotMap._read_from
    monkeypatch.setattr(
        slots.SlotMap, "_read_from", lambda self, at: read.append(at) or real(self, at)
    )
    threads = [threading.Thread(target=new_member) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(read) == 1
