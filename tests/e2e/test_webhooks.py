"""A running site delivers its events to the demo's receiver, which shows them."""

import json
import urllib.request

import pytest

from tests.kit.demo_site import Site
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.e2e


def test_a_sign_in_is_shown_as_a_received_webhook(site: Site) -> None:
    visitor = site.accounts["visitor"]
    body = {"email": visitor["email"], "password": visitor["password"]}
    asked = urllib.request.Request(
        f"{site.url}/api/token/",
        json.dumps(body).encode(),
        {"content-type": "application/json", "user-agent": "an app"},
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        access = json.load(answer)["access"]

    def is_shown() -> bool:
        with urllib.request.urlopen(f"{site.url}/demo/webhooks/", timeout=10) as page:
            return "session.opened" in page.read().decode()

    assert access
    wait_until(is_shown, "the event was received and shown")
