"""Sign in and out and read mails in a browser, as visitors do."""

import re
import time
from urllib.parse import urlsplit

from playwright.sync_api import Page, Response, expect

from tests.kit.demo_site import Site

CODE = re.compile(r"\b\d{4}-\d{4}\b")

_returned: set[tuple[str, str]] = set()


def code_for(email: str, page: Page, site: Site) -> str:
    """Wait for a code mailed to this address, and return the newest one.

    Returns each code once: an earlier test of the same visitor may have left its code in the mail viewer.
    """
    viewer = page.context.new_page()
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            viewer.goto(f"{site.url}/demo/mail/")
            letters = viewer.locator("article").all_inner_texts()
            codes = [
                found.group()
                for letter in letters
                if email in letter and (found := CODE.search(letter))
            ]
            if codes and (site.url, codes[0]) not in _returned:
                _returned.add((site.url, codes[0]))
                return codes[0]
            viewer.wait_for_timeout(200)
    finally:
        viewer.close()
    raise AssertionError(f"no new code was mailed to {email}")


def sign_in_by_page(page: Page, site: Site, email: str, password: str) -> None:
    page.goto(f"{site.url}/accounts/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", password)
    page.locator("form:has([name=password]) .actions button").click()
    page.wait_for_url(lambda url: "/login/" not in url)


def opens_stream(answer: Response) -> bool:
    return urlsplit(answer.url).path == "/events" and answer.ok


def open_live(page: Page, address: str) -> None:
    """Open a page whose list stays up to date, and wait for its stream, which tells nothing of what came before."""
    page.mouse.move(0, 0)  # a list under the mouse doesn't change
    with page.expect_response(opens_stream):
        page.goto(address)


def sign_out(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/accounts/logout/")
    page.locator("main form .actions button").click()
    page.wait_for_url(re.compile("/accounts/login/"))


def sign_in_by_frontend(page: Page, site: Site) -> None:
    """Sign the demo visitor in on the frontend that `page` shows."""
    visitor = site.accounts["visitor"]
    page.fill("#sign-in [name=email]", visitor["email"])
    page.fill("#sign-in [name=password]", visitor["password"])
    page.click("#sign-in button")
    expect(page.locator("#profile-email")).to_have_text(visitor["email"])
