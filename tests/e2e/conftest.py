"""Start everything that `make run` starts, on free ports, and open it in a real Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.kit import demo_site
from tests.kit.demo_site import PAGE_MILLISECONDS, Site
from tests.kit.rings import starts_processes


@pytest.fixture(scope="session")
@starts_processes
def site() -> Iterator[Site]:
    with demo_site.running() as site:
        yield site


@pytest.fixture(scope="session")
@starts_processes
def impatient_site() -> Iterator[Site]:
    """Run a site whose grace window ends after a second."""
    with demo_site.running(REFRESH_GRACE_SECONDS="1") as site:
        yield site


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with demo_site.chromium() as browser:
        yield browser


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(locale="en-US")
    context.set_default_timeout(PAGE_MILLISECONDS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Open a tab. The test fails if the page has a script error or violates its own policy."""
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: (
            problems.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield page
    assert problems == []
