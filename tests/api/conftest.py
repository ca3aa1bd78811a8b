"""An API client as a program would be: JSON in, JSON out, no cookies of its own."""

import json
from unittest.mock import ANY

import pytest
from django.test import Client
from django_redis import get_redis_connection


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
