"""A provider that hangs: how many threads wait for it, when it is down, who may try again."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts.federation.errors import ProviderUnavailableError
from accounts.federation.wire import fetch, outage
from tests.kit.pieces import server
from tests.kit.waiting import wait_until

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
ERROR = b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}"
CLOSED = "http://127.0.0.1:9/"


@pytest.fixture(autouse=True)
def fresh(settings, monkeypatch):
    """No outage, eight threads, a long time-out and pauses that end at once."""
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 20.0)
    monkeypatch.setattr(outage, "FIRST_PAUSE_SECONDS", 0.0)
    settings.SERVER_THREADS = 8
    settings.SOCIALACCOUNT_PROVIDERS = {}
    outage.forget()
    yield settings
    outage.forget()


@pytest.fixture
def providers(fresh):
    """Say at which addresses these providers are, each with a token and a profile address."""

    def run(**origins):
        fresh.SOCIALACCOUNT_PROVIDERS = {
            name: {"ACCESS_TOKEN_URL": f"{origin}token", "PROFILE_URL": f"{origin}profile"}
            for name, origin in origins.items()
        }

    return run


def reason(url):
    """Why this call is refused; '' if it is answered."""
    try:
        fetch.get(url)
    except ProviderUnavailableError as exc:
        return str(exc)
    return ""


def take_down(url):
    """Let three calls to this silent address time out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch, "TOTAL_SECONDS", 0.3)
        for _ in range(outage.MAX_TIMEOUTS):
            assert reason(url) == "no answer in time"


def begin_at_once(pool, urls):
    """Ask all of these at the same time: their reasons, in order, which are still to come."""
    together = threading.Barrier(len(urls))

    def ask(url):
        together.wait()
        return reason(url)

    return [pool.submit(ask, url) for url in urls]


def asked_at_once(urls):
    """Ask all of these at the same time: the reasons, in order."""
    with ThreadPoolExecutor(len(urls)) as pool:
        return [one.result() for one in begin_at_once(pool, urls)]


def first(number, calls):
    """Wait until so many of these calls have ended: the reasons. The others hang."""
    wait_until(lambda: sum(one.done() for one in calls) >= number)
    return [one.result() for one in calls if one.done()]


def test_half_of_the_threads_wait_for_one_provider(providers, monkeypatch):
    monkeypatch.setattr(outage, "PATIENCE_SECONDS", 0.1)
    with ThreadPoolExecutor(16) as pool, server(b"", every=60) as (url, asked):
        providers(kakao=url)

        calls = begin_at_once(pool, [f"{url}token", f"{url}profile"] * 8)

        assert first(12, calls) == ["too many calls are under way"] * 12
        wait_until(lambda: len(asked) == 4)
    assert len(asked) == 4


def test_three_quarters_of_the_threads_wait_for_all_providers(providers, monkeypatch):
    monkeypatch.setattr(outage, "PATIENCE_SECONDS", 0.1)
    with (
        ThreadPoolExecutor(12) as pool,
        server(b"", every=60) as (kakao, to_kakao),
        server(b"", every=60) as (naver, to_naver),
    ):
        providers(kakao=kakao, naver=naver)

        calls = begin_at_once(pool, [f"{kakao}token", f"{naver}token"] * 6)

        assert first(6, calls) == ["too many calls are under way"] * 6
        wait_until(lambda: len(to_kakao + to_naver) == 6)


def test_a_provider_that_hangs_leaves_room_for_another(providers):
    with (
        ThreadPoolExecutor(4) as pool,
        server(GOOD) as (naver, _),
        server(b"", every=60) as (kakao, asked),
    ):
        providers(kakao=kakao, naver=naver)
        waiting = [pool.submit(reason, f"{kakao}token") for _ in range(4)]
        wait_until(lambda: len(asked) == 4)

        assert reason(f"{naver}token") == ""
        assert not any(one.done() for one in waiting)


def test_a_crowd_at_a_quick_provider_gets_in(providers, monkeypatch):
    monkeypatch.setattr(outage, "PATIENCE_SECONDS", 20.0)
    with server(b"HTTP/1.1 200 OK\r\n", b"Content-Length: 2\r\n\r\n{}", every=0.05) as (url, asked):
        providers(kakao=url)

        assert asked_at_once([f"{url}token"] * 16) == [""] * 16
    assert len(asked) == 16


def test_a_call_does_not_wait_for_one_that_hangs(providers):
    with ThreadPoolExecutor(4) as pool, server(b"", every=60) as (url, asked):
        providers(kakao=url)
        for _ in range(4):
            pool.submit(reason, f"{url}token")
        wait_until(lambda: len(asked) == 4)
        for call in outage._calls:
            call.began -= outage.PATIENCE_SECONDS

        began = time.monotonic()
        assert reason(f"{url}profile") == "too many calls are under way"
        assert time.monotonic() - began < outage.PATIENCE_SECONDS
    assert len(asked) == 4


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_one_call_is_always_possible(providers, fresh, threads):
    fresh.SERVER_THREADS = threads
    with server(GOOD) as (url, _):
        providers(kakao=url)

        assert reason(f"{url}token") == ""


@pytest.mark.slow
def test_after_three_time_outs_in_a_row_no_call_is_made(monkeypatch):
    monkeypatch.setattr(outage, "FIRST_PAUSE_SECONDS", 60.0)
    with server(b"", every=60) as (url, asked):
        take_down(url)

        assert asked_at_once([url] * 16) == ["down"] * 16
        wait_until(lambda: len(asked) == 3)
    assert len(asked) == 3


def test_an_answer_between_time_outs_starts_the_count_again():
    with server(GOOD) as (url, _):
        for _ in range(2):
            outage.begin(url).failed(timed_out=True)
        assert reason(url) == ""
        for _ in range(2):
            outage.begin(url).failed(timed_out=True)

        assert not outage._addresses[url].is_down


def test_errors_that_come_at_once_take_nothing_down():
    with server(ERROR) as (url, asked):
        for _ in range(6):
            assert reason(url) == "answered 500"
    for _ in range(6):
        assert reason(CLOSED) == "the call failed: ConnectionError"

    assert len(asked) == 6
    assert not outage._addresses[CLOSED].is_down


def test_an_answer_that_is_too_large_counts_as_an_answer():
    with server(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 70_000) as (url, _):
        for _ in range(2):
            outage.begin(url).failed(timed_out=True)
        with pytest.raises(Exception, match="too large"):
            fetch.get(url)

    assert url not in outage._addresses


@pytest.mark.slow
def test_bytes_that_drip_are_time_outs():
    with server(b"HTTP/1.1 200 OK\r\n\r\n", *[b" "] * 600, every=0.05) as (url, _):
        take_down(url)

        assert outage._addresses[url].is_down


@pytest.mark.slow
def test_one_thread_at_a_time_probes():
    with ThreadPoolExecutor(8) as pool, server(b"", every=60) as (url, asked):
        take_down(url)

        calls = begin_at_once(pool, [url] * 8)

        assert first(7, calls) == ["down"] * 7
        wait_until(lambda: len(asked) == 4)
    assert len(asked) == 4


def test_each_failed_probe_doubles_the_pause(monkeypatch):
    monkeypatch.setattr(outage, "FIRST_PAUSE_SECONDS", 0.01)
    outage._addresses[CLOSED] = address = outage.Address(pause=0.01)
    for _ in range(3):
        outage.begin(CLOSED).failed(timed_out=True)
    pauses = []
    for _ in range(4):
        wait_until(lambda: not address.refuses)
        assert reason(CLOSED) == "the call failed: ConnectionError"
        pauses.append(address.pause)

    assert pauses == [0.02, 0.04, 0.08, 0.16]
    address.pause, address.failed_at = 50.0, time.monotonic() - 50
    assert reason(CLOSED) == "the call failed: ConnectionError"
    assert address.pause == outage.LONGEST_PAUSE_SECONDS


def test_a_probe_that_is_answered_ends_the_outage():
    with server(GOOD) as (url, asked):
        for _ in range(3):
            outage.begin(url).failed(timed_out=True)
        outage._calls.clear()
        outage._addresses[url].pause = 0.0

        assert asked_at_once([url])[0] == ""
        assert asked_at_once([url] * 4) == [""] * 4
    assert len(asked) == 5


def test_a_probe_that_ends_by_a_defect_lets_the_next_one_try(monkeypatch):
    outage._addresses[CLOSED] = address = outage.Address(timeouts=3, pause=0.0)
    monkeypatch.setattr(fetch, "_read", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        fetch.get(CLOSED)

    wait_until(lambda: not address.refuses)


def test_no_thread_left_frees_the_place(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)

    assert reason(CLOSED) == "no thread is left for the call"
    assert not outage._calls


def test_another_address_of_the_provider_still_answers(providers, monkeypatch):
    monkeypatch.setattr(outage, "FIRST_PAUSE_SECONDS", 60.0)
    with server(GOOD) as (url, _):
        providers(kakao=url)
        for _ in range(3):
            outage.begin(f"{url}profile").failed(timed_out=True)

        assert reason(f"{url}profile") == "down"
        assert reason(f"{url}token") == ""


def test_a_sign_in_is_refused_until_a_probe_is_due(providers):
    providers(kakao=CLOSED, naver="http://127.0.0.1:8/")
    outage._addresses[f"{CLOSED}profile"] = address = outage.Address(
        timeouts=3, pause=60.0, failed_at=time.monotonic()
    )

    with pytest.raises(ProviderUnavailableError, match="down"):
        outage.require("kakao")
    outage.require("naver")
    outage.require("nobody")

    address.failed_at -= 60
    outage.require("kakao")


def test_the_mark_ends_when_nobody_has_tried_for_long(providers):
    providers(kakao=CLOSED)
    outage._addresses[f"{CLOSED}token"] = address = outage.Address(
        timeouts=3, failed_at=time.monotonic()
    )
    assert outage.is_marked("kakao")

    address.failed_at -= outage.MARK_SECONDS

    assert not outage.is_marked("kakao")


def test_a_child_process_starts_without_outages():
    outage._addresses[CLOSED] = outage.Address(timeouts=3, failed_at=time.monotonic())
    outage._calls.add(outage.Call("kakao", CLOSED, is_probe=False))
    with outage._changed:  # held by a thread that the child doesn't have
        child = os.fork()
        if not child:
            is_fresh = not outage._addresses and not outage._calls
            os._exit(0 if is_fresh and outage._changed.acquire(blocking=False) else 1)
        _, status = os.waitpid(child, 0)

    assert status == 0
