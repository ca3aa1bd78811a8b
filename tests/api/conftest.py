"""An API client as a program would be: JSON in, JSON out, no cookies of its own."""

import json
import threading
from unittest.mock import ANY

import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.test import Client
from django_redis import get_redis_connection

from accounts.signins.revocations import feed
from api.keys import ring

# Threads can't share SQLite's in-memory database: theirs is a file.
if connections["default"].vendor == "sqlite":
    connections["default"].settings_dict["TEST"]["NAME"] = str(
        django_settings.VAR_DIR / "test.sqlite3"
    )


@pytest.fixture
def post():
    """POST a JSON body, from a client that keeps nothing."""

    def run(path, body, **extra):
        return Client().post(path, json.dumps(body), content_type="application/json", **extra)

    return run


@pytest.fixture
def session_keys():
    """The names that Redis holds for sessions, now."""
    return lambda: sorted(get_redis_connection("sessions").keys("*"))


@pytest.fixture
def fresh_feed(db):
    """The feed as its thread leaves it: up to date, and asking nobody about a request."""
    feed.poll()
    ring.held()
    feed._first_poll.set()
    feed._thread = threading.current_thread()
    feed.background = True
    yield feed
    feed.background = False


def problem(status, code, **members):
    """A whole RFC 9457 body: `request_id` and the words are free, nothing may be added."""
    return {
        "type": "about:blank",
        "title": ANY,
        "status": status,
        "detail": ANY,
        "code": code,
        "request_id": ANY,
    } | members


def invalid(*pointers):
    """A whole validation problem that points at these members, each with its code."""
    errors = [{"pointer": pointer, "code": code, "detail": ANY} for pointer, code in pointers]
    return problem(400, "validation_error", errors=errors)
