"""Check that a fail-over works: enough Sentinels, agreed on the primary, and replicas to promote."""

from functools import cached_property
from typing import Any, cast

from django.conf import settings
from redis.exceptions import RedisError, ResponseError

from doctor import redis_clients
from doctor.findings import Area, Check, Finding, error, ok, warning

Row = dict[str, Any]
"""A Sentinel's description of one server."""
FEWEST = 3
"""Fewest Sentinels for a fail-over: if one of three fails, the other two are still a majority."""


class Watch:
    """The answers of all configured Sentinels about the primary and its replicas."""

    def __init__(self) -> None:
        self.master = redis_clients.master()

    @cached_property
    def said(self) -> dict[str, Row | RedisError]:
        answers: dict[str, Row | RedisError] = {}
        for address, client in redis_clients.sentinels().items():
            try:
                answers[address] = dict(cast("Row", client.sentinel_master(self.master)))
            except RedisError as exc:
                answers[address] = exc
        return answers

    @property
    def silent(self) -> list[str]:
        """Return the addresses of the Sentinels that don't answer."""
        return [
            address
            for address, said in self.said.items()
            if isinstance(said, RedisError) and not isinstance(said, ResponseError)
        ]

    @property
    def views(self) -> dict[str, Row]:
        """Return the answers of the Sentinels that answered without an error, by their addresses."""
        return {key: said for key, said in self.said.items() if not isinstance(said, RedisError)}

    @property
    def knowing(self) -> str:
        return next(iter(self.views))


def area() -> Area:
    watch = Watch()
    return Area(
        (
            Check("sentinels", lambda: known(watch)),
            Check("sentinel quorum", lambda: quorum(watch)),
            Check("sentinel replicas", lambda: replicas(watch)),
            Check("sentinel writes", writes),
        ),
        gated=True,
    )


def known(watch: Watch) -> Finding:
    if len(watch.silent) == len(watch.said):
        reason = next(iter(watch.said.values()))
        return error(
            f"none of {', '.join(watch.said)} answers: {reason}",
            "Start them, or correct the addresses: no new connection finds the primary.",
        )
    ignorant = sorted(set(watch.said) - set(watch.views) - set(watch.silent))
    if ignorant:
        return error(
            f"{', '.join(ignorant)} doesn't know {watch.master!r}: {watch.said[ignorant[0]]}",
            "Set REDIS_MASTER_NAME to the name after `sentinel monitor` in sentinel.conf, and "
            "SENTINEL_PASSWORD to the Sentinels' password.",
        )
    primaries = {f"{view['ip']}:{view['port']}" for view in watch.views.values()}
    if len(primaries) > 1:
        return error(
            f"they name different primaries: {', '.join(sorted(primaries))}",
            "Read their logs: a fail-over is under way, or they can't reach one another.",
        )
    text = f"{watch.master} is {primaries.pop()}"
    if down := [address for address, view in watch.views.items() if _is_down(view)]:
        return error(
            f"{text}, which {', '.join(down)} can't reach", "Start it, or wait for the fail-over."
        )
    if watch.silent:
        return warning(f"{text}; {', '.join(watch.silent)} doesn't answer", "Start that Sentinel.")
    return ok(f"{text}, and all {len(watch.said)} Sentinels agree")


def quorum(watch: Watch) -> Finding:
    client = redis_clients.sentinels()[watch.knowing]
    peers = cast("list[Row]", client.sentinel_sentinels(watch.master))
    up = 1 + sum(not _is_down(peer) for peer in peers)
    text = f"{up} of {1 + len(peers)} Sentinels reach one another"
    try:
        client.sentinel_ckquorum(watch.master)
    except ResponseError as exc:
        return error(f"{text}: {exc}", "Start more Sentinels: these can't promote a replica.")
    if up < FEWEST:
        return error(
            f"{text}: if one more fails, they can't promote a replica",
            f"Run {FEWEST} or more, each on its own machine.",
        )
    if up <= len(peers):
        advice = "Start the missing Sentinels; make the others forget removed ones: SENTINEL RESET."
        return warning(text, advice)
    return ok(f"{text}, quorum {watch.views[watch.knowing]['quorum']}")


def replicas(watch: Watch) -> Finding:
    """Check each replica like a primary: it follows, writes to disk and evicts nothing.

    Any replica may be the next primary.
    """
    client = redis_clients.sentinels()[watch.knowing]
    rows = client.sentinel_slaves(watch.master)
    if not rows:
        return error("none: no replica for a fail-over", "Start a replica.")
    faults, unseen = [], []
    for row in rows:
        address = f"{row['ip']}:{row['port']}"
        try:
            info = redis_clients.node("sessions", row["ip"], int(row["port"])).info()
        except RedisError as exc:
            unseen.append(f"{address} ({exc})")
            continue
        if info.get("master_link_status") != "up":
            faults.append(f"{address} doesn't follow the primary")
        if not info["aof_enabled"]:
            faults.append(f"{address} has no append-only file")
        if info["maxmemory_policy"] != "noeviction":
            faults.append(f"{address} has maxmemory-policy {info['maxmemory_policy']}")
    if faults:
        advice = "Configure it like the primary: as a primary it would lose sign-ins."
        return error("; ".join(faults), advice)
    if unseen:
        advice = "Start them, or let this machine connect to them."
        return warning(f"not reachable from here: {'; '.join(unseen)}", advice)
    return ok(f"{len(rows)} follow, with append-only files")


def writes() -> Finding:
    """Check that a primary without replicas refuses writes: a fail-over would lose them."""
    primary = redis_clients.primary("sessions")
    wanted = int(getattr(settings, "REDIS_REPLICA_ACKS", 0))
    try:
        least = int(primary.config_get("min-replicas-to-write")["min-replicas-to-write"] or 0)
    except (ResponseError, KeyError):
        advice = "Let the site's Redis user run CONFIG GET."
        return warning("the server refuses to tell min-replicas-to-write", advice)
    online = int(primary.info("replication")["connected_slaves"])
    if least > online:
        return error(
            f"min-replicas-to-write is {least}, but only {online} follow: Redis refuses all writes",
            "Start replicas.",
        )
    if not least:
        return warning(
            "min-replicas-to-write is 0: a primary without connection to its replicas accepts "
            "sign-ins, and a fail-over loses them",
            f"Set `min-replicas-to-write {max(1, wanted)}` on every node.",
        )
    return ok(f"min-replicas-to-write {least}, writes wait for {wanted}")


def _is_down(row: Row) -> bool:
    return bool(row["is_sdown"] or row["is_odown"] or row["is_disconnected"])
