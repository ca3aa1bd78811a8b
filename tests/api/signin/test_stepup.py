"""Delete and download by the API, only after a fresh proof."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit import forge
from tests.kit.clients import bearer, is_signed_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.proofs import let_proofs_age

LONG_AGO = timezone.now() - timedelta(hours=1)
ME, DATA = "/api/me/", "/api/me/data/"


def delete(client, body=None, **headers):
    body = "" if body is None else json.dumps(body)
    return client.delete(ME, body, content_type="application/json", headers=headers)


@pytest.fixture
def proved(pair, user, confirm_by_app):
    """Return the access token of an app that has reauthenticated."""
    confirm_by_app(pair["access"], user)
    return pair["access"]


def test_an_app_with_a_fresh_proof_may_download_and_delete(client, user, proved):
    downloaded = client.get(DATA, headers=bearer(proved))
    response = delete(client, **bearer(proved))

    assert json.loads(b"".join(downloaded.streaming_content))["profile"]["email"] == user.email
    assert response.status_code == 202
    erase_at = User.objects.get().erase_at
    assert response.json() == {"erase_at": erase_at.isoformat().replace("+00:00", "Z")}
    assert client.get(ME, headers=bearer(proved)).status_code == 401


def test_an_old_sign_in_is_no_proof(client, pair):
    let_proofs_age()
    for response in (
        delete(client, **bearer(pair["access"])),
        client.get(DATA, headers=bearer(pair["access"])),
    ):
        assert response.status_code == 401
        assert response.json()["code"] == "fresh_proof_required"
    assert User.objects.get().erase_at is None


def test_an_old_proof_is_none(client, proved):
    let_proofs_age()

    assert delete(client, **bearer(proved)).status_code == 401
    assert client.get(DATA, headers=bearer(proved)).status_code == 401


def test_the_proof_of_another_sign_in_is_none(client, proved, obtain, user):
    let_proofs_age()
    AuthSession.objects.filter(pk=forge.part(proved, 1)["sid"]).update(auth_time=timezone.now())
    other = obtain(user)["access"]
    AuthSession.objects.filter(pk=forge.part(other, 1)["sid"]).update(auth_time=LONG_AGO)

    assert delete(client, **bearer(other)).status_code == 401


def test_the_password_is_a_proof(client, pair):
    let_proofs_age()
    response = delete(client, {"password": PASSWORD}, **bearer(pair["access"]))

    assert response.status_code == 202


def test_a_wrong_password_is_refused_counted_and_recorded(client, pair):
    let_proofs_age()
    refused = [delete(client, {"password": "x"}, **bearer(pair["access"])) for _ in range(6)]

    assert [each.status_code for each in refused] == [401] * 5 + [429]
    assert refused[0].json()["code"] == "invalid_credentials"
    assert AuditEvent.objects.filter(type="session.proof_refused").count() == 5
    assert User.objects.get().erase_at is None


def test_another_users_password_is_no_proof(client, pair):
    UserFactory(password="another good password")

    response = delete(client, {"password": "another good password"}, **bearer(pair["access"]))

    assert response.status_code == 401


def test_a_mailed_code_is_a_proof(client, pair, user, confirm_by_app):
    let_proofs_age()
    user.set_unusable_password()
    user.save_password()
    confirm_by_app(pair["access"], user)

    assert client.get(DATA, headers=bearer(pair["access"])).status_code == 200
    assert delete(client, **bearer(pair["access"])).status_code == 202


def test_a_browser_proves_by_its_session(signed_in, user):
    let_proofs_age()
    refused = delete(signed_in)
    signed_in.post("/accounts/reauthenticate/", {"password": PASSWORD})
    response = delete(signed_in)

    assert refused.status_code == 401
    assert response.status_code == 202
    assert not is_signed_in(signed_in)


def test_a_cookie_needs_the_csrf_token(user):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)

    assert delete(browser).status_code == 403
    assert User.objects.get().erase_at is None


@pytest.mark.django_db
def test_a_visitor_gets_401(client):
    assert delete(client).status_code == 401
    assert client.get(DATA).status_code == 401


def test_the_last_administrator_gets_409(client, db, obtain):
    access = obtain(UserFactory(admin=True))["access"]

    response = delete(client, {"password": PASSWORD}, **bearer(access))

    assert response.status_code == 409
    assert response.json()["code"] == "last_superuser"


def test_a_deletion_forgets_the_refresh_cookie(client, proved):
    response = delete(client, **bearer(proved))

    assert response.cookies[settings.REFRESH_COOKIE_NAME]["max-age"] == 0


@pytest.mark.parametrize("body", [{"password": 7, "x": 1}, {"password": "p" * 600}, [], "x"])
def test_a_wrong_body_is_refused(client, pair, body):
    assert delete(client, body, **bearer(pair["access"])).status_code == 400
    assert User.objects.get().erase_at is None
