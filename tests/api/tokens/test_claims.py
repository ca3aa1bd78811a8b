"""Test the claims of our tokens."""

import json
import re
from datetime import timedelta
from unittest.mock import ANY

import pytest
import time_machine
from django.utils import timezone

from accounts.people.models import User
from accounts.signins.models import AuthSession
from api.keys.models import SigningKey
from api.tokens import claims, exchange, jwts
from tests.kit import forge
from tests.kit.factories import AuthSessionFactory, UserFactory

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def test_an_access_token_has_exactly_these_claims(pair, user):
    session = AuthSession.objects.get()

    claims = forge.part(pair["access"], 1)

    assert claims == {
        "iss": "http://testserver",
        "aud": "http://testserver",
        "sub": str(user.pk),
        "client_id": "first-party",
        "sid": str(session.pk),
        "jti": ANY,
        "iat": ANY,
        "exp": claims["iat"] + 3600,
        "auth_time": int(session.auth_time.timestamp()),
        "amr": ["pwd"],
        "scope": "",
    }
    assert re.fullmatch(r"[0-9a-f]{32}", claims["jti"])
    assert UUID.fullmatch(claims["sub"])


def test_a_refresh_token_has_exactly_these_claims(pair, user):
    session = AuthSession.objects.get()

    claims = forge.part(pair["refresh"], 1)

    assert claims == {
        "iss": "http://testserver",
        "aud": "http://testserver",
        "sub": str(user.pk),
        "client_id": "first-party",
        "sid": str(session.pk),
        "jti": session.refresh_jti,
        "iat": ANY,
        "exp": claims["iat"] + 14 * 86400,
    }


def test_headers_have_only_kind_key_and_algorithm(pair):
    kid = SigningKey.objects.get().kid

    headers = forge.part(pair["access"], 0), forge.part(pair["refresh"], 0)

    assert headers == (
        {"alg": "ES256", "kid": kid, "typ": "at+jwt"},
        {"alg": "ES256", "kid": kid, "typ": "rt+jwt"},
    )


def test_a_token_has_no_personal_data(obtain, db):
    user = UserFactory(email="hana.kim@example.com", display_name="김하나", locale="ko")

    pair = obtain(user)

    for token in (pair["access"], pair["refresh"]):
        headers = forge.part(token, 0)
        del headers["kid"]  # random letters, which may spell anything
        text = json.dumps([headers, forge.part(token, 1)], ensure_ascii=False)
        for personal in ("hana", "kim", "김하나", "example.com", "127.0.0.1", 'ko"'):
            assert personal not in text
        assert "token_type" not in text


def test_two_access_tokens_of_the_same_moment_differ(db):
    session = AuthSessionFactory(token=True)

    first, second = jwts.pair(session), jwts.pair(session)

    assert first["access"] != second["access"]
    assert forge.part(first["refresh"], 1) == forge.part(second["refresh"], 1)


@pytest.mark.parametrize(("staff", "scope"), [(True, "admin"), (False, "")])
def test_scope_is_read_from_the_user_at_issue(db, staff, scope):
    session = AuthSessionFactory(token=True, user__is_staff=staff)

    access = jwts.pair(session)["access"]

    assert forge.part(access, 1)["scope"] == scope


def test_a_pair_never_outlives_its_sign_in(db):
    now = timezone.now()
    ends = now + timedelta(minutes=10)
    session = AuthSessionFactory(token=True, expires_at=ends, refresh_expires_at=ends)

    with time_machine.travel(now, tick=False):
        pair = jwts.pair(session)

    assert forge.part(pair["access"], 1)["exp"] == int(ends.timestamp())
    assert forge.part(pair["refresh"], 1)["exp"] == int(ends.timestamp())
    assert pair["expires_in"] == 600


def test_a_refresh_and_its_claims_cost_one_statement(pair, django_assert_num_queries):
    with django_assert_num_queries(1):
        exchange.next_pair(pair["refresh"])


def test_claims_need_no_column_that_a_refresh_does_not_read(db, django_assert_num_queries):
    session = AuthSessionFactory(token=True)
    session.user = User.objects.only("id", *claims.USER_COLUMNS).get()

    with django_assert_num_queries(0):
        claims.access(session)
        claims.refresh(session)
