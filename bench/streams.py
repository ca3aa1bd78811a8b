"""Measure `/events`: `python -m bench streams`.

Opens idle streams of as many users from one process, then tells one user's tabs of an end, again and
again. Prints memory, CPU, delay, and the bytes of polling, long polling and streaming.
"""

import asyncio
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import django

from bench.environment import free_ports, prepare
from config.processes import Children

TABS = 10
ROUNDS = 20
HEARTBEAT = 25
WARM_UP = 50
TICKS = os.sysconf("SC_CLK_TCK")
HOUR = 3600


@dataclass
class Stream:
    """One open stream of this client. `read` counts the bytes that have arrived."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sent: int
    read: int = 0
    seen: dict[bytes, float] = field(default_factory=dict)
    """When each event arrived first."""

    async def until(self, event: bytes) -> float:
        while event not in self.seen:
            line = await asyncio.wait_for(self.reader.readline(), 30)
            if not line:
                raise RuntimeError(f"the stream ended before {event!r}")
            self.read += len(line)
            if line.startswith(b"event: "):
                self.seen.setdefault(line[7:].strip(), time.monotonic())
        return self.seen[event]


async def open_stream(port: int, ticket: str) -> Stream:
    request = f"GET /events?ticket={ticket} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
    writer.write(request)
    stream = Stream(reader, writer, sent=len(request))
    await stream.until(b"ready")
    return stream


def main(amount: int) -> int:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with Children() as children:
        prepare(children)
        events, ours = free_ports(2)
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "EVENTS_PORT": str(events),
            "EVENTS_PER_PROCESS": str(amount + 500),
            "PORT": str(ours),
            "ALLOWED_HOSTS": "127.0.0.1",
            "LOG_LEVEL": "ERROR",
        }
        manage = [sys.executable, "manage.py"]
        subprocess.run([*manage, "migrate", "--verbosity=0"], check=True)  # noqa: S603
        django.setup()
        from config.management.commands import serve  # noqa: PLC0415 - needs the settings

        options = {"host": "127.0.0.1", "threads": 8, "workers": 1}
        children.start("The events", serve.EVENTS)
        children.start("The site", serve._site(options))  # noqa: SLF001 - as `serve` does
        children.wait_until(lambda: _is_up(events), name="The events", seconds=60)
        children.wait_until(lambda: _is_up(ours), name="The site", seconds=60)
        pid = children._running["The events"].pid  # noqa: SLF001 - the only way to it
        asyncio.run(_measure(pid, events, ours, amount))
    return 0


def _is_up(port: int) -> bool:
    try:
        return _get(port, "/livez")[0] == 200  # noqa: PLR2004
    except OSError:
        return False


def _get(port: int, path: str, **headers: str) -> tuple[int, int, int]:
    """Return the status, and the bytes of the request and of the answer."""
    named = {"Host": "127.0.0.1", "Connection": "close", **headers}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    asked = "\r\n".join([*lines, "", ""]).encode()
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(asked)
        answer = b"".join(iter(partial(client.recv, 65536), b""))
    return int(answer.split()[1]) if answer else 0, len(asked), len(answer)


async def _measure(pid: int, port: int, ours: int, amount: int) -> None:
    issue, make = await asyncio.to_thread(_helpers)
    users = await asyncio.to_thread(lambda: [make(number) for number in range(amount)])
    tabs_user = await asyncio.to_thread(make, amount)
    for stream in [await open_stream(port, await issue(users[0])) for _ in range(20)]:
        stream.writer.close()
    for user in users[:WARM_UP]:
        (await open_stream(port, await issue(user))).writer.close()
    await asyncio.sleep(1)
    before = rss(pid)
    began = time.monotonic()
    streams = []
    for user in users:
        asked = time.monotonic()
        streams.append(await open_stream(port, await issue(user)))
        opening = time.monotonic() - asked
    seconds = time.monotonic() - began
    after = rss(pid)
    say(
        f"{amount} streams: {(after - before) / amount / 1000:.1f} kB each, {after / 1e6:.0f} MB whole process,"
    )
    say(
        f"  {after / amount / 1000:.1f} kB each if the whole process counts; opened in {seconds:.1f} s, the last one in {opening * 1000:.0f} ms"
    )
    # The first heartbeat comes 25 s after the first stream.
    quiet = max(0.0, 24 - seconds)
    for name, wait in (("without heartbeats", quiet), ("with one heartbeat each", HEARTBEAT)):
        used = cpu(pid)
        await asyncio.sleep(wait)
        if wait:
            say(f"idle for {wait:.0f} s, {name}: {(cpu(pid) - used) / wait:.1%} of a core")
    delays = [await _delay(port, tabs_user, issue) for _ in range(ROUNDS)]
    say(
        f"an end told to all {TABS} tabs: median {statistics.median(delays) * 1000:.0f} ms, "
        f"slowest {max(delays) * 1000:.0f} ms of {ROUNDS}"
    )
    _, request, answer = await asyncio.to_thread(_poll, ours, users[0])
    one = streams[0]
    beat = len(b"3\r\n:\n\n\r\n")
    up, down = HOUR // 30, HOUR // HEARTBEAT
    say("For each hour and client: requests, bytes")
    say(f"  poll of 30 s:  {up}, {up * (request + answer):,} ({request} + {answer} each)")
    say(f"  long polling:  {down}, {down * (one.sent + one.read):,} ({one.sent} + {one.read} each)")
    say(
        f"  stream:        1, {one.sent + one.read + down * beat:,} ({one.sent} + {one.read}, {beat} each heartbeat)"
    )
    for stream in streams:
        stream.writer.close()


async def _delay(port, user, issue) -> float:
    """Return the seconds between the call that ends a sign-in and its last tab that hears it."""
    from accounts.signins import sessions  # noqa: PLC0415 - needs the settings

    streams = [await open_stream(port, await issue(user)) for _ in range(TABS)]
    heard = asyncio.gather(*(stream.until(b"session.ended") for stream in streams))
    began = time.monotonic()
    await asyncio.to_thread(sessions.revoke, user["session"], reason=sessions.Reason.OTHER_DEVICE)
    last = max(await heard)
    user["session"] = await asyncio.to_thread(user["open"])
    for stream in streams:
        stream.writer.close()
    return last - began


def _helpers():
    from accounts.client_info import ClientInfo  # noqa: PLC0415 - needs the settings
    from accounts.live import tickets  # noqa: PLC0415 - needs the settings
    from accounts.people.models import User  # noqa: PLC0415 - needs the settings
    from accounts.signins import sessions  # noqa: PLC0415 - needs the settings

    def make(number):
        user = User.objects.create(email=f"bench{number}@example.com", password="!")  # noqa: S106

        def sign_in():
            client = ClientInfo(ip="127.0.0.1")
            return sessions.open(user, kind=sessions.Kind.TOKEN, client=client, amr=["pwd"])

        return {"open": sign_in, "session": sign_in()}

    async def issue(user):
        return await asyncio.to_thread(tickets.issue, user["session"].pk)

    return issue, make


def _poll(port, user) -> tuple[int, int, int]:
    from api.tokens import jwts  # noqa: PLC0415 - needs the settings

    token = jwts.pair(user["session"])["access"]
    return _get(port, "/api/verify", Authorization=f"Bearer {token}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def rss(pid: int) -> int:
    """Return the resident memory in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu(pid: int) -> float:
    """Return the CPU seconds that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
