"""What a guessing stranger causes leaves a line in the log, without the stranger's own words."""

import pytest
from django.test import Client

from accounts.store.counters import Limit
from api.views.tokens import TokenRefreshView
from tests.kit import forge
from tests.kit.clients import bearer


@pytest.fixture(autouse=True)
def level(caplog):
    caplog.set_level("WARNING")


def test_a_refused_csrf_check_is_logged(db, caplog):
    Client(enforce_csrf_checks=True).post("/accounts/login/", {})

    assert "Forbidden (CSRF cookie not set.)" in caplog.text


def test_a_foreign_origin_is_logged(post, caplog, db):
    headers = {"origin": "https://evil.example", "x-token-delivery": "cookie"}

    post("/api/token/refresh/", {}, headers=headers)

    assert "cookie call from another origin" in caplog.text
    assert "evil.example" not in caplog.text


def test_a_limit_that_is_used_up_is_logged(post, caplog, db, monkeypatch):
    monkeypatch.setattr(TokenRefreshView, "limit", Limit("refresh", 1))

    for _ in range(2):
        post("/api/token/refresh/", {"refresh": "x"})

    assert "rate limit refresh is used up" in caplog.text


def test_a_forged_signature_is_logged(client, pair, caplog):
    head, claims, _ = pair["access"].split(".")
    forged = f"{head}.{claims}.{forge.segment(b'x' * 64)}"

    assert client.get("/api/me/", headers=bearer(forged)).status_code == 401

    assert "another signature" in caplog.text
    assert claims not in caplog.text
