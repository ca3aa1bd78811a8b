"""Check a cluster that holds the sessions: all slots served, replicas to promote, safe settings on each node."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from doctor import redis_clients, redis_memory
from doctor.findings import Area, Check, Finding, error, ok, skipped, warning
from doctor.redis_server import OLDEST

Row = dict[str, Any]
"""A node's description of one node."""
SLOTS = 16_384
FEWEST = 3
"""Fewest primaries for a fail-over: if one of three is lost, the other two are still a majority."""
ELECTION_SECONDS = 2.0
"""Most seconds from the moment when a primary counts as dead until its replica leads, as measured."""


class View:
    """What the nodes that answer say of the cluster and of themselves."""

    @cached_property
    def clients(self) -> dict[str, Redis]:
        return {
            f"{host}:{port}": redis_clients.node("sessions", host, port)
            for host, port in redis_clients.options("sessions")["CLUSTER"]
        }

    @cached_property
    def said(self) -> dict[str, RedisError | Row]:
        """Return the answer of each configured node to CLUSTER INFO."""
        return {address: _asked(client, "CLUSTER INFO") for address, client in self.clients.items()}

    @property
    def knowing(self) -> Redis:
        return next(
            self.clients[each] for each, said in self.said.items() if isinstance(said, dict)
        )

    @cached_property
    def rows(self) -> dict[str, Row]:
        """Return each node of the cluster by its address, as one node describes them."""
        found: dict[str, Row] = self.knowing.execute_command("CLUSTER NODES")  # type: ignore[no-untyped-call]
        return {address: row for address, row in found.items() if "noaddr" not in row["flags"]}

    @property
    def leaders(self) -> dict[str, Row]:
        return {address: row for address, row in self.rows.items() if row["slots"]}

    def node(self, address: str) -> Redis:
        host, _, port = address.rpartition(":")
        return redis_clients.node("sessions", host.strip("[]"), int(port))

    @cached_property
    def infos(self) -> dict[str, RedisError | Row]:
        """Return the answer of each node to INFO."""
        return {address: _asked(self.node(address), "INFO") for address in self.rows}

    @property
    def silent(self) -> list[str]:
        return [
            f"{each} ({said})" for each, said in self.infos.items() if not isinstance(said, dict)
        ]

    @property
    def answered(self) -> dict[str, Row]:
        return {each: said for each, said in self.infos.items() if isinstance(said, dict)}


def area() -> Area:
    view = View()

    def about(probe: Callable[[View], Finding]) -> Callable[[], Finding]:
        return lambda: _explained(probe, view)

    def about_nodes(probe: Callable[[View], Finding]) -> Callable[[], Finding]:
        return lambda: _explained(probe, view, needs_nodes=True)

    return Area(
        (
            Check("cluster", lambda: reachable(view)),
            Check("cluster slots", about(slots)),
            Check("cluster replicas", about(replicas)),
            Check("cluster nodes", about(nodes)),
            Check("cluster memory", about_nodes(memory)),
            Check("cluster writes", about_nodes(writes)),
            Check("cluster coverage", about_nodes(coverage)),
            Check("cluster time-out", about_nodes(time_out)),
            Check("cluster caches", caches),
        ),
        gated=True,
    )


def _explained(
    probe: Callable[[View], Finding], view: View, *, needs_nodes: bool = False
) -> Finding:
    try:
        if needs_nodes and not view.answered:
            return skipped("not checked, see cluster nodes")
        return probe(view)
    except ResponseError as exc:
        return warning(
            f"a node refuses to tell: {exc}",
            "Let the site's user run CLUSTER, INFO and CONFIG GET on every node.",
        )
    except RedisError as exc:
        return error(f"a node stopped answering: {exc}", "Read its log.")


def reachable(view: View) -> Finding:
    silent = {each: said for each, said in view.said.items() if not isinstance(said, dict)}
    if len(silent) == len(view.said):
        reason = next(iter(silent.values()))
        advice = "Start them, or correct REDIS_CLUSTER and REDIS_PASSWORD: until then nobody can sign in."
        return error(f"none of {', '.join(silent)} answers: {reason}", advice)
    text = f"{len(view.said) - len(silent)} of {len(view.said)} configured nodes answer"
    if silent:
        return warning(f"{text}: not {', '.join(silent)}", "Start them, or correct REDIS_CLUSTER.")
    return ok(text)


def slots(view: View) -> Finding:
    info = view.knowing.execute_command("CLUSTER INFO")  # type: ignore[no-untyped-call]
    served = int(info["cluster_slots_ok"])
    if info["cluster_state"] != "ok":
        advice = "Start nodes until most primaries answer: `valkey-cli --cluster check` names them."
        return error("the cluster says that it is down: nobody can sign in", advice)
    if served < SLOTS:
        text = f"{served} of {SLOTS} slots are served: some people can't sign in"
        advice = "Start the nodes of the missing slots: `valkey-cli --cluster check` names them."
        return error(text, advice)
    silent = [address for address in view.leaders if address not in view.answered]
    if silent:
        text = f"{', '.join(silent)} has slots and doesn't answer: some people can't sign in"
        return error(text, "Wait for a fail-over, which takes seconds; then start it again.")
    moving = [
        f"{row['slot']} at {address}" for address in view.leaders for row in _moves(view, address)
    ]
    if moving:
        advice = "Let the move end: `valkey-cli --cluster fix` goes on with one that was cut off."
        return warning(f"all are served, and these move: {', '.join(moving[:5])}", advice)
    text = f"all {SLOTS} are served by {len(view.leaders)} primaries"
    if len(view.leaders) < FEWEST:
        advice = f"Run {FEWEST} primaries or more, each on its own machine."
        return error(f"{text}: they can't elect a new one if one is lost", advice)
    return ok(text)


def _moves(view: View, address: str) -> Iterator[Row]:
    """Yield the slots on their way from or to this node. Only the node itself knows them."""
    rows: dict[str, Row] = view.node(address).execute_command("CLUSTER NODES")  # type: ignore[no-untyped-call]
    for row in rows.values():
        if "myself" in row["flags"]:
            yield from row["migrations"]


def replicas(view: View) -> Finding:
    wanted = max(1, int(getattr(settings, "REDIS_REPLICA_ACKS", 0)))
    counts = {
        address: sum(
            row["master_id"] == leader["node_id"] and "fail" not in row["flags"]
            for row in view.rows.values()
        )
        for address, leader in view.leaders.items()
    }
    few = [f"{address} has {count}" for address, count in counts.items() if count < wanted]
    if few:
        advice = f"Start replicas: a primary needs {wanted}, for a fail-over and for each write."
        return error(f"of its replicas, {'; '.join(few)}", advice)
    text = f"each primary has {min(counts.values())} or more, writes wait for {wanted}"
    many = [f"{address} has {count}" for address, count in counts.items() if count > wanted]
    if many:
        # The majority may promote the one that lacks what the other one has confirmed.
        return ok(f"{text}; {', '.join(many)}, so a split network may lose its newest sign-ins")
    return ok(f"{text}; while one is away, its shard takes no sign-ins")


def nodes(view: View) -> Finding:
    """Check that each node writes to disk and evicts nothing. Any replica may be the next primary."""
    faults = []
    for address, info in view.answered.items():
        if not info["aof_enabled"]:
            faults.append(f"{address} has no append-only file")
        if info["maxmemory_policy"] != "noeviction":
            faults.append(f"{address} has maxmemory-policy {info['maxmemory_policy']}")
        if info["role"] == "slave" and info.get("master_link_status") != "up":
            faults.append(f"{address} doesn't follow its primary")
        if tuple(int(part) for part in str(info["redis_version"]).split(".")[:2]) < OLDEST:
            faults.append(f"{address} is too old: {info['redis_version']}")
    advice = "Configure it by deploy/redis/cluster.conf."
    if view.silent:
        # First: a replica doesn't follow a primary that is away.
        faults.insert(0, f"not reachable from here: {'; '.join(view.silent)}")
        advice = "Start them, or let this machine connect to every node: the site must, too."
    if faults:
        return error("; ".join(faults), advice)
    return ok(f"{len(view.answered)} answer, with append-only files")


def memory(view: View) -> Finding:
    each = {address: redis_memory.of(info) for address, info in view.answered.items()}
    fullest = max(each, key=lambda address: each[address].share)
    if not each[fullest].limit:
        return ok("unknown")
    text = f"at most {each[fullest].share:.0%} used, at {fullest}"
    advice = (
        "Add a primary and move slots to it, or raise maxmemory: a full node takes no sign-ins."
    )
    return redis_memory.judge(each[fullest], text, advice)


def writes(view: View) -> Finding:
    """Check that a primary without replicas refuses writes: a fail-over would lose them."""
    wanted = int(getattr(settings, "REDIS_REPLICA_ACKS", 0))
    if not wanted:
        return error(
            "REDIS_REPLICA_ACKS is 0: a fail-over loses the newest sign-ins",
            "Set it to 1.",
        )
    lacking = [
        each for each in view.answered if not int(_config(view, each, "min-replicas-to-write"))
    ]
    if lacking:
        return warning(
            f"min-replicas-to-write is 0 at {', '.join(lacking)}: cut off from its replicas, it accepts "
            "sign-ins that a fail-over loses",
            "Set `min-replicas-to-write 1` on every node.",
        )
    return ok(f"min-replicas-to-write is set on every node, writes wait for {wanted}")


def coverage(view: View) -> Finding:
    name = "cluster-require-full-coverage"
    if any(_config(view, address, name) == "yes" for address in view.answered):
        return warning(
            f"{name} is yes: if one shard is down, nobody can sign in",
            f"Set `{name} no` on every node.",
        )
    return ok("a shard that is down stops no other")


def time_out(view: View) -> Finding:
    longest = max(int(_config(view, each, "cluster-node-timeout")) for each in view.answered) / 1000
    text = f"a fail-over takes up to {longest + ELECTION_SECONDS:g} s"
    patience = float(settings.SESSION_STORE_DEADLINE_SECONDS)
    if longest + ELECTION_SECONDS > patience:
        return warning(
            f"{text}, and requests wait for {patience:g} s: then they get a 503",
            "Set `cluster-node-timeout 2000` on every node, or raise SESSION_STORE_DEADLINE_SECONDS.",
        )
    return ok(f"{text}, and requests wait for {patience:g} s")


def caches() -> Finding:
    where = redis_clients.name("default")
    try:
        client = redis_clients.primary("default")
        info = client.info()
    except RedisError as exc:
        advice = (
            "Start it, or correct REDIS_CACHE_URL: limits are kept there, so nobody can sign in."
        )
        return error(f"{where} doesn't answer: {exc}", advice)
    if info.get("cluster_enabled"):
        advice = "Name a plain server in REDIS_CACHE_URL: a limit counts several keys at once."
        return error(f"{where} is a node of a cluster", advice)
    if info["role"] != "master":
        return error(f"{where} is a replica", "Name the primary in REDIS_CACHE_URL.")
    return ok(f"caches and limits at {where}")


def _config(view: View, address: str, name: str) -> str:
    return str(view.node(address).config_get(name).get(name) or "0")


def _asked(client: Redis, command: str) -> RedisError | Row:
    try:
        answer: Row = client.execute_command(command)  # type: ignore[no-untyped-call]
    except RedisError as exc:
        return exc
    return answer
