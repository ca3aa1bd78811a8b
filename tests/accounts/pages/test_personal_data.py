"""Download my data: all of this account, nothing of others, and no secret."""

import json

import pytest
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.contrib.auth.models import Permission
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.invitations import invitations
from accounts.invitations.models import Invitation
from accounts.operators import bulk
from accounts.pages import personal_data
from accounts.people.models import User
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
        *("profile", "groups", "permissions", "addresses", "connections"),
        *("invitation", "external_ids"),
        *("factors", "email_proposals", "superuser_proposals", "bulk_acts", "notes", "mails"),
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


LEFT_OUT = {
    "accounts.ApiKey.created_by": "a key is of a machine",
    "accounts.AuditEvent.actor": "it tells of another user, whose file has it",
    "accounts.BulkRun.asked_by": "it tells of other users, whose files have it",
    "accounts.BulkRun.stopped_by": "it tells of other users, whose files have it",
    "accounts.EmailProposal.asked_by": "it tells of another user, whose file has it",
    "accounts.FactorReset.asked_by": "it tells of another user, whose file has it",
    "accounts.Invitation.invited_by": "it tells of another user, whose file has it",
    "accounts.Job.user": "encrypted, and gone within a day; `mails` and `events` name what it does",
    "accounts.OperatorNote.author": "it tells of another user, whose file has it",
    "accounts.Report.closed_by": "it tells of another user, whose file has it",
    "accounts.SuperuserProposal.asked_by": "it tells of another user, whose file has it",
    "admin.LogEntry.user": "it tells of rows that an operator changed; the audit log has the acts",
}
"""The relations to a user that the file doesn't have, each with the reason."""


def test_no_relation_to_the_user_is_forgotten(user):
    with CaptureQueriesContext(connection) as captured:
        data_of(user)
    read = " ".join(each["sql"] for each in captured)
    relations = {
        f"{field.model._meta.label}.{field.name}": f'"{field.model._meta.db_table}"."{field.column}" ='
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if field.related_model is User
    }

    missing = {name for name, condition in relations.items() if condition not in read}

    assert missing == set(LEFT_OUT)
    assert len(relations) > len(missing) + 10


def test_the_file_has_the_invitation_and_the_acts_on_many_users(user):
    admin = UserFactory(admin=True)
    sent = invitations.invite("invited@example.com", locale="ko", by=admin)
    Invitation.objects.filter(pk=sent.pk).update(user=user, accepted_at=sent.sent_at)
    run = bulk.prepare("lock", [user.pk], actor=admin, client=ClientInfo())
    bulk.start(run, reason="a stolen list", values={"until": "0"})
    user.user_permissions.add(Permission.objects.get(codename="view_user"))

    data = data_of(user)

    sent.refresh_from_db()
    assert data["invitation"] == [
        {
            "email": "invited@example.com",
            "locale": "ko",
            **{
                name: written_time(getattr(sent, name))
                for name in ("created_at", "sent_at", "expires_at", "accepted_at")
            },
        }
    ]
    assert data["bulk_acts"] == [
        {
            "act": "lock",
            "reason": "a stolen list",
            "created_at": written_time(run.created_at),
            "state": "waiting",
            "why": "",
        }
    ]
    assert data["permissions"] == [{"app": "accounts", "codename": "view_user"}]
    assert admin.email not in json.dumps(data)


def written_time(moment):
    return json.loads(json.dumps(moment, cls=DjangoJSONEncoder))


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
