"""Receive Kakao's unlink webhook: it removes the connection and ends the sign-ins made by Kakao.

The owner can sign in again by a mailed link.
"""

import threading
from urllib.parse import urlencode

import pytest
from allauth.account.models import EmailAddress
from django.db import connections
from django.test import Client

from accounts.audit import trail
from accounts.outbox.models import Job
from accounts.people.models import User
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from tests.kit.connections import connected, state_of
from tests.kit.problems import problem
from tests.kit.waiting import is_somebody_waiting, wait_until

pytestmark = pytest.mark.django_db
PATH = "/accounts/kakao/unlinked/"
KEY = "KakaoAK kakao-admin-key"


@pytest.fixture
def webhook():
    """Call the webhook as Kakao does. Its console lets an app choose GET or POST."""

    def run(method="post", authorization=KEY, **changes):
        sent = {"app_id": "424242", "user_id": "4012345671", "referrer_type": "UNLINK_FROM_APPS"}
        sent = {name: one for name, one in (sent | changes).items() if one is not None}
        headers = {"authorization": authorization} if authorization is not None else {}
        form = {} if method == "get" else {"content_type": "application/x-www-form-urlencoded"}
        if method != "get":
            sent = urlencode(sent, doseq=True)
        client = Client(raise_request_exception=False)
        return getattr(client, method)(PATH, sent, headers=headers, **form)

    return run


@pytest.mark.parametrize("method", ["get", "post"])
def test_kakaos_webhook_removes_the_connection_and_its_sign_ins(kakao, webhook, deliver, method):
    user, other = connected("kakao", "4012345671", locale="ko"), connected("kakao", "2")
    sent = kakao.ask("unlink-user", user_id="4012345671")

    answer = webhook(method, sent["authorization"], **sent["parameters"])

    assert (answer.status_code, answer.content) == (200, b"")
    assert not answer.cookies
    assert state_of(user) == {
        "left": [["pwd"]],
        "ended": {"provider"},
        "connected": False,
        "recorded": [("social.unlinked", "kakao")],
    }
    assert state_of(other)["left"] == [["kakao"], ["kakao", "mfa"], ["pwd"]]
    assert not Job.objects.filter(kind="unlink").exists()
    (mail,) = deliver()
    assert (mail.to, "카카오" in mail.subject) == ([user.email], True)
    assert "http://testserver/accounts/password/reset/" in mail.body


def test_kakaos_webhook_needs_no_redis(webhook, use_redis, make_redis):
    user = connected("kakao", "4012345671")
    for alias in ("default", "sessions"):
        use_redis(make_redis(), alias).kill()

    answer = webhook()

    assert answer.status_code == 200
    assert state_of(user)["left"] == [["pwd"]]


def test_a_repeated_webhook_changes_nothing(webhook):
    user = connected("kakao", "4012345671")
    webhook()

    answer = webhook()

    assert (answer.status_code, answer.content) == (200, b"")
    assert Job.objects.filter(kind="mail").count() == 1
    assert state_of(user)["recorded"] == [("social.unlinked", "kakao")]


@pytest.mark.django_db(transaction=True)
def test_sign_out_and_kakao_webhook_do_not_deadlock(webhook, monkeypatch):
    """A sign-out locks the sign-in's row, then the user's row for the audit log's foreign key."""
    user = connected("kakao", "4012345671")
    session = next(one for one in AuthSession.objects.all() if one.amr == ["kakao"])
    record, answers = trail.record, []

    def report():
        answers.append(webhook().status_code)
        connections.close_all()

    kakao_calls = threading.Thread(target=report)

    def between(*args, **kwargs):
        if not kakao_calls.ident:
            kakao_calls.start()
            wait_until(is_somebody_waiting)
        record(*args, **kwargs)

    monkeypatch.setattr(trail, "record", between)

    assert sessions.revoke(session, reason=sessions.Reason.LOGOUT)
    kakao_calls.join(30)
    assert answers == [200]
    assert state_of(user) == {
        "left": [["pwd"]],
        "ended": {"logout", "provider"},
        "connected": False,
        "recorded": [("social.unlinked", "kakao")],
    }


def test_the_webhook_ends_a_kakao_sign_in_and_mail_leads_back_in(
    kakao, walk, visitor, webhook, deliver
):
    walk(kakao)
    user = User.objects.get()

    webhook()
    out = visitor.get("/api/me/").status_code
    visitor.post("/accounts/password/reset/", {"email": user.email})
    path = deliver()[-1].body.split("http://testserver")[1].split()[0]
    form = visitor.get(path, follow=True)
    visitor.post(form.request["PATH_INFO"], {"password1": "a new pass phrase"})
    visitor.post("/accounts/login/", {"login": user.email, "password": "a new pass phrase"})

    assert out == 401
    assert visitor.get("/api/me/").status_code == 200


NOT_KAKAOS = [
    ({"authorization": None}, 401),
    ({"authorization": ""}, 401),
    ({"authorization": "KakaoAK "}, 401),
    ({"authorization": "KakaoAK another"}, 401),
    ({"authorization": "Bearer kakao-admin-key"}, 401),
    ({"authorization": "kakao-admin-key"}, 401),
    ({"authorization": KEY + "x"}, 401),
    ({"authorization": "KakaoAK \xe9"}, 401),
    ({"app_id": "999999"}, 403),
    ({"app_id": None}, 403),
    ({"app_id": ["424242", "999999"]}, 403),
    ({"user_id": None}, 400),
    ({"user_id": ""}, 400),
    ({"user_id": "x"}, 400),
    ({"user_id": "1" * 300}, 400),
    ({"user_id": "٤٠"}, 400),
    ({"user_id": ["4012345671", "2"]}, 400),
]


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_webhook_that_is_not_kakaos_changes_nothing(webhook, method):
    user = connected("kakao", "4012345671")

    for changes, status in NOT_KAKAOS:
        answer = webhook(method, **changes)

        assert answer.status_code == status, changes
        assert answer.headers.get("WWW-Authenticate") == ("KakaoAK" if status == 401 else None)
        if status != 401:
            code = {403: "forbidden", 400: "bad_request"}[status]
            assert answer.json() == problem(status, code), changes
    assert state_of(user)["connected"]
    assert AuthSession.objects.filter(revoked_at=None).count() == 3


@pytest.mark.parametrize("missing", ["ADMIN_KEY", "APP_ID"])
def test_without_our_own_settings_every_webhook_is_refused(webhook, provider_settings, missing):
    user = connected("kakao", "4012345671")
    provider_settings["kakao"][missing] = ""

    answers = [
        webhook(authorization=key, app_id=app).status_code
        for key in (KEY, "KakaoAK ", "")
        for app in ("424242", "", "0")
    ]

    assert set(answers) <= {401, 403}
    assert state_of(user)["connected"]


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_the_webhook_refuses_other_methods(webhook, method):
    answer = webhook(method)

    assert (answer.status_code, answer["Allow"]) == (405, "GET, POST")


def test_an_unreadable_body_is_refused(db):
    client = Client(raise_request_exception=False)
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x", "text/plain"):
        answer = client.post(
            PATH, b"\xff\x00" * 50, content_type=content_type, headers={"authorization": KEY}
        )

        assert answer.status_code in {400, 403}


def test_no_mail_goes_to_an_unverified_address(webhook):
    user = connected("kakao", "4012345671")
    EmailAddress.objects.filter(user=user).update(verified=False)

    webhook()

    assert not state_of(user)["connected"]
    assert not Job.objects.filter(kind="mail").exists()
