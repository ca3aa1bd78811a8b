"""Disconnect Google: the browser goes to Google once more, to get a token that the site revokes."""

import json
import logging
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone
from django_redis import get_redis_connection

from accounts import encryption
from accounts.audit.models import AuditEvent
from accounts.federation.wire import fetch
from accounts.outbox import jobs
from accounts.outbox.models import Job
from accounts.signins.models import AuthSession
from tests.kit import stored_sessions
from tests.kit.proofs import confirm_by_password, send_again
from tests.kit.rows import all_columns

pytestmark = pytest.mark.django_db


PAGE = "/accounts/3rdparty/"


AT_GOOGLES_TOKEN = ["status_500", "status_400", "html", "empty", "strange_types"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 2)


@pytest.fixture
def said(caplog):
    """Return the log lines about disconnections, with their levels."""
    caplog.set_level(logging.INFO, "accounts.federation")
    names = {"accounts.federation.endings.unlinking", "accounts.federation.endings.disconnection"}
    return lambda: [
        (record.levelname, record.getMessage()) for record in caplog.records if record.name in names
    ]


def tell():
    """Run the worker's waiting jobs now."""
    for row in Job.objects.filter(kind="unlink"):
        jobs.run(row.pk)


def return_from(google, browser, start):
    """Follow the browser between the site and Google until it is back on the page."""
    while start["Location"] != PAGE:
        start = browser.get(google.silently(start["Location"]))
    return start


def disconnect(browser):
    return browser.post(PAGE, {"account": SocialAccount.objects.get().pk})


def test_disconnecting_google_revokes_a_token_without_a_page(google, connect, visitor, said):
    uid = connect(google)

    start = disconnect(visitor)
    query = {name: one for name, [one] in parse_qs(urlsplit(start["Location"]).query).items()}
    gone = not SocialAccount.objects.exists()
    answer = visitor.get(google.silently(start["Location"]))
    page = visitor.get(answer["Location"])
    waiting = Job.objects.filter(kind="unlink").get()
    token = json.loads(encryption.decrypt(waiting.payload))["token"]
    stored = all_columns()
    tell()

    assert gone
    assert (query["prompt"], query["login_hint"]) == ("none", uid)
    assert query["code_challenge_method"] == "S256"
    assert len(query["nonce"]) == 43
    assert answer["Location"] == PAGE
    assert "We told Google that it ended." in page.text
    assert token not in stored
    store = get_redis_connection("sessions")
    names = stored_sessions.names(store)
    assert all(token not in str(stored_sessions.opened(store, name)) for name in names)
    assert google.ended() == [uid]
    assert not Job.objects.filter(kind="unlink").exists()
    assert said() == [("INFO", "google was told of a connection that ended")]


def assert_disconnected_without_revoking(page, owner):
    """Check that the account is disconnected and that the page links to Google's own page."""
    assert "We could not reach Google." in page.text
    assert "https://myaccount.google.com/connections" in page.text
    assert not SocialAccount.objects.exists()
    assert not Job.objects.filter(kind="unlink").exists()
    assert list(AuthSession.objects.active().values_list("user", flat=True)) == [owner.pk]
    assert AuditEvent.objects.filter(type="social.disconnected", user=owner).count() == 1


@pytest.mark.parametrize(
    ("fault", "at"),
    [
        ("login_required", ""),
        ("consent_required", ""),
        ("interaction_required", ""),
        ("another_answers", ""),
        ("wrong_nonce", ""),
        ("wrong_audience", ""),
        *(pytest.param(one, "token", marks=pytest.mark.sweep) for one in AT_GOOGLES_TOKEN),
    ],
)
def test_every_answer_of_google_removes_the_connection(google, connect, visitor, owner, fault, at):
    connect(google)
    google.misbehave(fault, at)

    return_from(google, visitor, disconnect(visitor))

    assert_disconnected_without_revoking(visitor.get(PAGE), owner)


UNSURE = "If it still lists this site, end it here: https://myaccount.google.com/connections"


def test_the_refresh_token_is_revoked_not_the_access_token(google, connect, visitor):
    uid = connect(google)

    start = disconnect(visitor)
    return_from(google, visitor, start)
    page = visitor.get(PAGE)
    tell()

    assert parse_qs(urlsplit(start["Location"]).query)["access_type"] == ["offline"]
    assert google.ended() == [uid]
    assert UNSURE not in page.text


@pytest.mark.parametrize("fault", ["no_refresh_token", "offline_consent_required"])
def test_without_a_refresh_token_the_access_token_is_revoked(google, connect, visitor, said, fault):
    connect(google)
    google.misbehave(fault)

    return_from(google, visitor, disconnect(visitor))
    page = visitor.get(PAGE)
    waiting = Job.objects.filter(kind="unlink").get()
    token = json.loads(encryption.decrypt(waiting.payload))["token"]
    tell()

    assert "We told Google that it ended." in page.text
    assert UNSURE in page.text
    assert said() == [("INFO", "google was told of a connection that ended")]
    assert google.ask("revoke", token=token)["error"] == "invalid_token"


@pytest.mark.parametrize("error", ["consent_required", "interaction_required"])
def test_a_second_way_asks_for_less_and_there_is_no_third(google, connect, visitor, error):
    connect(google)
    google.misbehave(error)

    second = visitor.get(google.silently(disconnect(visitor)["Location"]))
    third = visitor.get(google.silently(second["Location"]))

    assert "access_type" not in parse_qs(urlsplit(second["Location"]).query)
    assert third["Location"] == PAGE


@pytest.mark.parametrize("query", ["", "&error=server_error", "&code=made-up", "&code=\x00"])
def test_a_forged_answer_of_google_changes_nothing(google, connect, visitor, owner, query):
    connect(google)
    state = parse_qs(urlsplit(disconnect(visitor)["Location"]).query)["state"][0]

    answer = visitor.get(f"/accounts/google/login/callback/?state={state}{query}")

    assert answer["Location"] == PAGE
    assert_disconnected_without_revoking(visitor.get(PAGE), owner)


def test_a_disconnect_answer_works_once_and_only_in_its_browser(google, connect, visitor):
    connect(google)
    back = google.silently(disconnect(visitor)["Location"])
    stranger = Client()

    elsewhere = stranger.get(back)
    posted = stranger.post("/accounts/google/login/callback/", parse_qs(urlsplit(back).query))
    assert posted.status_code == 405
    first, again = visitor.get(back), visitor.get(back)

    assert [one["Location"] for one in (elsewhere, first, again)] == [PAGE] * 3
    assert stranger.get("/api/me/").status_code == 401
    assert Job.objects.filter(kind="unlink").count() == 1


def test_an_answer_after_the_sign_out_says_what_was_not_done(google, connect, visitor):
    connect(google)
    back = google.silently(disconnect(visitor)["Location"])
    visitor.post("/accounts/logout/")

    page = visitor.get(back, follow=True)

    assert page.redirect_chain[-1][0].startswith("/accounts/login/")
    assert "We could not reach Google. To end the connection there as well:" in page.text
    assert not Job.objects.filter(kind="unlink").exists()


@pytest.mark.parametrize("state", ["disconnect-made-up", "disconnect-a.b"])
def test_a_made_up_state_says_nothing(google, visitor, state):
    page = visitor.get(f"/accounts/google/login/callback/?state={state}&code=x", follow=True)

    assert "We could not reach" not in page.text


def test_an_answer_by_post_signs_nobody_in(google, connect, visitor):
    """allauth also reads the state from a posted form."""
    connect(google)
    back = google.silently(disconnect(visitor)["Location"])
    visitor.post("/accounts/logout/")
    sessions = AuthSession.objects.count()

    answer = visitor.post("/accounts/google/login/callback/", parse_qs(urlsplit(back).query))

    assert answer.status_code == 405
    assert visitor.get("/api/me/").status_code == 401
    assert AuthSession.objects.count() == sessions


def test_an_old_sign_in_reauthenticates_before_disconnecting(google, connect, visitor):
    uid = connect(google)
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        proof = disconnect(visitor)
        kept = SocialAccount.objects.filter(uid=uid).exists()
        start = send_again(visitor, confirm_by_password(visitor, proof))

    assert proof["Location"].startswith("/accounts/reauthenticate/")
    assert kept
    assert start["Location"].startswith(google.origin)
    assert not SocialAccount.objects.exists()
