"""Download my data: all of this account, nothing of others, and no secret."""

import json

import pytest
from allauth.socialaccount.models import SocialAccount
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.pages import personal_data
from accounts.signins.models import AuthSession
from tests.kit.clients import sign_in
from tests.kit.factories import AuditEventFactory, AuthSessionFactory, UserFactory
from tests.kit.proofs import let_proofs_age


def data_of(user):
    return json.loads("".join(personal_data.written(user)))


def test_the_page_sends_a_file_with_all_data(signed_in, user):
    user.display_name = '민지 "Kim"'
    user.save()
    SocialAccount.objects.create(user=user, provider="kakao", uid="4012345678")
    user.external_ids.create(source="firebase", external_id="fb-1")

    response = signed_in.get("/accounts/data/")

    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Content-Disposition"] == 'attachment; filename="munjigi-data.json"'
    assert response.headers["Cache-Control"] == "private, no-store"
    data = json.loads(b"".join(response.streaming_content))
    assert [*data] == [
        *("profile", "groups", "addresses", "connections"),
        "external_ids",
        *("factors", "email_proposals", "superuser_proposals", "notes", "mails"),
        *("factor_resets", "grace_periods", "reports", "trusted_browsers"),
        *("sign_ins", "events", "events_by_administrators"),
    ]
    assert data["profile"]["id"] == str(user.pk)
    assert data["profile"]["display_name"] == '민지 "Kim"'
    assert data["addresses"] == [{"email": user.email, "verified": True, "primary": True}]
    assert data["connections"][0]["uid"] == "4012345678"
    assert data["external_ids"][0]["external_id"] == "fb-1"
    assert data["sign_ins"][0]["amr"] == ["pwd"]
    assert [event["type"] for event in data["events"]] == ["login.succeeded"]


def test_the_file_has_no_secret(signed_in, user, pair):
    user.refresh_from_db()
    row = AuthSession.objects.get(kind="token")

    text = "".join(personal_data.written(user))

    for secret in (user.password, row.refresh_jti, pair["refresh"], signed_in.session.session_key):
        assert secret
        assert secret not in text
    assert "password" not in text
    assert "jti" not in text


def test_the_file_has_nothing_of_others(user):
    other, admin = UserFactory(), UserFactory(admin=True)
    AuditEventFactory(user=other)
    AuthSessionFactory(user=other)
    client = ClientInfo(ip="203.0.113.9", user_agent="admin's browser")
    trail.record(AuditEvent.Type.SESSION_REVOKED, user=user, actor=admin, client=client)

    data = data_of(user)

    text = json.dumps(data)
    assert other.email not in text
    assert admin.email not in text
    assert client.ip not in text
    assert client.user_agent not in text
    assert [event["type"] for event in data["events_by_administrators"]] == ["session.revoked"]


def test_no_column_of_the_user_is_forgotten(user):
    left_out = {"password", "password_version"}

    columns = {field.name for field in user._meta.concrete_fields}

    assert columns == {*personal_data.PROFILE} | left_out


def test_many_events_are_read_in_few_queries_and_pieces(user):
    AuditEvent.objects.bulk_create(
        AuditEvent(user=user, type="login.failed", identifier=user.email) for _ in range(1200)
    )

    with CaptureQueriesContext(connection) as sql:
        pieces = list(personal_data.written(user))

    assert len(json.loads("".join(pieces))["events"]) == 1200
    assert max(len(piece) for piece in pieces) < 2000
    assert len(sql) < 20


def test_an_old_proof_does_not_open_the_file(signed_in):
    let_proofs_age()

    response = signed_in.get("/accounts/data/")

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/reauthenticate/?next=")


@pytest.mark.django_db
def test_a_visitor_gets_the_sign_in_page(browser):
    response = browser.get("/accounts/data/")

    assert response.headers["Location"].startswith("/accounts/login/")
    assert sign_in(browser, UserFactory()).status_code == 302
