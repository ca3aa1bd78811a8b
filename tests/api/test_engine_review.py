"""What a hostile reading of the token engine found: each attack, refused."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import refresh
from accounts.client_info import ClientInfo
from accounts.models import AuthSession, OutgoingMail
from api import keys, throttling, tokens
from api.models import SigningKey
from tests.kit.clients import bearer
from tests.kit.factories import AuthSessionFactory

pytestmark = pytest.mark.django_db


def ancestor_of(session):
    """A token this sign-in replaced long ago."""
    return refresh.Presented(
        sid=session.pk,
        user_id=session.user_id,
        jti="a" * 32,
        client_id=session.client_id,
        issued_at=int(timezone.now().timestamp()) - 100,
        expires_at=timezone.now() + timedelta(days=1),
    )


def test_a_mail_that_fails_does_not_undo_the_end_of_a_reused_sign_in(settings):
    session = AuthSessionFactory(token=True, previous_refresh_jti="p" * 32)
    settings.DATA_ENCRYPTION_KEYS = []

    outcome = refresh.rotate(ancestor_of(session), client=ClientInfo())

    assert outcome == refresh.Reused()
    session.refresh_from_db()
    assert session.revoked_reason == "reused"
    assert not OutgoingMail.objects.exists()


def test_a_reused_token_is_told_to_its_owner(deliver):
    session = AuthSessionFactory(token=True, previous_refresh_jti="p" * 32)

    refresh.rotate(ancestor_of(session), client=ClientInfo(ip="192.0.2.1", user_agent="curl/8.1"))

    (mail,) = deliver()
    assert mail.to == [session.user.email]
    assert "192.0.2.1" in mail.body
    assert "/accounts/password/reset/" in mail.body
    assert mail.alternatives


def test_a_token_remembered_while_its_key_is_retired_is_refused(client, user, obtain, monkeypatch):
    access = obtain(user)["access"]
    assert client.get("/api/me/", headers=bearer(access)).status_code == 200
    monkeypatch.setattr(keys, "_retirement_listeners", [])  # the cache is not emptied

    keys.retire(keys.current().kid)

    assert client.get("/api/me/", headers=bearer(access)).status_code == 401


def test_a_shorter_lifetime_holds_for_older_tokens_too(client, user, obtain, settings):
    access = obtain(user)["access"]

    settings.ACCESS_TOKEN_LIFETIME = timedelta(seconds=-tokens.LEEWAY_SECONDS - 1)

    assert client.get("/api/me/", headers=bearer(access)).status_code == 401


def test_one_request_cannot_change_what_the_next_one_reads(user, obtain):
    access = obtain(user)["access"]
    tokens.AccessJWT(access).payload["scope"] = "admin"

    assert tokens.AccessJWT(access)["scope"] == ""


def test_rotating_at_once_makes_the_published_key_sign():
    pending = keys.rotate()

    promoted = keys.rotate(at_once=True)

    assert promoted == pending
    assert keys.current().kid == pending.kid
    assert SigningKey.objects.count() == 2
    assert keys.rotate() is not None


def test_one_customers_64_bits_of_ipv6_are_one_client():
    assert throttling._network("2001:db8:1:2::3") == throttling._network("2001:db8:1:2:ffff::9")
    assert throttling._network("2001:db8:1:2::3") != throttling._network("2001:db8:1:3::3")
    assert throttling._network("192.0.2.1") == "192.0.2.1"
    assert throttling._network(None) == "unknown"


def test_a_gateway_never_gets_an_empty_value(client, user, obtain):
    answer = client.get("/api/verify", headers=bearer(obtain(user)["access"]))

    assert answer.status_code == 204
    assert answer["X-Auth-Scope"] == "none"


def test_deleting_a_user_ends_its_sign_ins_for_good(client, user, obtain):
    pair = obtain(user)

    user.delete()

    assert client.get("/api/verify", headers=bearer(pair["access"])).status_code == 401
    assert AuthSession.objects.get(pk=pair["sid"]).revoked_reason == "deleted"


COOKIE = {"X-Token-Delivery": "cookie", "Origin": "https://app.example.com"}


def test_a_dead_refresh_cookie_is_taken_back(client):
    client.cookies["refresh"] = "dead"

    answer = client.post("/api/token/refresh/", {}, content_type="application/json", headers=COOKIE)

    assert answer.status_code == 401
    assert answer.cookies["refresh"]["max-age"] == 0


def test_a_second_sign_out_by_cookie_is_no_error(client):
    answer = client.post("/api/token/revoke/", {}, content_type="application/json", headers=COOKIE)

    assert (answer.status_code, answer.content) == (200, b"")
