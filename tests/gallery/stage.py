"""What scenes do in the browser before their picture is taken."""

import re
import time

from playwright.sync_api import BrowserContext, Cookie, Page

from tests.gallery import people
from tests.kit.demo_site import Site
from tests.kit.visitors import code_for

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
        """Sign in by password, or with the session of an earlier scene.

        Pages that ask for a proof of the last five minutes need `enter_afresh`.
        """
        if cookies := _signed_in.get((self.language, person)):
            self.context.add_cookies(cookies)
            return
        self.enter_afresh(person, password)
        _signed_in[self.language, person] = self.context.cookies()

    def enter_afresh(self, person: str, password: str = people.PASSWORD) -> None:
        """Sign in by password."""
        self.go("/accounts/login/")
        self.send("form:has([name=password]) .actions button", login=person, password=password)
        assert "/login/" not in self.page.url, f"{person} can't sign in"

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

    def code(self, email: str) -> str:
        return code_for(email, self.page, self.site)

    def reset_link(self, email: str) -> str:
        """The newest link to choose a new password that was mailed to this address."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            self.go("/demo/mail/")
            for letter in self.page.locator("article").all_inner_texts():
                if email in letter and (found := re.search(r"\S+/password/reset/key/\S+", letter)):
                    return found.group()
            self.page.wait_for_timeout(200)
        raise AssertionError(f"no link was mailed to {email}")
