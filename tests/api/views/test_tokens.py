"""Test the endpoints to refresh, verify and revoke a token."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from tests.kit import forge
from tests.kit.clients import bearer
from tests.kit.factories import PASSWORD
from tests.kit.outage import without_redis
from tests.kit.problems import invalid, problem

FORM = "application/x-www-form-urlencoded"


def send_form(body):
    return Client().post("/api/token/revoke/", body, content_type=FORM)


def test_a_good_access_token_verifies_to_an_empty_object(post, pair):
    response = post("/api/token/verify/", {"token": pair["access"]})

    assert response.status_code == 200
    assert response.json() == {}
    assert response["Cache-Control"] == "no-store"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "name"), [("verify", "token"), ("refresh", "refresh"), ("revoke", "token")]
)
@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "null"),
        ("", "blank"),
        ([], "invalid"),
        ({}, "invalid"),
        (True, "invalid"),
        ("x" * 4097, "max_length"),
    ],
    ids=["null", "blank", "array", "object", "true", "too long"],
)
def test_a_token_that_is_not_a_string_gets_a_pointer(post, path, name, value, code):
    response = post(f"/api/token/{path}/", {name: value})

    assert response.status_code == 400
    oauth = {"error": "invalid_request"} if path == "revoke" else {}  # RFC 6749 §5.2
    assert response.json() == invalid((f"/{name}", code)) | oauth
    assert response["Cache-Control"] == "no-store"


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "name"), [("verify", "token"), ("refresh", "refresh")])
def test_a_misspelt_member_gets_a_pointer(post, path, name):
    misspelt = post(f"/api/token/{path}/", {name: "x", "tokn": "y"})

    assert misspelt.json() == invalid(("/tokn", "unknown_field"))


@pytest.mark.django_db
def test_verify_without_a_token_gets_a_pointer(post):
    assert post("/api/token/verify/", {}).json() == invalid(("/token", "required"))


@pytest.mark.django_db
def test_refresh_without_a_token_returns_invalid_token(post):
    response = post("/api/token/refresh/", {})

    assert response.status_code == 401
    assert response.json() == problem(401, "invalid_token")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/token/", "/api/token/refresh/", "/api/token/verify/"])
def test_json_endpoints_refuse_forms(client, path):
    response = client.post(path, "token=x&refresh=x", content_type=FORM)

    assert response.status_code == 415


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("as_form", [True, False], ids=["form", "json"])
def test_either_token_ends_the_sign_in(client, post, pair, kind, as_form):
    response = (
        send_form(f"token={pair[kind]}")
        if as_form
        else post("/api/token/revoke/", {"token": pair[kind]})
    )

    assert (response.status_code, response.content) == (200, b"")
    assert response["Cache-Control"] == "no-store"
    session = AuthSession.objects.get()
    assert session.revoked_reason == "logout"
    event = AuditEvent.objects.get(type="session.revoked")
    assert (event.sid, event.reason) == (session.pk, "logout")
    assert client.get("/api/me/", headers=bearer(pair["access"])).status_code == 401
    assert post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "unknown", ""])
def test_the_hint_does_not_matter(pair, hint):
    response = send_form(f"token={pair['refresh']}&token_type_hint={hint}&client_id=x")

    assert response.status_code == 200
    assert AuthSession.objects.get().revoked_at is not None


def test_an_older_refresh_token_still_ends_the_sign_in(post, pair):
    post("/api/token/refresh/", {"refresh": pair["refresh"]})

    response = send_form(f"token={pair['refresh']}")

    assert response.status_code == 200
    assert AuthSession.objects.get().revoked_reason == "logout"


def test_an_expired_token_still_ends_the_sign_in(pair):
    token = forge.changed(pair["access"], payload={"exp": 1_700_000_000, "iat": 1_600_000_000})

    response = send_form(f"token={token}")

    assert response.status_code == 200
    assert AuthSession.objects.get().revoked_at is not None


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "null", "%FF", "%F0%9F%94%91"])
def test_revoking_an_invalid_token_returns_200(pair, token):
    response = send_form(f"token={token}")

    assert (response.status_code, response.content) == (200, b"")
    assert AuthSession.objects.get().revoked_at is None


@pytest.mark.parametrize("secret", ["tests" * 12, "x"])
def test_a_forged_token_revokes_nothing(post, pair, secret):
    response = post("/api/token/revoke/", {"token": forge.hs256(pair["access"], secret)})

    assert response.status_code == 200
    assert AuthSession.objects.get().revoked_at is None


def test_revoking_twice_is_recorded_once(pair):
    send_form(f"token={pair['refresh']}")

    response = send_form(f"token={pair['refresh']}")

    assert response.status_code == 200
    assert AuditEvent.objects.filter(type="session.revoked").count() == 1


def test_revoking_a_deleted_users_token_returns_200(pair, user):
    user.delete()

    response = send_form(f"token={pair['refresh']}")

    assert response.status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["", "tokn=x", "token", "token="])
def test_a_form_without_a_token_is_invalid(body):
    response = send_form(body)

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "validation_error"
    assert [error["pointer"] for error in response.json()["errors"]] == ["/token"]


@pytest.mark.django_db
@pytest.mark.parametrize("token", [0, 1.5])
def test_revoking_a_number_is_invalid(post, token):
    response = post("/api/token/revoke/", {"token": token})

    assert response.status_code == 400
    assert response.json() == invalid(("/token", "invalid")) | {"error": "invalid_request"}


@pytest.mark.parametrize("body", [{}, [], 1, "x"], ids=repr)
def test_json_without_a_token_is_invalid(post, body):
    response = post("/api/token/revoke/", body)

    assert response.status_code == 400
    assert response.json()["code"] == "validation_error"


@pytest.mark.django_db
def test_revoke_refuses_multipart_forms():
    response = Client().post("/api/token/revoke/", {"token": "x"})

    assert response.status_code == 415
    assert response.json() == problem(415, "unsupported_media_type", error="invalid_request")


def test_a_token_is_never_read_from_the_query(pair):
    response = Client().post(f"/api/token/revoke/?token={pair['refresh']}", "", content_type=FORM)

    assert response.status_code == 400
    assert AuthSession.objects.get().revoked_at is None


@pytest.mark.parametrize("header", ["Bearer stale", "Bearer", "\xff"])
@pytest.mark.parametrize("path", ["refresh", "verify", "revoke"])
def test_a_useless_authorization_header_is_ignored(post, pair, header, path):
    name, kind = ("refresh", "refresh") if path == "refresh" else ("token", "access")

    response = post(f"/api/token/{path}/", {name: pair[kind]}, headers={"authorization": header})

    assert response.status_code == 200


@pytest.mark.parametrize("path", ["", "refresh/", "verify/", "revoke/"])
def test_no_token_endpoint_sets_a_cookie(signed_in, pair, path):
    response = signed_in.post(
        f"/api/token/{path}",
        {"refresh": pair["refresh"]} if path == "refresh/" else {"token": "x"},
        content_type="application/json",
    )

    assert not response.cookies


def test_refresh_returns_the_next_pair(client, post, pair):
    response = post("/api/token/refresh/", {"refresh": pair["refresh"]})

    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"access", "refresh", "token_type", "expires_in", "sid"}
    assert (body["token_type"], body["expires_in"], body["sid"]) == ("Bearer", 3600, pair["sid"])
    assert body["refresh"] != pair["refresh"]
    assert response["Cache-Control"] == "no-store"
    assert client.get("/api/me/", headers=bearer(body["access"])).status_code == 200


def test_refresh_keeps_auth_time_and_amr(post, pair):
    AuthSession.objects.update(auth_time=timezone.now() - timedelta(hours=5))
    before = AuthSession.objects.get()

    body = post("/api/token/refresh/", {"refresh": pair["refresh"]}).json()

    claims = forge.part(body["access"], 1)
    assert claims["auth_time"] == int(before.auth_time.timestamp())
    assert claims["amr"] == ["pwd"]


@pytest.mark.parametrize("path", ["refresh", "verify"])
def test_refresh_and_verify_keep_the_browsers_session(signed_in, pair, path):
    name, kind = ("refresh", "refresh") if path == "refresh" else ("token", "access")

    signed_in.post(f"/api/token/{path}/", {name: pair[kind]}, content_type="application/json")

    assert signed_in.get("/api/me/").status_code == 200


def test_verify_costs_no_query(post, pair, fresh_feed, django_assert_num_queries):
    with django_assert_num_queries(0):
        post("/api/token/verify/", {"token": pair["access"]})


def test_refresh_costs_one_query(post, pair, django_assert_num_queries):
    with django_assert_num_queries(1):
        post("/api/token/refresh/", {"refresh": pair["refresh"]})


@pytest.mark.parametrize("reason", sessions.Reason)
def test_nothing_is_refreshed_after_an_end_for_any_reason(post, pair, reason):
    sessions.revoke(AuthSession.objects.get(), reason=reason)

    response = post("/api/token/refresh/", {"refresh": pair["refresh"]})

    assert response.status_code == 401
    assert "access" not in response.json()


def test_no_answer_with_a_token_may_be_stored(post, app, pair, user):
    body = {"email": user.email, "password": PASSWORD}
    pairs = [
        post("/api/token/", body),
        post("/api/token/refresh/", {"refresh": pair["refresh"]}),
        app("POST", "auth/login", body),
    ]
    latest = pairs[2].json()["meta"]["refresh_token"]
    pairs.append(app("POST", "tokens/refresh", {"refresh_token": latest}))

    assert [answer.status_code for answer in pairs] == [200] * 4
    assert all("no-store" in answer.headers.get("Cache-Control", "") for answer in pairs)


def test_revoking_needs_no_redis(post, pair, settings):
    with without_redis(settings):
        response = post("/api/token/revoke/", {"token": pair["refresh"]})

    assert response.status_code == 200
    assert AuthSession.objects.get().revoked_at is not None


def test_revoking_without_the_database_is_a_503(post, pair, monkeypatch):
    def fails(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr(sessions, "sign_out", fails)
    client = Client(raise_request_exception=False)
    response = client.post(
        "/api/token/revoke/", {"token": pair["refresh"]}, content_type="application/json"
    )

    assert response.status_code == 503
    assert response.json()["code"] == "store_unavailable"
    assert response["Retry-After"]


def test_a_refresh_adds_no_scope_to_a_sign_in(post, pair, user):
    """Rights that are saved end the sign-in, so the next pair with more of them is a new sign-in's."""
    user.is_staff = True
    user.save()

    assert post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401
