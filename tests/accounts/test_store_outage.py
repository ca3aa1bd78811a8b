"""A Redis that goes away, one process of its own for each test: killed, frozen, demoted."""

import signal
import subprocess
import threading
import time

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from accounts import store_outage
from accounts.exceptions import StoreUnavailableError
from accounts.session_store import STORE_ERRORS, SessionStore
from config import embedded
from tests.e2e.conftest import free_ports

PATIENCE = 20


class Server:
    """A Redis on a unix socket, with or without replicas."""

    def __init__(self, directory, *options):
        self.directory, self.options = directory, options
        self.socket = embedded.socket_path(directory)
        self.process = None

    def start(self):
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [*embedded.command(self.directory), *self.options], stdin=subprocess.DEVNULL
        )
        wait_until(self.socket.exists)

    def kill(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(PATIENCE)
            self.process = None

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    @property
    def client(self):
        return Redis(unix_socket_path=str(self.socket))


def wait_until(is_so, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def make_server(tmp_path_factory):
    servers = []

    def make(*options):
        servers.append(Server(tmp_path_factory.mktemp("redis"), *options))
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def use(settings, make_server):
    """Make a server the session store, until the test ends."""
    before = settings.CACHES

    def run(server):
        own = before["sessions"] | {"LOCATION": f"unix://{server.socket}?db=0"}
        settings.CACHES = before | {"sessions": own}
        return server

    yield run
    settings.CACHES = before


@pytest.fixture
def server(use, make_server):
    """The session store of this test."""
    return use(make_server())


class Asking:
    """A thread that makes one call; what came of it, and how long it took."""

    def __init__(self, call):
        self.call = call
        self.outcome = self.seconds = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        began = time.monotonic()
        try:
            self.outcome = self.call()
        except Exception as error:
            self.outcome = error
        self.seconds = time.monotonic() - began

    def result(self):
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        return self.outcome


def ping():
    return store_outage.read(lambda redis: redis.ping())


def put():
    return store_outage.write(lambda pipe: pipe.set("a", "b"))


def test_a_call_outlasts_a_restart(server, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    put()
    server.kill()
    asking = Asking(put)
    wait_until(lambda: store_outage._writes.down_since)

    server.start()

    assert asking.result() == [True]
    assert server.client.get("a") == b"b"


def test_the_wait_ends_at_the_deadline(server, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.5
    server.kill()

    asking = Asking(ping)

    assert isinstance(asking.result(), StoreUnavailableError)
    assert asking.seconds > 0.2


def test_the_deadline_counts_from_the_start_of_the_outage(server, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 1.0
    server.kill()
    assert isinstance(Asking(ping).result(), StoreUnavailableError)
    wait_until(store_outage._reads.is_past_deadline)
    settings.SESSION_STORE_WAITERS = 0

    outcome = Asking(ping).result()

    assert isinstance(outcome, StoreUnavailableError)
    assert "wait" not in str(outcome)  # it probed, and had no need to wait


def test_after_the_outage_calls_work_by_themselves(server, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.2
    server.kill()
    for call in (ping, put):
        assert isinstance(Asking(call).result(), StoreUnavailableError)
    wait_until(store_outage._writes.is_past_deadline)

    server.start()

    assert ping() is True
    assert put() == [True]
    assert store_outage._reads.down_since is store_outage._writes.down_since is None


def test_one_thread_probes_and_the_others_are_refused_at_once(server, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.1
    settings.SESSION_STORE_WAITERS = 100
    server.freeze()
    assert isinstance(Asking(ping).result(), StoreUnavailableError)
    wait_until(store_outage._reads.is_past_deadline)
    tried = []

    def ask(redis):
        tried.append(1)
        return redis.ping()

    askings = [Asking(lambda: store_outage.read(ask)) for _ in range(10)]

    assert all(isinstance(asking.result(), StoreUnavailableError) for asking in askings)
    assert len(tried) < 10
    server.thaw()


def test_with_all_waiters_taken_others_are_refused_at_once(server, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.SESSION_STORE_WAITERS = 4
    server.kill()
    waiting = [Asking(ping) for _ in range(4)]
    wait_until(lambda: store_outage._waiters._count == 4)

    refused = [Asking(ping) for _ in range(10)]

    assert {str(asking.result()) for asking in refused} == {
        "enough requests wait for the session store"
    }
    assert all(asking.thread.is_alive() for asking in waiting)
    server.start()
    assert [asking.result() for asking in waiting] == [True] * 4
    assert store_outage._waiters._count == 0


def test_reads_go_on_while_writes_fail(server, settings):
    """All replicas are dead: whoever is signed in stays so, nobody new gets in."""
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.3
    settings.REDIS_REPLICA_ACKS, settings.REDIS_REPLICA_ACK_MS = 1, 50
    with pytest.raises(StoreUnavailableError):
        put()
    wait_until(store_outage._writes.is_past_deadline)

    assert ping() is True
    with pytest.raises(StoreUnavailableError):
        put()


def replica_of(primary, make_server):
    """A replica, by TCP: replication doesn't do unix sockets."""
    port = free_ports(1)
    primary.client.config_set("port", port)
    primary.client.config_set("repl-diskless-sync-delay", 0)
    replica = make_server("--replicaof", f"127.0.0.1 {port}")
    wait_until(lambda: replica.client.info("replication")["master_link_status"] == "up")
    return replica


def test_a_write_counts_when_a_replica_has_it(server, settings, make_server):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.REDIS_REPLICA_ACKS, settings.REDIS_REPLICA_ACK_MS = 1, 1000
    replica = replica_of(server, make_server)

    put()

    assert replica.client.get("a") == b"b"


def test_a_write_that_no_replica_confirms_waits_for_one(server, settings, make_server):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.REDIS_REPLICA_ACKS, settings.REDIS_REPLICA_ACK_MS = 1, 100
    replica = replica_of(server, make_server)
    replica.freeze()
    asking = Asking(put)
    wait_until(lambda: store_outage._writes.down_since)
    assert asking.outcome is None

    replica.thaw()

    assert asking.result() == [True]
    assert replica.client.get("a") == b"b"


def test_a_session_made_twice_is_still_ones_own(server, settings, make_server):
    """The first try is stored but not confirmed, so that it looks like somebody else's id."""
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.REDIS_REPLICA_ACKS, settings.REDIS_REPLICA_ACK_MS = 1, 100
    replica = replica_of(server, make_server)
    store = SessionStore()
    store["a"] = 1
    replica.freeze()
    asking = Asking(store.save)
    wait_until(lambda: store_outage._writes.down_since)

    replica.thaw()

    assert asking.result() is None
    assert SessionStore(store.session_key)["a"] == 1


def test_a_new_id_written_twice_is_still_the_same_session(server, settings, make_server):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    settings.REDIS_REPLICA_ACKS, settings.REDIS_REPLICA_ACK_MS = 1, 100
    replica = replica_of(server, make_server)
    store = SessionStore()
    store.update({"sid": "s", "_auth_user_id": "00000000-0000-4000-8000-000000000000"})
    store.create()
    replica.freeze()
    store.cycle_key()
    asking = Asking(store.save)
    wait_until(lambda: store_outage._writes.down_since)

    replica.thaw()

    assert asking.result() is None
    assert SessionStore(store.session_key)["sid"] == "s"
    assert len(server.client.keys("session:*")) == 1


def test_a_primary_that_was_demoted_is_waited_for(server, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    server.client.replicaof("127.0.0.1", "1")
    asking = Asking(put)
    wait_until(lambda: store_outage._writes.down_since)

    server.client.replicaof("NO", "ONE")

    assert asking.result() == [True]


@pytest.mark.parametrize("call", ["put", "script"])
def test_a_primary_without_replicas_is_waited_for(server, settings, call):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    server.client.config_set("min-replicas-to-write", 1)

    def script():
        return store_outage.write(lambda pipe: pipe.eval("return redis.call('SET','a','b')", 0))

    asking = Asking(put if call == "put" else script)
    wait_until(lambda: store_outage._writes.down_since)

    server.client.config_set("min-replicas-to-write", 0)

    (answer,) = asking.result()
    assert answer in {True, b"OK"}


def test_a_full_redis_is_no_outage(server, settings):
    """`noeviction`: it refuses, and another try would be refused as well."""
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    server.client.config_set("maxmemory", 1)

    with pytest.raises(STORE_ERRORS, match="maxmemory"):
        put()

    assert store_outage._writes.down_since is None


def test_a_defect_of_ours_is_no_outage(server):
    with pytest.raises(ResponseError, match="unknown command"):
        store_outage.read(lambda redis: redis.execute_command("NONSENSE"))

    assert store_outage._reads.down_since is None


def test_what_may_be_lost_is_tried_once(server, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = PATIENCE
    server.kill()

    with pytest.raises(StoreUnavailableError):
        store_outage.write_once(lambda pipe: pipe.set("a", "b"))


def test_an_outage_is_logged_at_its_start_and_at_its_end(server, settings, caplog):
    caplog.set_level("WARNING", logger="accounts.store_outage")
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.3
    server.kill()
    for _ in range(3):
        Asking(ping).result()
    wait_until(store_outage._reads.is_past_deadline)
    server.start()
    ping()

    lines = [record.getMessage() for record in caplog.records]

    assert len(lines) == 2
    assert lines[0].startswith("the session store fails to read: ")
    assert lines[1] == "the session store is able to read again"
