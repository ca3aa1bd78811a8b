"""Compare three solutions to "server B doesn't know the session of server A", while a server dies.

`python -m tests.cluster.compare` prints the table of docs/session-storage.md.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.browser import HOME, SESSION, Browser
from tests.cluster.cluster import CHECKERS, Cluster
from tests.cluster.load import Load, SignIn, a_third_from_one_office
from tests.cluster.rows import table
from tests.kit.waiting import wait_until

CALM, SIGN_INS = 150, 300
"""Number of sign-ins before the server dies, and in total."""
REPLACED_AFTER_SECONDS = 2


@dataclass(frozen=True)
class Comparison:
    name: str
    sign_ins: int
    lost: int
    failed: int
    unavailable: int
    wiped: int
    stall: float
    shares: str
    cpu: float
    copied: int
    details: tuple[str, ...]


HEADINGS = {
    "name": "Sessions are …",
    "sign_ins": "sign-ins",
    "lost": "lost",
    "failed": "requests failed",
    "unavailable": "clean 503",
    "wiped": "cookies wiped",
    "stall": "longest stall, s",
    "shares": "requests by server, %",
    "cpu": "CPU ms a request",
    "copied": "bytes copied a request",
}
ROWS: list[Comparison] = []


def sticky(cluster: Cluster) -> Comparison:
    """Keep Django's sessions in each server's memory; nginx sends an address to the same server."""
    cluster.serve("memory", method="ip_hash;")
    return _measure(cluster, "in each server's memory (sticky)", _kill_busiest)


def replicated(cluster: Cluster) -> Comparison:
    """Keep Django's sessions in a Redis on each server; the primary copies writes to the others."""
    cluster.serve("replicated")
    return _measure(cluster, "copied to every server", _kill_with_its_primary)


def central(cluster: Cluster) -> Comparison:
    """Keep sessions in the site's own store."""
    cluster.serve("own")
    return _measure(cluster, "in a store of their own", _kill_busiest)


def central_fails_too(cluster: Cluster) -> Comparison:
    """Keep sessions in the site's own store, and kill its primary with the server."""
    cluster.serve("own")
    return _measure(cluster, "… which loses its primary, too", _kill_with_its_primary)


def _kill_busiest(cluster: Cluster) -> None:
    (address, _), *_ = cluster.balancer.answers_by_server().most_common(1)
    server = next(each for each in cluster.servers if address.endswith(f":{each.port}"))
    server.kill()
    time.sleep(REPLACED_AFTER_SECONDS)
    server.start()
    server.wait("/livez")


def _kill_with_its_primary(cluster: Cluster) -> None:
    """Kill the Redis primary and the server on the same machine; each machine has one of both."""
    primary = cluster.redis.primary()
    server = cluster.servers[cluster.redis.servers.index(primary)]
    server.kill()
    primary.kill()
    time.sleep(REPLACED_AFTER_SECONDS)
    primary.start()
    server.start()
    server.wait("/livez")
    cluster.redis.wait_for_new_primary(primary)


def _measure(cluster: Cluster, name: str, event: Callable[[Cluster], None]) -> Comparison:
    cluster.heal()
    before = cluster.balancer.lines()
    load = cluster.load(addresses=a_third_from_one_office())
    try:
        load.wait_for(CALM // 3)
        cost = _cost(cluster, load)
        answered = cluster.balancer.answers_by_server(since=before)
        event(cluster)
        load.wait_for(SIGN_INS)
    finally:
        tally = load.stop()
    cluster.heal()
    total = sum(answered.values())
    return Comparison(
        name=name,
        sign_ins=len(tally.sign_ins),
        lost=_lost(cluster, tally.sign_ins),
        failed=len(tally.failed),
        unavailable=tally.unavailable,
        wiped=len(tally.wiped),
        stall=tally.stall,
        shares=" ".join(
            f"{100 * answered[f'127.0.0.1:{port}'] / total:.0f}" for port in cluster.ports
        ),
        cpu=1000 * cost[0],
        copied=round(cost[1]),
        details=tuple(map(str, [*tally.failed, *tally.wiped][:5])),
    )


def _cost(cluster: Cluster, load: Load) -> tuple[float, float]:
    """Return CPU seconds of all processes and bytes to replicas, per request, before any fault."""
    processes = [*cluster.servers, *cluster.redis.servers, cluster.postgres, cluster.balancer]

    def used() -> tuple[int, float, int]:
        with cluster.redis.primary().connect() as client:
            copied = client.info("stats").get("total_net_repl_output_bytes", 0)
        return load.requests(), sum(process.cpu_seconds() for process in processes), copied

    requests, seconds, copied = used()
    load.wait_for(CALM)
    more_requests, more_seconds, more_copied = used()
    served = more_requests - requests
    return (more_seconds - seconds) / served, (more_copied - copied) / served


def _lost(cluster: Cluster, sign_ins: list[SignIn]) -> int:
    """Count visitors who return from the same address and are not signed in any more."""
    trust = cluster.trust()

    def is_known(sign_in: SignIn) -> bool:
        statuses = [0]

        def answered() -> bool:
            browser = Browser(cluster.balancer.port, trust, sign_in.address)
            browser.cookies[SESSION] = sign_in.cookie
            statuses.append(browser.get(HOME).status)
            browser.close()
            return statuses[-1] in {200, 302}

        wait_until(answered, "answered", seconds=60)
        return statuses[-1] == 200

    kept = [each for each in sign_ins if not (each.signed_out or each.in_doubt)]
    with ThreadPoolExecutor(CHECKERS) as pool:
        return sum(not known for known in pool.map(is_known, kept))


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="munjigi-compare-") as directory:
        cluster = Cluster(Path(directory))
        try:
            cluster.start()
            found = [answer(cluster) for answer in (sticky, replicated, central, central_fails_too)]
        finally:
            cluster.stop()
    sys.stdout.write(table(found, HEADINGS) + "\n")
    for row in found:
        sys.stdout.writelines(f"{row.name}: {detail}\n" for detail in row.details)
    return 0


if __name__ == "__main__":
    # Sets the tests' secrets for the site's settings.
    import tests.environment  # noqa: F401

    sys.exit(main())
