"""What the stories share: an app's calls, and codes and links out of mails."""

import json
import re

import pytest
from django.test import Client

from tests.conftest import CHROME


@pytest.fixture
def app():
    """A native app that calls `/_allauth/app/v1/…`: no cookies, raises nothing."""

    def call(method, path, body=None, **headers):
        return Client(raise_request_exception=False).generic(
            method,
            f"/_allauth/app/v1/{path}",
            b"" if body is None else json.dumps(body),
            content_type="application/json",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    return call


@pytest.fixture
def another_browser():
    return Client(headers={"user-agent": CHROME})


def is_signed_in(browser):
    return browser.get("/api/me/").status_code == 200


def code_in(mail):
    """The code that allauth draws: four and four consonants."""
    return re.search(r"\b[A-Z]{4}-[A-Z]{4}\b", mail.body)[0]


def link_in(mail):
    return re.search(r"https?://\S+", mail.body)[0]
