"""Simulate visitors who sign in, open their page and sign out, and record each result."""

import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tests.cluster.browser import HOME, LOGIN, LOGOUT, SESSION, Answer, Browser

LANES = 6
REGULARS_EVERY_SECONDS = 0.1
SIGNS_OUT = 4
"""Each fourth visitor signs out."""
TRIES = 30
PAUSE_SECONDS = 0.02
AFTER_503_SECONDS = 0.3
USERS, CHANGERS = 1500, 100
PASSWORD = "correct horse battery"


def email(number: int) -> str:
    return f"visitor{number % USERS}@example.com"


def changer(number: int) -> str:
    """Return the email of a user whose password changes, and with whom no visitor signs in."""
    return f"changer{number}@example.com"


@dataclass
class SignIn:
    """One acknowledged sign-in: the answer that redirects and sets the cookie has arrived."""

    cookie: str
    address: str
    """The visitor's IP address."""
    signed_out: bool = False
    in_doubt: bool = False
    """True if the visitor asked to sign out and got no confirmation."""


@dataclass
class Tally:
    """The results of a load."""

    started: float = field(default_factory=time.monotonic)
    requests: int = 0
    unavailable: int = 0
    """Number of clean 503s."""
    unsure: int = 0
    """Number of attempts to sign in without the answer that acknowledges it."""
    failed: list[Answer] = field(default_factory=list)
    wiped: list[Answer] = field(default_factory=list)
    sign_ins: list[SignIn] = field(default_factory=list)
    slowest: float = 0.0
    successes: list[float] = field(default_factory=list)
    """When each successful request ended, by `time.monotonic()`."""
    seconds: list[float] = field(default_factory=list)

    def note(self, answer: Answer, *, good: bool) -> None:
        self.requests += 1
        self.slowest = max(self.slowest, answer.seconds)
        self.seconds.append(answer.seconds)
        if answer.wipes_session and answer.path != LOGOUT:
            self.wiped.append(answer)
        if not good and (answer.method, answer.path) == ("POST", LOGIN):
            self.unsure += 1
        if good:
            self.successes.append(answer.ended)
        elif answer.is_clean_503:
            self.unavailable += 1
        else:
            self.failed.append(answer)

    def add(self, other: "Tally") -> None:
        self.requests += other.requests
        self.unavailable += other.unavailable
        self.unsure += other.unsure
        self.failed += other.failed
        self.wiped += other.wiped
        self.sign_ins += other.sign_ins
        self.slowest = max(self.slowest, other.slowest)
        self.successes += other.successes
        self.seconds += other.seconds

    @property
    def signed_out(self) -> int:
        return sum(each.signed_out for each in self.sign_ins)

    @property
    def stall(self) -> float:
        """The longest time without a successful answer."""
        ends = sorted([self.started, *self.successes])
        return max((after - before for before, after in pairwise(ends)), default=0.0)


class Load(threading.Thread):
    """Run `LANES` new visitors at a time, and one who is signed in, until `stop()` or the deadline.

    Raises no error for a failed request: the tally counts it.
    """

    def __init__(
        self, port: int, context: ssl.SSLContext, *, addresses: Iterator[str], most_seconds: float
    ) -> None:
        super().__init__(name="load", daemon=True)
        self._port, self._context, self._addresses = port, context, addresses
        self._deadline = time.monotonic() + most_seconds
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._lanes = [Tally() for _ in range(LANES + 1)]
        self._staying: list[SignIn] = []
        self._number = 0

    def run(self) -> None:
        *lanes, last = self._lanes
        threads = [threading.Thread(target=self._newcomers, args=[lane]) for lane in lanes]
        threads.append(threading.Thread(target=self._regulars, args=[last]))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def stop(self) -> Tally:
        """Let the current visits finish; return the results of all."""
        self._over.set()
        self.join()
        tally = Tally(started=self._lanes[0].started)
        for lane in self._lanes:
            tally.add(lane)
        return tally

    def acknowledged(self) -> tuple[int, int]:
        """Return the number of sign-ins and of sign-outs so far."""
        so_far = [each for lane in self._lanes for each in list(lane.sign_ins)]
        return len(so_far), sum(each.signed_out for each in so_far)

    def requests(self) -> int:
        return sum(lane.requests for lane in self._lanes)

    def staying(self) -> list[SignIn]:
        """Return those who are signed in and never sign out."""
        return list(self._staying)

    def wait_for(self, sign_ins: int, sign_outs: int = 0) -> None:
        """Wait until this many are acknowledged, or until the deadline."""
        while time.monotonic() < self._deadline:
            if self.acknowledged() >= (sign_ins, 0) and self.acknowledged()[1] >= sign_outs:
                return
            time.sleep(0.1)

    @property
    def _goes_on(self) -> bool:
        return not self._over.is_set() and time.monotonic() < self._deadline

    def _regulars(self, tally: Tally) -> None:
        """Open the page again and again as visitors who signed in before, also during an outage."""
        draw = random.Random(0)
        browser = Browser(self._port, self._context, next(self._addresses))
        while self._goes_on:
            time.sleep(REGULARS_EVERY_SECONDS)
            if self._staying:
                browser.cookies[SESSION] = draw.choice(self._staying).cookie
                page = browser.get(HOME)
                tally.note(page, good=is_page(page))
        browser.close()

    def _newcomers(self, tally: Tally) -> None:
        while self._goes_on:
            with self._lock:
                self._number += 1
                number, address = self._number, next(self._addresses)
            browser = Browser(self._port, self._context, address)
            try:
                self._visit(browser, number, tally)
            finally:
                browser.close()

    def _visit(self, browser: Browser, number: int, tally: Tally) -> None:
        form = {"login": email(number), "password": PASSWORD}
        if not self._patiently(lambda: browser.get(LOGIN), is_page, tally):
            return
        if not self._patiently(lambda: browser.post(LOGIN, **form), is_sign_in, tally):
            return
        sign_in = SignIn(browser.cookies[SESSION], browser.address)
        tally.sign_ins.append(sign_in)
        time.sleep(PAUSE_SECONDS)
        if not self._patiently(lambda: browser.get(HOME), is_page, tally):
            return
        if number % SIGNS_OUT:
            self._staying.append(sign_in)
            return
        sign_in.in_doubt = True
        if self._patiently(lambda: browser.post(LOGOUT), is_sign_out, tally):
            sign_in.in_doubt, sign_in.signed_out = False, True

    def _patiently(
        self, ask: Callable[[], Answer], is_good: Callable[[Answer], bool], tally: Tally
    ) -> bool:
        """Repeat the request after each clean 503. Returns True if an answer was good."""
        for _ in range(TRIES):
            answer = ask()
            good = is_good(answer)
            tally.note(answer, good=good)
            if good:
                return True
            if not answer.is_clean_503 or self._over.is_set():
                return False
            time.sleep(AFTER_503_SECONDS)
        return False


def is_sign_in(answer: Answer) -> bool:
    return answer.status == 302 and bool(answer.cookies.get(SESSION))


def is_page(answer: Answer) -> bool:
    return answer.status == 200


def is_sign_out(answer: Answer) -> bool:
    return answer.status == 302 and answer.location.startswith(LOGIN)


def anywhere(seed: int = 0) -> Iterator[str]:
    """Yield client addresses, another one for each visitor."""
    draw = random.Random(seed)
    while True:
        yield f"127.{draw.randrange(1, 255)}.{draw.randrange(256)}.{draw.randrange(1, 255)}"


def a_third_from_one_office(seed: int = 0) -> Iterator[str]:
    """Yield addresses as `anywhere`, but every third from one network, as of a company or carrier."""
    for number, address in enumerate(anywhere(seed)):
        yield f"127.7.7.{number % 250 + 1}" if number % 3 == 0 else address
