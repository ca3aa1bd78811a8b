"""What every test stands on: a clean Redis, a cheap password hash, users and clients."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import mail as django_mail
from django.core.cache import caches
from django.test import Client

from accounts import mail, revocations
from accounts.models import OutgoingMail, User
from accounts.remembered_users import remembered
from accounts.store import outage
from api import keys
from tests.factories import PASSWORD, UserFactory
from tests.flows.outage import RedisServer


@pytest.fixture(autouse=True)
def cheap_passwords(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def clean_redis() -> Iterator[None]:
    """Sessions and rate limits of one test are none of the next one's business."""
    yield
    outage.forget()
    for alias in ("default", "sessions"):
        caches[alias].clear()


@pytest.fixture(autouse=True)
def feed_without_thread() -> Iterator[None]:
    """Each question reads the database: a thread of its own would not see a test's transaction."""
    feed = revocations.feed
    feed.background = False
    yield
    feed.forget()


@pytest.fixture(autouse=True)
def nobody_remembered() -> None:
    """Ids are drawn anew for each test, but not everything is that a test may fake."""
    remembered.clear()


@pytest.fixture(autouse=True)
def forget_keys() -> None:
    keys.forget()


@pytest.fixture
def user(db: None) -> User:
    """A visitor with a verified e-mail; the password is `factories.PASSWORD`."""
    return UserFactory()


@pytest.fixture
def browser() -> Client:
    """Somebody's browser, which checks what Django's test client skips by default."""
    return Client(enforce_csrf_checks=False, headers={"user-agent": CHROME})


@pytest.fixture
def signed_in(browser: Client, user: User) -> Client:
    """A browser that signed in through the login page."""
    response = browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert response.status_code == 302, response.content
    return browser


CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)


@pytest.fixture
def deliver(db: None) -> Callable[[], list[Any]]:
    """Do the worker's job now; what has been sent so far."""

    def run() -> list[Any]:
        for row in OutgoingMail.objects.order_by("created_at"):
            mail.deliver.call(str(row.pk))
        return django_mail.outbox

    return run


@pytest.fixture
def obtain(client: Client) -> Callable[..., dict[str, Any]]:
    """A token pair for a user, through the API."""

    def run(user: User, password: str = PASSWORD) -> dict[str, Any]:
        response = client.post(
            "/api/token/",
            {"email": user.email, "password": password},
            content_type="application/json",
        )
        assert response.status_code == 200, response.content
        return response.json()

    return run


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def make_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RedisServer]]:
    """Redis servers to be killed, frozen and demoted."""
    servers = []

    def make(*options):
        servers.append(RedisServer(tmp_path_factory.mktemp("redis"), *options))
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def use_redis(settings, make_redis):
    """Make a server the session store, or another of `CACHES`, until the test ends."""
    before = settings.CACHES

    def run(server, alias="sessions"):
        own = before[alias] | {"LOCATION": f"unix://{server.socket}?db=0"}
        settings.CACHES = before | {alias: own}
        return server

    yield run
    settings.CACHES = before


@pytest.fixture
def own_redis(use_redis, make_redis):
    """The session store of this test."""
    return use_redis(make_redis())


@pytest.fixture
def feed(db):
    """The feed as its thread leaves it: up to date, and asking nobody about a request."""
    feed = revocations.feed
    feed.poll()
    feed._first_poll.set()
    feed._thread = threading.current_thread()
    feed.background = True
    yield feed
    feed.background = False
