"""Two browsers and an API client of one user, on two servers: one list, and each ends the others."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.kit import demo_site
from tests.kit.demo_site import PAGE_MILLISECONDS, Site
from tests.kit.factories import PASSWORD
from tests.kit.rings import starts_processes
from tests.kit.servers import CREATE_USER
from tests.kit.visitors import open_live, sign_in_by_page

pytestmark = pytest.mark.e2e
ROWS = "[data-live=devices] > li"
ENDED = re.compile(r"/accounts/ended/\?reason=other_device")
SID = re.compile(r"[0-9a-f-]{36}")


@pytest.fixture(scope="module")
@starts_processes
def second(site: Site) -> Iterator[demo_site.SecondServer]:
    with demo_site.second_server(site) as server:
        yield server


@pytest.fixture(scope="module")
def second_chromium(
    chromium: Browser, site: Site, second: demo_site.SecondServer
) -> Iterator[Browser]:
    """Run a Chromium that finds the second server at the site's address."""
    browser = demo_site.launch(chromium.browser_type, second.rule(site))
    yield browser
    browser.close()


@pytest.fixture
def second_page(second_chromium: Browser) -> Iterator[Page]:
    context: BrowserContext = second_chromium.new_context(locale="en-US")
    context.set_default_timeout(PAGE_MILLISECONDS)
    yield context.new_page()
    context.close()


@dataclass
class Device:
    """A browser whose tab shows the list of devices."""

    page: Page
    site: Site

    def open(self, email: str) -> None:
        sign_in_by_page(self.page, self.site, email, PASSWORD)
        open_live(self.page, f"{self.site.url}/accounts/sessions/")
        self.sid = self.page.locator("script[data-sid]").get_attribute("data-sid")

    @property
    def others(self) -> set[str]:
        """The other sign-ins of the list, by the address of their buttons."""
        forms = self.page.locator(f"{ROWS}:not(.current) form").all()
        return {SID.search(form.get_attribute("action")).group() for form in forms}

    def end(self, sid: str) -> None:
        row = self.page.locator(f"{ROWS} form[action*='{sid}']")
        row.locator("button.danger").click()
        expect(row).to_have_count(0)

    def hears_its_end(self) -> None:
        expect(self.page).to_have_url(ENDED)
        expect(self.page.locator("main")).to_contain_text("from another device")


@dataclass
class Client:
    """A program that signed in at the second server and holds a stream of the first one."""

    site: Site
    second: demo_site.SecondServer

    def open(self, email: str) -> None:
        body = {"email": email, "password": PASSWORD}
        pair = requests.post(self._url("/api/token/"), json=body, timeout=20).json()
        self.headers = {"Authorization": f"Bearer {pair['access']}"}
        (self.sid,) = [each["sid"] for each in self._devices() if each["is_current"]]
        ticket = self._ask("POST", "/api/events/ticket/").json()
        self.stream = requests.get(ticket["url"], stream=True, timeout=20)
        self.lines = self.stream.iter_lines(chunk_size=1, decode_unicode=True)
        self._next("ready")

    @property
    def others(self) -> set[str]:
        return {each["sid"] for each in self._devices() if not each["is_current"]}

    def end(self, sid: str) -> None:
        assert self._ask("DELETE", f"/api/sessions/{sid}/").status_code == 204

    def hears_its_end(self) -> None:
        data = self._next("session.ended")
        while not data["current"]:  # of the other browser
            data = self._next("session.ended")
        assert data == {"sid": self.sid, "reason": "other_device", "current": True}
        for server in (self._url, self._first_url):
            me = requests.get(server("/api/me/"), headers=self.headers, timeout=20)
            assert me.status_code == 401

    def _devices(self) -> list[dict]:
        return self._ask("GET", "/api/sessions/").json()["results"]

    def _ask(self, method: str, path: str) -> requests.Response:
        return requests.request(method, self._url(path), headers=self.headers, timeout=20)

    def _url(self, path: str) -> str:
        return f"http://localhost:{self.second.port}{path}"

    def _first_url(self, path: str) -> str:
        return f"{self.site.url}{path}"

    def _next(self, event: str) -> dict:
        for line in self.lines:
            if line == f"event: {event}":
                return json.loads(next(self.lines).removeprefix("data: "))
        raise AssertionError(f"the stream ended without {event}")


@dataclass
class Three:
    first: Device
    second: Device
    client: Client

    @property
    def all(self) -> list[Device | Client]:
        return [self.first, self.second, self.client]

    def apart_from(self, one: Device | Client) -> list[Device | Client]:
        return [each for each in self.all if each is not one]


@pytest.fixture
def three(
    page: Page, second_page: Page, site: Site, second: demo_site.SecondServer
) -> Iterator[Three]:
    """Sign one user in by two browsers, each on its own server, and by a client."""
    email = f"{uuid4().hex}@example.com"
    site.run(CREATE_USER.format(emails=[email], password=PASSWORD))
    three = Three(Device(page, site), Device(second_page, site), Client(site, second))
    for one in three.all:
        one.open(email)
    yield three
    three.client.stream.close()


def test_the_browsers_use_different_servers(
    page: Page, second_page: Page, site: Site, second: demo_site.SecondServer
):
    ports = [each.goto(site.url).server_addr()["port"] for each in (page, second_page)]

    assert ports == [site.port, second.port]


def test_all_three_see_each_other_in_one_list(three: Three):
    for device in (three.first, three.second):
        expect(device.page.locator(ROWS)).to_have_count(3)  # without a reload
    for one in three.all:
        assert one.others == {each.sid for each in three.apart_from(one)}


@pytest.mark.parametrize(
    "which",
    [lambda all_: all_.first, lambda all_: all_.second, lambda all_: all_.client],
    ids=["first browser", "second browser", "client"],
)
def test_each_ends_the_others_and_they_learn_it_live(
    three: Three, which: Callable[[Three], Device | Client]
):
    ending = which(three)
    for device in (three.first, three.second):
        expect(device.page.locator(ROWS)).to_have_count(3)

    for one in three.apart_from(ending):
        ending.end(one.sid)

    for one in three.apart_from(ending):
        one.hears_its_end()
    assert ending.others == set()
