"""Report by the API that somebody else did something: the others end, the password must be renewed."""

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.people.models import User
from accounts.reports.models import Report
from accounts.signins.models import AuthSession
from tests.kit.clients import bearer, is_signed_in, sign_in
from tests.kit.factories import PASSWORD, AuditEventFactory, AuthSessionFactory
from tests.kit.problems import problem
from tests.kit.proofs import let_proofs_age

NEW = "a new long password"


@pytest.fixture
def headers(pair):
    return bearer(pair["access"])


@pytest.fixture
def thief(user):
    browser = Client()
    sign_in(browser, user)
    return browser


@pytest.fixture
def thiefs(thief):
    return AuditEvent.objects.filter(type="login.succeeded").latest("pk")


def deny(client, event, headers):
    return client.post(f"/api/activity/{event.pk}/denial/", headers=headers)


def test_the_list_says_what_can_be_reported(client, headers, thief, pair):
    rows = client.get("/api/activity/", headers=headers).json()["results"]

    assert {row["sid"] == pair["sid"]: row["can_be_denied"] for row in rows} == {
        True: False,
        False: True,
    }


def test_a_reported_sign_in_ends_and_the_password_must_be_renewed(
    client, headers, thief, thiefs, user, app, deliver
):
    answer = deny(client, thiefs, headers)

    assert (answer.status_code, answer.json()) == (200, {"needs_password": True})
    assert not is_signed_in(thief)
    assert sign_in(Client(), user).status_code == 200  # the form again
    assert client.get("/api/me/", headers=headers).status_code == 200
    changed = app("POST", "account/password/change", {"new_password": NEW}, **headers)
    assert changed.status_code == 200, changed.json()
    assert sign_in(Client(), user, NEW).status_code == 302
    assert any("you reported: it wasn't me" in mail.body for mail in deliver())


def test_the_operators_list_has_the_report(client, headers, thiefs, user):
    deny(client, thiefs, headers)

    report = Report.objects.get()
    assert (report.user, report.sid, report.about) == (user, thiefs.sid, "denied_sign_in")
    assert report.event_id == AuditEvent.objects.get(type="activity.denied").pk
    assert report.is_open


def test_another_device_is_reported(client, headers, user):
    other = AuthSessionFactory(user=user)
    answer = client.post(f"/api/sessions/{other.pk}/denial/", headers=headers)

    assert answer.status_code == 200
    other.refresh_from_db()
    assert other.revoked_reason == "denied"


def test_a_connection_that_the_reported_sign_in_made_is_removed(client, headers, thiefs, user):
    AuditEventFactory(user=user, type="social.connected", reason="kakao", sid=thiefs.sid)
    SocialAccount.objects.create(user=user, provider="kakao", uid="1")
    event = AuditEvent.objects.get(type="social.connected")
    SocialAccount.objects.update(date_joined=event.created_at)

    deny(client, thiefs, headers)

    assert not SocialAccount.objects.exists()


def test_a_browser_reports_by_its_cookie_and_stays(signed_in, user):
    other = AuthSessionFactory(user=user)
    answer = signed_in.post(f"/api/sessions/{other.pk}/denial/")

    assert answer.status_code == 200
    assert is_signed_in(signed_in)
    assert signed_in.get("/api/me/").status_code == 200


def test_without_a_password_none_is_needed(client, headers, thiefs, user):
    user.set_unusable_password()
    User.objects.filter(pk=user.pk).update(password=user.password)

    assert deny(client, thiefs, headers).json() == {"needs_password": False}


def test_a_report_needs_a_fresh_proof(client, headers, thief, thiefs, user):
    let_proofs_age()
    other = AuthSession.objects.exclude(kind="token").get()
    for path in (f"activity/{thiefs.pk}", f"sessions/{other.pk}"):
        answer = client.post(f"/api/{path}/denial/", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "fresh_proof_required")

    assert is_signed_in(thief)
    assert not Report.objects.exists()
    assert User.objects.get(pk=user.pk).check_password(PASSWORD)


@pytest.mark.parametrize(
    "which", ["own sign-in", "stranger's", "other kind", "operator's", "too large", "own device"]
)
def test_nothing_else_can_be_reported(client, headers, user, pair, admin_user, which):
    mine = AuditEvent.objects.get(type="login.succeeded", sid=pair["sid"])
    paths = {
        "own sign-in": f"activity/{mine.pk}",
        "stranger's": f"activity/{AuditEventFactory().pk}",
        "other kind": f"activity/{AuditEventFactory(user=user, type='login.failed').pk}",
        "operator's": f"activity/{AuditEventFactory(user=user, actor=admin_user).pk}",
        "too large": f"activity/{10**30}",
        "own device": f"sessions/{pair['sid']}",
    }
    answer = client.post(f"/api/{paths[which]}/denial/", headers=headers)

    assert (answer.status_code, answer.json()) == (404, problem(404, "not_found"))
    assert not Report.objects.exists()


def test_a_visitor_reports_nothing(client, thiefs):
    assert client.post(f"/api/activity/{thiefs.pk}/denial/").status_code == 401
    assert client.get(f"/api/activity/{thiefs.pk}/denial/").status_code == 401
