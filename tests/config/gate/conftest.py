"""Send a call both ways, in a world with good and bad credentials."""

import base64
import json
from contextlib import contextmanager

import pytest
from django.db import transaction
from django_redis import get_redis_connection

from accounts.services import keys
from accounts.services.models import ApiKey
from accounts.signins import refusals
from api import clients
from api.tokens import jwts
from tests.kit.two_ways import FORM, INTROSPECT, REFRESH, REVOKE, Call, by_django, by_site

SECRET = "a secret of 256 random bits"


class World:
    """What a request may carry: good and bad credentials."""

    def __init__(self, user, pair, browser, settings):
        self.user, self.pair, self.browser, self.settings = user, pair, browser, settings

    @property
    def bearer(self):
        return {"HTTP_AUTHORIZATION": f"Bearer {self.pair['access']}"}

    @property
    def cookie(self):
        return {"HTTP_COOKIE": f"session={self.browser.cookies['session'].value}"}

    @property
    def basic(self):
        pair = base64.b64encode(f"billing:{SECRET}".encode()).decode()
        return {"HTTP_AUTHORIZATION": f"Basic {pair}"}

    def machine(self, scope="orders:read"):
        key = ApiKey(name="Billing", scope=scope)
        keys.add(key)
        return {"HTTP_AUTHORIZATION": f"Bearer {jwts.AccessJWT.for_key(key, key.words)}"}

    def refresh(self, body=None, **more):
        body = {"refresh": self.pair["refresh"]} if body is None else body
        return Call("POST", REFRESH, json.dumps(body).encode(), more=more)

    def revoke(self, body, type="application/json", **more):  # noqa: A002
        """Send a form if `body` is a text, JSON if it is something else."""
        if isinstance(body, str):
            return Call("POST", REVOKE, body.encode(), FORM, more)
        return Call("POST", REVOKE, json.dumps(body).encode(), type, more)

    def introspect(self, body, more=None, type=FORM):  # noqa: A002
        return Call("POST", INTROSPECT, body.encode(), type, self.basic if more is None else more)


@pytest.fixture
def world(user, pair, signed_in, settings):
    settings.API_CLIENTS = {"billing": clients.digest(SECRET)}
    return World(user, pair, signed_in, settings)


@contextmanager
def as_it_was(store, counts):
    """Put back what Redis had before the block: all keys of sessions, and no counts."""
    before = [(key, store.pttl(key), store.dump(key)) for key in store.keys("*")]
    yield
    store.flushdb()
    for key, left, value in before:
        store.restore(key, max(left, 0), value)
    counts.flushdb()


@pytest.fixture
def equal(db):
    """Compare both ways of this call. Returns the answer, and whether the gate gave it."""

    stores = get_redis_connection("sessions"), get_redis_connection("default")

    def undone(way, call):
        with transaction.atomic(), as_it_was(*stores):
            found = way(call.environ())
            transaction.set_rollback(True)
        refusals._full.clear()
        return found

    def run(call):
        answer, by_gate = undone(by_site, call)
        assert answer.masked() == undone(by_django, call).masked()
        return answer, by_gate

    return run
