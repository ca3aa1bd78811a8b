"""What scenes do in the browser before their picture is taken."""

import random
import re
import time
from collections.abc import Callable, Iterator

from playwright.sync_api import BrowserContext, Cookie, Page

from tests.gallery import people
from tests.kit.demo_site import Site

LINK = re.compile(r"\S+/password/reset/key/\S+")
DENIAL = re.compile(r"\S+/accounts/not-me/\S+")
MAIL_SECONDS = 60
MAIL_PAGES = 50
_signed_in: dict[tuple[str, str], list[Cookie]] = {}


class Stage:
    """One browser, in one language, on the way to one picture."""

    def __init__(self, page: Page, site: Site, language: str) -> None:
        self.page, self.site, self.language = page, site, language

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def go(self, path: str) -> None:
        self.page.goto(path if "://" in path else f"{self.site.url}{path}")

    def press(self, selector: str = "main form .actions button") -> None:
        """Click what leads to another page, and wait for that page."""
        with self.page.expect_navigation():
            self.page.locator(selector).first.click()

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.locator(f"main [name={name}]").first.fill(value)

    def send(self, selector: str = "main form .actions button", **fields: str) -> None:
        """Send a form with these values, which the browser itself may find wrong."""
        self.fill(**fields)
        self.page.evaluate("() => { for (const form of document.forms) form.noValidate = true; }")
        self.press(selector)

    def enter(self, person: str, password: str = people.PASSWORD) -> None:
        """Sign in by password, or with the session of an earlier scene."""
        if cookies := _signed_in.get((self.language, person)):
            self.context.add_cookies(cookies)
            return
        self.enter_afresh(person, password)
        _signed_in[self.language, person] = self.context.cookies()

    def enter_afresh(self, person: str, password: str = people.PASSWORD) -> None:
        """Sign in by password, for a scene that ends this session."""
        self.go("/accounts/login/")
        self.send("form:has([name=password]) .actions button", login=person, password=password)
        assert "/login/" not in self.page.url, f"{person} can't sign in"

    def enter_by_second_step(self, person: str = people.SECOND) -> None:
        """Sign in with a recovery code. Other processes use some, too, so try one after another."""
        self.go("/accounts/login/")
        self.send(
            "form:has([name=password]) .actions button", login=person, password=people.PASSWORD
        )
        while "/2fa/authenticate/" in self.page.url:
            code = random.choice(people.RECOVERY_CODES)
            self.send("form:has([name=code]) .actions button", code=code)

    def enter_as(self, role: str) -> None:
        """Sign in as one of the demo's own accounts."""
        account = self.site.accounts[role]
        self.enter(account["email"], account["password"])

    def go_to_provider(self, provider: str, *, at: str = "/accounts/login/") -> None:
        self.go(at)
        self.press(f"form[action*='/{provider}/login/'] button")

    def agree(self, identity: str) -> None:
        self.page.get_by_text(identity, exact=False).first.click()
        self.press("[name=choice][value=continue]")

    def agree_with(self, email: str) -> None:
        """Agree as a person with this address."""
        self.page.locator("[name=identity][value=other]").check()
        self.page.locator("#email").fill(email)
        self.press("[name=choice][value=continue]")

    def reset_link(self, email: str) -> str:
        """Wait for a link to choose a new password that is mailed to this address."""
        return self._mailed(LINK, email)

    def denial_link(self, email: str) -> str:
        """Wait for a link by which the owner of this address reports: it wasn't me."""
        return self._mailed(DENIAL, email)

    def read_mail(self, email: str) -> None:
        """Go to the page of caught mail that shows the mail to this address."""

        _wait(
            lambda: next((email for letter in self._letters() if email in letter), None), "a mail"
        )

    def _mailed(self, pattern: re.Pattern[str], email: str) -> str:
        def newest() -> str | None:
            links = (pattern.search(letter) for letter in self._letters() if email in letter)
            return next((link.group() for link in links if link), None)

        return _wait(newest, "a link")

    def _letters(self) -> Iterator[str]:
        """Show the caught mail page by page, the newest first. Mail of other scenes may push one off the first page."""
        for number in range(1, MAIL_PAGES):
            self.go(f"/demo/mail/?page={number}")
            letters = self.page.locator("article").all_inner_texts()
            yield from letters
            if not letters:
                break


def _wait(look: Callable[[], str | None], what: str) -> str:
    deadline = time.monotonic() + MAIL_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what} was not mailed")
