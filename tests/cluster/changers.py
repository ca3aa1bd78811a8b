"""Simulate people who change their password, and whose other devices are signed out by that."""

import secrets
import ssl
import threading
from itertools import cycle

from tests.cluster.browser import HOME, LOGIN, SESSION, Answer, Browser
from tests.cluster.load import (
    AFTER_503_SECONDS,
    PASSWORD,
    SignIn,
    Tally,
    anywhere,
    changer,
    is_page,
    is_sign_in,
)

CHANGE = "/accounts/password/change/"
EVERY_SECONDS = 8
MOST_TRIES = 30


class Changers(threading.Thread):
    """Change one password after the other until `stop()`. The tally has the sign-ins.

    Each person has two browsers. The first changes the password, which ends the sign-in of the second, and
    those that an earlier turn of the same person has left.
    """

    def __init__(self, port: int, context: ssl.SSLContext, *, numbers: range) -> None:
        super().__init__(name="changers", daemon=True)
        self.tally, self.changed = Tally(), 0
        self._port, self._context = port, context
        self._passwords = dict.fromkeys(numbers, PASSWORD)
        self._signed_in: dict[int, list[SignIn]] = {number: [] for number in numbers}
        """What each person has signed in since the last change."""
        self._addresses = anywhere(seed=2)
        self._over = threading.Event()

    def run(self) -> None:
        for number in cycle(list(self._passwords)):
            if self._over.is_set() or not self._passwords:
                return
            if number in self._passwords:
                self._change(number)
                self._over.wait(EVERY_SECONDS)

    def stop(self) -> Tally:
        self._over.set()
        self.join()
        return self.tally

    def _change(self, number: int) -> None:
        browsers = [Browser(self._port, self._context, next(self._addresses)) for _ in range(2)]
        try:
            signed_in = [self._sign_in(browser, number) for browser in browsers]
            if not all(signed_in):
                return
            here = signed_in[0]
            old, new = self._passwords[number], secrets.token_urlsafe(16)
            if not is_page(self._ask(lambda: browsers[0].get(CHANGE), is_page)):
                return
            for each in self._signed_in[number]:
                each.in_doubt = True
            answer = browsers[0].post(CHANGE, oldpassword=old, password1=new)
            self.tally.note(answer, good=answer.status == 302)
            if answer.status != 302:
                del self._passwords[number]  # nobody knows which password it has
                return
            self._passwords[number], self.changed = new, self.changed + 1
            for each in self._signed_in[number]:
                each.in_doubt, each.signed_out = False, each is not here
            here.cookie = browsers[0].cookies[SESSION]
            self._signed_in[number] = [here]
        finally:
            for browser in browsers:
                browser.close()

    def _sign_in(self, browser: Browser, number: int) -> SignIn | None:
        form = {"login": changer(number), "password": self._passwords[number]}
        if not is_page(self._ask(lambda: browser.get(LOGIN), is_page)):
            return None
        if not is_sign_in(self._ask(lambda: browser.post(LOGIN, **form), is_sign_in)):
            return None
        sign_in = SignIn(browser.cookies[SESSION], browser.address)
        self.tally.sign_ins.append(sign_in)
        self._signed_in[number].append(sign_in)
        self._ask(lambda: browser.get(HOME), is_page)
        return sign_in

    def _ask(self, ask, is_good) -> Answer:
        """Repeat the request after each clean 503. Returns the last answer."""
        for _ in range(MOST_TRIES):
            answer = ask()
            self.tally.note(answer, good=is_good(answer))
            if is_good(answer) or not answer.is_clean_503 or self._over.wait(AFTER_503_SECONDS):
                break
        return answer
