"""Measure the second table: ours beside the peers.

A peer that can't be installed, seeded or started, and a cell with a wrong answer, do not stop the others:
their place in the table says what happened.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bench import cells
from bench.environment import free_ports, stores_for
from bench.installing import NotInstalledError
from bench.loads import Load, WrongAnswerError
from bench.measuring import CONNECTIONS as USUAL
from bench.measuring import Sample, measure
from bench.peers import catalogue, report
from bench.peers.catalogue import OURS, PEERS, ROWS, Peer
from bench.peers.report import Column
from bench.running import Bench, Started, say
from bench.seeding import Plan
from config.processes import ChildDiedError

SECONDS = 2
USERS = 1000
WARM_UP_REQUESTS, WARM_UP_SECONDS = 1000, 6
SEED_SECONDS = 300


@dataclass
class Running:
    """A peer whose servers run: its users and tokens, and its servers by name."""

    peer: Peer
    plan: Plan
    servers: dict[str, Started] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    row: str
    running: Running
    server: str
    load: Load


def run(bench: Bench, *, ours: Started | None, rows: list[str] | None = None) -> None:
    """Print the table, or only these rows of it. `ours` is our server, if it runs already."""
    rows = rows or list(ROWS)
    peers = [peer for peer in PEERS if peer.cells.keys() & set(rows)]
    columns = {peer.key: Column(peer.name) for peer in (OURS, *peers)}
    running = [_ours(bench, ours)]
    for number, peer in enumerate(peers, 1):
        say(f"Peer {number} of {len(peers)}: {peer.name} …")
        try:
            running.append(_peer(bench, peer, 4 + number))
        except (NotInstalledError, ChildDiedError, subprocess.SubprocessError) as exc:
            columns[peer.key].absent = _reason(exc)
            say(f"{peer.name} is left out: {_reason(exc)}")
    _measure(bench, _checked(running, columns, rows), columns)
    sys.stdout.write("\n".join(["", *report.lines(list(columns.values()), rows), "", ""]))
    sys.stdout.flush()


def _ours(bench: Bench, server: Started | None) -> Running:
    say("Making users and tokens (ours) …")
    plan = _seed(bench, OURS, OURS.install(), {})
    if server is None:
        command = cells.command("ours", bench.ports)
        server = bench.start("ours", command, port=bench.ports.ours)
    return Running(OURS, plan, {"ours": server})


def _peer(bench: Bench, peer: Peer, number: int) -> Running:
    """Install, seed and start a peer. `number` is its database in Redis."""
    installed = peer.install()
    env = {**stores_for(peer.key, number), **peer.env}
    if peer.needs_key:
        env["PEER_KEY"] = str(_rsa_key(bench.root))
    running = Running(peer, _seed(bench, peer, installed, env))
    for server in peer.servers:
        (port,) = free_ports(1)
        command = server.command(installed, port)
        running.servers[server.name] = bench.start(
            server.name, command, port=port, env={**env, **server.env}
        )
    return running


def _seed(bench: Bench, peer: Peer, installed: Path, env: dict[str, str]) -> Plan:
    """Make its tables, users and tokens. Raises `ChildDiedError` with the last line of the failure."""
    directory = bench.root / f"peer-{peer.key}"
    directory.mkdir()
    seconds = _seconds(bench)
    plan = Plan(
        directory,
        users=USERS,
        files=bench.rounds + 1,
        refreshes=peer.refreshes_per_second * seconds,
        sign_outs=peer.sign_outs_per_second * seconds,
    )
    done = subprocess.run(  # noqa: S603
        [*peer.seed(installed), *plan.arguments],
        env=os.environ | {"LOG_LEVEL": "WARNING"} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SEED_SECONDS,
        check=False,
    )
    if done.returncode:
        say(done.stdout[-2000:])
        last = (done.stdout.strip().splitlines() or ["no message"])[-1]
        raise ChildDiedError(f"its users could not be made: {last}")
    return plan


def _seconds(bench: Bench) -> int:
    return bench.seconds or SECONDS


def _rsa_key(root: Path) -> Path:
    path = root / "peer-key.pem"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def _checked(running: list[Running], columns: dict[str, Column], rows: list[str]) -> list[Cell]:
    """Return the cells of these rows whose first answer is right, in the order of the rows."""
    good = []
    for row in rows:
        for each in running:
            if row not in each.peer.cells:
                continue
            server, load = each.peer.cells[row]
            try:
                load.check(each.servers[server].port, each.plan.first(load))
            except (WrongAnswerError, OSError) as exc:
                columns[each.peer.key].failed[row] = _reason(exc)
                say(f"{each.peer.name}, {ROWS[row]}: {_reason(exc)}")
            else:
                good.append(Cell(row, each, server, load))
    return good


def _measure(bench: Bench, good: list[Cell], columns: dict[str, Column]) -> None:
    for number in range(bench.rounds + 1):
        # Round 0 warms up. Each round starts with another cell.
        turn = number * 5 % len(good)
        name = f"round {number} of {bench.rounds}" if number else "warm-up"
        for place, cell in enumerate(good[turn:] + good[:turn], 1):
            peer = cell.running.peer
            column = columns[peer.key]
            if column.absent:
                continue
            try:
                sample = _sample(bench, cell, number) if number else _warm_up(bench, cell)
                bench.children.check()
            except (ChildDiedError, subprocess.SubprocessError) as exc:
                if peer is OURS:
                    raise
                column.absent = _reason(exc)
                say(f"{peer.name} is left out: {column.absent}")
                for server in cell.running.servers:
                    bench.drop(server)
                continue
            if number:
                column.samples.setdefault(cell.row, []).append(sample)
            bad = f", {sample.bad} BAD" if sample.bad else ""
            say(
                f"{name}, {place} of {len(good)}: {peer.name}, {ROWS[cell.row]}: "
                f"{sample.rate:.0f} req/s, {sample.cpu:.0f} µs{bad}"
            )


def _warm_up(bench: Bench, cell: Cell) -> Sample:
    """Send enough requests that Node has compiled its code, also on a busy machine.

    Returns the last sample. A token for one use is spent once, so such a cell runs once.
    """
    deadline, requests = time.monotonic() + WARM_UP_SECONDS, 0
    while True:
        sample = _sample(bench, cell, 0)
        requests += sample.requests
        is_warm = requests >= WARM_UP_REQUESTS or time.monotonic() >= deadline
        if is_warm or cell.load.is_once or cell.row in catalogue.CONNECTIONS:
            return sample


def _sample(bench: Bench, cell: Cell, number: int) -> Sample:
    return measure(
        cell.load,
        cell.running.servers[cell.server],
        seconds=_seconds(bench) * catalogue.TIMES_AS_LONG.get(cell.row, 1),
        tokens=cell.running.plan.file_for(cell.load, number),
        connections=catalogue.CONNECTIONS.get(cell.row, USUAL),
    )


def _reason(exc: Exception) -> str:
    return str(exc) or type(exc).__name__
