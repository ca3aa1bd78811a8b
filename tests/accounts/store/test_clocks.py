"""Know which outages are over, also those of servers that nobody asks any more."""

import pytest

from accounts.errors import StoreUnavailableError
from accounts.store import clocks, nodes
from accounts.store.engine import SessionStore
from config import redis as addresses
from tests.kit.stored_sessions import new_member
from tests.kit.valkey_cluster import PASSWORD
from tests.kit.waiting import Asking, wait_until


def down():
    return [clock for clock in clocks.of_sessions() if clock.down_since]


def test_an_outage_that_ends_while_it_is_logged_raises_nothing(monkeypatch):
    """Another thread succeeds between two reads of `down_since`, which must not raise an error."""
    clock = clocks.Clock("tests", "sessions")
    monkeypatch.setattr(clocks.log, "warning", lambda *args: setattr(clock, "down_since", None))

    assert isinstance(clock.failed(OSError("gone")), float)


def test_the_outage_of_a_former_primary_ends_when_another_leads(cluster, settings):
    store = new_member()
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.2
    node = cluster.primary_of_key(store._name)
    node.kill()
    for call in (SessionStore(store.session_key).load, store.save):
        assert isinstance(Asking(call).result(), StoreUnavailableError)
    assert {clock.address for clock in down()} == {node.address}

    def another_is_known():
        nodes.of_sessions().ping()  # as `/readyz` does
        return nodes.of_sessions().address_of(store._name) != node.address

    wait_until(another_is_known, seconds=60)

    assert SessionStore(store.session_key)["sid"] == store["sid"]
    assert down() == []


def test_an_outage_from_the_start_ends_when_the_primaries_are_known(cluster, settings):
    seed = cluster.nodes[0]
    only = addresses.Cluster([seed.address], password=PASSWORD)
    made = addresses.caches("", "redis://unused/1", cluster=only)
    settings.CACHES = settings.CACHES | {"sessions": made["sessions"]}
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.2
    seed.freeze()
    try:
        with pytest.raises(StoreUnavailableError, match="no node"):
            new_member()
    finally:
        seed.thaw()
    assert [clock.address for clock in down()] == [""]

    settings.SESSION_STORE_DEADLINE_SECONDS = 20
    wait_until(nodes.of_sessions()._map.read, "the map is known")

    assert new_member().session_key
    assert down() == []
