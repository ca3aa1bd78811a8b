"""The short stream by which the doctor sees whether a proxy holds events back."""

import asyncio
import time

import pytest

from api import stream_probe
from tests.kit.tabs import Tab


@pytest.fixture
def ask(live):
    def run(**request):
        found = []

        async def story():
            async with Tab(query="probe", **request) as tab:
                await tab.until(lambda: tab.is_over)
                found.append(tab)

        live(story)
        return found[0]

    return run


def test_a_probe_needs_no_credential_and_ends_by_itself(ask):
    began = time.monotonic()
    tab = ask()

    assert tab.status == 200
    assert tab.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert tab.body.startswith(b"event: ready")
    assert b"event: end" in tab.body
    assert time.monotonic() - began >= stream_probe.SECONDS


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"method": "POST"}, 405),
        ({"origin": "https://evil.example"}, 403),
        ({"host": "evil.example"}, 400),
    ],
)
def test_a_probe_passes_the_checks_of_a_stream(ask, request_, status):
    assert ask(**request_).status == status


@pytest.mark.slow
def test_a_fifth_probe_at_the_same_time_is_refused(live):
    statuses = []

    async def one():
        async with Tab(query="probe") as tab:
            await tab.until(lambda: tab.is_over)
            statuses.append(tab.status)

    async def story():
        await asyncio.gather(*(one() for _ in range(5)))
        await one()

    live(story)
    assert sorted(statuses) == [200] * 5 + [429]
