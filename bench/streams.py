"""Measure `/events`: `python -m bench streams`.

Opens idle streams of as many users from one process, then tells one user's tabs of an end, again and
again. Prints memory, CPU, wake-ups, delay, and the bytes of polling, long polling and streaming.
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
from bench.long_polling import Client
from config.processes import Children

TABS = 10
ROUNDS = 20
HEARTBEAT = 25
WARM_UP = 50
HOUR = 3600
HOLD_SECONDS = 25
"""As in `bench.ours.long_polling`."""
SERVER = [sys.executable, "-m", "bench.ours.long_polling"]
"""`manage.py events`, with the address of long polling."""
HEART = b":\n"


@dataclass
class Stream:
    """One open stream of this client. `read` counts the bytes that have arrived, `opened` those up to `ready`."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sent: int
    read: int = 0
    opened: int = 0
    seen: dict[bytes, float] = field(default_factory=dict)
    """When each event arrived first."""

    async def until(self, event: bytes) -> float:
        while event not in self.seen:
            line = await asyncio.wait_for(self.reader.readline(), 30)
            if not line:
                raise RuntimeError(f"the stream ended before {event!r}")
            self.read += len(line)
            name = HEART if line == HEART else line[7:].strip()
            if line == HEART or line.startswith(b"event: "):
                self.seen.setdefault(name, time.monotonic())
        return self.seen[event]


async def open_stream(port: int, ticket: str) -> Stream:
    request = f"GET /events?ticket={ticket} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
    writer.write(request)
    stream = Stream(reader, writer, sent=len(request))
    await stream.until(b"ready")
    stream.opened = stream.read
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
        children.start("The events", [*SERVER, f"--port={events}"])
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
    issue, make, token_of = await asyncio.to_thread(_helpers)
    users = await asyncio.to_thread(lambda: [make(number) for number in range(amount)])
    tabs_user = await asyncio.to_thread(make, amount)
    for user in users[:WARM_UP]:
        (await open_stream(port, await issue(user))).writer.close()
    await asyncio.sleep(HEARTBEAT + 1)  # the timer of the heartbeats is off
    await _idle(pid, 10, "no streams")
    streams = await _open(pid, port, users, issue)
    heard = [await stream.until(HEART) for stream in streams]
    say(f"the heartbeats of all {amount} streams arrived within {max(heard) - min(heard):.2f} s")
    await _idle(
        pid, max(heard) + HEARTBEAT - 1 - time.monotonic(), f"{amount} streams, no heartbeat"
    )
    await _idle(pid, HEARTBEAT, f"{amount} streams, a heartbeat each")
    delays = [await _delay(port, tabs_user, issue) for _ in range(ROUNDS)]
    say(f"an end told to all {TABS} tabs by streams: {_spread(delays)}")
    delays = [await _delay_of_long_polling(port, tabs_user, token_of) for _ in range(ROUNDS)]
    say(f"an end told to all {TABS} tabs by long polling: {_spread(delays)}")
    _, request, answer = await asyncio.to_thread(_poll, ours, token_of(users[0]))
    one, up = streams[0], HOUR // 30
    say("For each hour and client: requests, bytes")
    say(f"  poll of 30 s:  {up}, {up * (request + answer):,} ({request} + {answer} each)")
    for stream in streams:
        stream.writer.close()
    await _long_polling(pid, port, [token_of(user) for user in users])
    beats, size = HOUR // HEARTBEAT, len(b"3\r\n:\n\n\r\n")
    total = one.sent + one.opened + beats * size
    say(f"  stream:        1, {total:,} ({one.sent} + {one.opened}, {size} each heartbeat)")


async def _open(pid: int, port: int, users: list, issue) -> list[Stream]:
    before, began = rss(pid), time.monotonic()
    streams = [await open_stream(port, await issue(user)) for user in users]
    after, amount = rss(pid), len(users)
    say(
        f"{amount} streams: {(after - before) / amount / 1000:.1f} kB each, {after / 1e6:.0f} MB whole "
        f"process; opened in {time.monotonic() - began:.1f} s"
    )
    return streams


async def _idle(pid: int, seconds: float, name: str) -> None:
    used, woken = cpu(pid), wakes(pid)
    await asyncio.sleep(seconds)
    say(
        f"idle for {seconds:.0f} s, {name}: {(cpu(pid) - used) / seconds:.3%} of a core, "
        f"{(wakes(pid) - woken) / seconds:.1f} wake-ups a second"
    )


def _spread(delays: list[float]) -> str:
    median, most = statistics.median(delays) * 1000, max(delays) * 1000
    return f"median {median:.0f} ms, slowest {most:.0f} ms of {len(delays)}"


async def _long_polling(pid: int, port: int, tokens: list[str]) -> None:
    """Let as many clients ask for two holds, and say what one costs in an hour."""
    seconds = 2 * HOLD_SECONDS + 1
    clients = [Client(port, token) for token in tokens]
    used, until = cpu(pid), time.monotonic() + seconds
    await asyncio.gather(*(client.run(until=until) for client in clients))
    rate = HOUR / HOLD_SECONDS
    answered = sum(client.requests - 1 for client in clients)  # the last request was broken off
    sent = sum(client.sent / client.requests for client in clients) / len(clients)
    read = sum(client.read for client in clients) / answered
    say(
        f"  long polling:  {rate:.0f}, {rate * (sent + read):,.0f} ({sent:.0f} + {read:.0f} each); "
        f"{len(clients)} clients with {answered} answers in {seconds} s: {(cpu(pid) - used) / seconds:.1%} of a core"
    )


async def _delay_of_long_polling(port: int, user, token_of) -> float:
    token, until = await asyncio.to_thread(token_of, user), time.monotonic() + 60
    clients = [asyncio.create_task(Client(port, token).run(until=until)) for _ in range(TABS)]
    await asyncio.sleep(1)
    return await _end(user, asyncio.gather(*clients))


async def _delay(port: int, user, issue) -> float:
    streams = [await open_stream(port, await issue(user)) for _ in range(TABS)]
    seconds = await _end(user, asyncio.gather(*(each.until(b"session.ended") for each in streams)))
    for stream in streams:
        stream.writer.close()
    return seconds


async def _end(user, heard: "asyncio.Future[list[float]]") -> float:
    """Return the seconds between the call that ends a sign-in and its last tab that hears it."""
    from accounts.signins import sessions  # noqa: PLC0415 - needs the settings

    began = time.monotonic()
    await asyncio.to_thread(sessions.revoke, user["session"], reason=sessions.Reason.OTHER_DEVICE)
    last = max(await heard)
    user["session"] = await asyncio.to_thread(user["open"])
    return last - began


def _helpers():
    from accounts.client_info import ClientInfo  # noqa: PLC0415 - needs the settings
    from accounts.live import tickets  # noqa: PLC0415 - needs the settings
    from accounts.people.models import User  # noqa: PLC0415 - needs the settings
    from accounts.signins import sessions  # noqa: PLC0415 - needs the settings
    from api.tokens import jwts  # noqa: PLC0415 - needs the settings

    def make(number):
        user = User.objects.create(email=f"bench{number}@example.com", password="!")  # noqa: S106

        def sign_in():
            client = ClientInfo(ip="127.0.0.1")
            return sessions.open(user, kind=sessions.Kind.TOKEN, client=client, amr=["pwd"])

        return {"open": sign_in, "session": sign_in()}

    async def issue(user):
        return await asyncio.to_thread(tickets.issue, user["session"].pk)

    def token_of(user) -> str:
        return str(jwts.pair(user["session"])["access"])

    return issue, make, token_of


def _poll(port: int, token: str) -> tuple[int, int, int]:
    return _get(port, "/api/verify", Authorization=f"Bearer {token}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def rss(pid: int) -> int:
    """Return the resident memory in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu(pid: int) -> float:
    """Return the CPU seconds that the process has used, to the nanosecond (`/proc/…/stat` has 10 ms)."""
    return sum(
        int(each.read_text().split()[0]) / 1e9
        for each in Path(f"/proc/{pid}/task").glob("*/schedstat")
    )


def wakes(pid: int) -> int:
    """Return how often the threads of the process have gone to sleep."""
    return sum(
        int(line.split()[1])
        for each in Path(f"/proc/{pid}/task").glob("*/status")
        for line in each.read_text().splitlines()
        if line.startswith("voluntary_ctxt_switches")
    )
