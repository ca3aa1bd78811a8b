"""A refused guess leaves a log line with a reason, without any text that the guesser sent."""

import pytest
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.signins.models import AuthSession
from tests.kit import forge
from tests.kit.clients import bearer, sign_in


@pytest.fixture(autouse=True)
def level(caplog):
    caplog.set_level("WARNING")


@pytest.fixture
def said(caplog):
    """Return the reasons of the log lines with this event."""

    def reasons(event, member="reason"):
        lines = [line.msg for line in caplog.records if isinstance(line.msg, dict)]
        return [line[member] for line in lines if line["event"] == event]

    return reasons


def test_a_refused_csrf_check_of_a_page_is_logged(db, caplog, said):
    Client(enforce_csrf_checks=True).post("/accounts/login/", {})

    assert "Forbidden (CSRF cookie not set.)" in caplog.text
    assert said("request_finished") == ["cookies_blocked"]


def test_a_refused_csrf_check_of_the_api_is_logged(user, said):
    browser = Client()
    sign_in(browser, user)
    browser.handler.enforce_csrf_checks = True
    browser.cookies.pop("csrf", None)

    answer = browser.patch("/api/me/", "{}", content_type="application/json")

    assert answer.status_code == 403
    assert said("csrf_refused") == ["CSRF Failed: CSRF cookie not set."]
    assert said("request_finished") == ["csrf_failed"]


def test_a_foreign_origin_is_logged(post, caplog, db, said):
    headers = {"origin": "https://evil.example", "x-token-delivery": "cookie"}

    post("/api/token/refresh/", {}, headers=headers)

    assert said("origin_refused") == ["a cookie call from another origin"]
    assert said("request_finished") == ["origin_refused"]
    assert "evil.example" not in caplog.text


def test_a_limit_that_is_used_up_is_logged(post, db, settings, said):
    settings.LIMITS = settings.LIMITS | {"refresh": (1, 60)}

    for _ in range(2):
        post("/api/token/refresh/", {"refresh": "x"})

    assert said("rate_limited", "limit") == ["refresh"]
    assert said("request_finished") == ["too_many_requests"]


@pytest.mark.parametrize("door", ["page", "api", "app"])
def test_too_many_wrong_passwords_are_logged(user, said, door):
    for _ in range(6):
        answer = sign_in(Client(), user, "a wrong password", door=door)

    assert answer.status_code == 429
    assert said("request_finished", "code") == [429]
    assert said("request_finished") == ["too_many_requests"]


@pytest.mark.slow
def test_too_many_sign_ups_are_logged(db, said):
    for number in range(61):
        form = {"email": f"n{number}@example.com", "password1": "a long and good password"}
        answer = Client().post("/accounts/signup/", form)

    assert answer.status_code == 429
    assert said("request_finished") == ["too_many_requests"]


@pytest.mark.parametrize("fault", ["signature", "algorithm", "unknown_key"])
def test_a_forged_token_is_logged(client, pair, caplog, said, fault):
    head, claims, signature = pair["access"].split(".")
    header = forge.part(pair["access"], 0)
    if fault == "signature":
        forged = f"{head}.{claims}.{forge.segment(b'x' * 64)}"
    else:
        other = {"algorithm": {"alg": "none"}, "unknown_key": {"kid": "nobodys"}}[fault]
        head = forge.segment(header | other)
        forged = f"{head}.{claims}.{signature}"

    assert client.get("/api/me/", headers=bearer(forged)).status_code == 401

    assert said("token_refused") == [fault]
    assert claims not in caplog.text


def test_an_expired_token_is_no_alarm(client, pair, said):
    expired = forge.changed(pair["access"], payload={"exp": 1})

    assert client.get("/api/me/", headers=bearer(expired)).status_code == 401
    assert said("token_refused") == []


def test_a_refresh_is_logged_with_its_sign_in_and_result(post, user, pair, caplog):
    """It leaves no audit row: see docs/audit-events.md."""
    caplog.set_level("INFO")
    rows = AuditEvent.objects.count()
    for token, reason in [(pair["refresh"], None), (pair["refresh"] + "x", "invalid_token")]:
        caplog.clear()
        answer = post("/api/token/refresh/", {"refresh": token})
        logged = [each.msg for each in caplog.records if isinstance(each.msg, dict)]
        (line,) = [each for each in logged if each["event"] == "request_finished"]

        assert line["code"] == answer.status_code
        assert line.get("reason") == reason
        assert line.get("request_id")
        assert reason or (line["user_id"], line["sid"]) == (
            str(user.pk),
            str(AuthSession.objects.get().pk),
        )
        assert token not in caplog.text
    assert AuditEvent.objects.count() == rows
