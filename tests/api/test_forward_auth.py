"""Test `/api/verify` for gateways."""

from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from accounts.services import keys
from accounts.services.models import ApiKey
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from api.keys import ring, rotation
from api.keys.models import SigningKey
from api.tokens import jwts
from tests.kit.bad_tokens import BAD
from tests.kit.clients import CHROME, bearer
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.outage import without_redis

SERVICES = "/api/verify/services"
INVALID = 'Bearer realm="api", error="invalid_token"'


@pytest.fixture
def verify(db):
    """Ask the view; return status and headers. (`config/gate` gives the same answers.)"""

    def ask(authorization, method="GET", path="/api/verify", **more):
        response = Client(raise_request_exception=False).generic(
            method, path, headers={"authorization": authorization}, **more
        )
        return response.status_code, {
            name.lower(): value for name, value in response.headers.items()
        }

    return ask


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_good_token_returns_204_with_its_user(verify, pair, user, scheme):
    status, headers = verify(f"{scheme} {pair['access']}")

    assert status == 204
    assert headers["x-auth-subject"] == str(user.pk)
    assert headers["x-auth-session"] == pair["sid"]
    assert headers["x-auth-scope"] == "none"
    assert headers["x-auth-kind"] == "user"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "www-authenticate" not in headers


def test_the_scope_is_in_the_answer(verify, obtain, user):
    user.is_staff = True
    user.save()

    _, headers = verify(f"Bearer {obtain(user)['access']}")

    assert headers["x-auth-scope"] == "admin"


def test_head_gets_the_same_answer(verify, pair):
    assert verify(f"Bearer {pair['access']}", "HEAD")[0] == 204
    assert verify("Bearer x", "HEAD")[0] == 401


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_bad_token_returns_401_with_the_error(verify, pair, make):
    token = make(pair)

    status, headers = verify(f"Bearer {token}")

    assert status == 401
    assert headers["www-authenticate"] == INVALID
    assert headers["cache-control"] == "no-store"
    assert not {"x-auth-subject", "x-auth-session", "x-auth-scope"} & set(headers)


def test_a_revoked_sign_in_is_refused(verify, pair):
    assert verify(f"Bearer {pair['access']}")[0] == 204

    sessions.revoke(AuthSession.objects.get(), reason=sessions.Reason.LOGOUT)

    assert verify(f"Bearer {pair['access']}")[0] == 401


@pytest.mark.parametrize("how", ["disabled", "deleted"])
def test_a_disabled_or_deleted_user_is_refused(verify, pair, user, how):
    if how == "deleted":
        user.delete()
    else:
        user.is_active = False
        user.save()

    assert verify(f"Bearer {pair['access']}")[0] == 401


def test_a_retired_keys_token_is_refused(verify, pair):
    assert verify(f"Bearer {pair['access']}")[0] == 204
    rotation.retire(SigningKey.objects.get().kid)

    assert verify(f"Bearer {pair['access']}")[0] == 401


def test_a_remembered_token_is_refused_after_its_end(verify, pair):
    assert verify(f"Bearer {pair['access']}")[0] == 204

    later = timezone.now() + timedelta(hours=1, seconds=jwts.LEEWAY_SECONDS + 1)
    with time_machine.travel(later):
        assert verify(f"Bearer {pair['access']}")[0] == 401


def test_the_answer_is_503_while_revocations_are_unknown(verify, pair, settings):
    settings.REVOCATION_MAX_STALE = -1.0

    status, headers = verify(f"Bearer {pair['access']}")

    assert status == 503
    assert headers["retry-after"] == "3"
    assert headers["cache-control"] == "no-store"
    assert "x-auth-subject" not in headers


def test_without_the_database_from_the_start_the_answer_is_503(verify, pair, monkeypatch):
    def broken(before):
        raise OperationalError

    ring.forget()
    monkeypatch.setattr(ring, "_load", broken)

    status, _ = verify(f"Bearer {pair['access']}")

    assert status == 503


# Machines


@pytest.fixture(params=["", "orders:read"])
def machine(request, db):
    """Return the credential of an API key with this scope."""
    key = ApiKey(name="Billing", scope=request.param)
    keys.add(key)
    return f"Bearer {jwts.AccessJWT.for_key(key, key.words)}"


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"QUERY_STRING": "services=1"},
        {"HTTP_X_AUTH_KIND": "service"},
        {"HTTP_X_ORIGINAL_URI": SERVICES, "HTTP_X_FORWARDED_URI": SERVICES},
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_machine_is_not_signed_in(verify, machine, method, more):
    status, headers = verify(machine, method, **more)

    assert status == 403
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert not [name for name in headers if name.startswith("x-auth-")]


def test_a_gateway_lets_machines_in_by_another_address(verify, machine, pair):
    status, headers = verify(machine, path=SERVICES)
    persons = verify(f"Bearer {pair['access']}", path=SERVICES)

    assert (status, headers["x-auth-kind"]) == (204, "service")
    assert headers["x-auth-scope"] in {"none", "orders:read"}
    assert (persons[0], persons[1]["x-auth-kind"]) == (204, "user")


def test_the_other_address_takes_no_bad_token(verify):
    assert verify("Bearer x", path=SERVICES)[0] == 401


def test_the_other_address_takes_a_cookie(signed_in):
    answer = signed_in.get(SERVICES)

    assert (answer.status_code, answer["X-Auth-Kind"]) == (204, "user")
    assert Client().get(SERVICES).status_code == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_unsafe_methods_are_not_answered(pair, method):
    response = Client().generic(method, "/api/verify", headers=bearer(pair["access"]))

    assert response.status_code == 405
    assert response["Allow"] == "GET, HEAD, OPTIONS"
    assert "X-Auth-Subject" not in response


# By cookie


def test_a_session_cookie_returns_204_with_its_user(signed_in, user):
    response = signed_in.get("/api/verify")

    assert response.status_code == 204
    assert response["X-Auth-Subject"] == str(user.pk)
    assert response["X-Auth-Session"] == str(AuthSession.objects.get().pk)
    assert response["X-Auth-Scope"] == "none"
    assert response["X-Auth-Kind"] == "user"
    assert response["Cache-Control"] == "no-store"
    assert response.content == b""


def test_a_staff_members_cookie_returns_the_admin_scope(browser, user):
    type(user).objects.update(is_staff=True)
    browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})

    assert browser.get("/api/verify")["X-Auth-Scope"] == "admin"


def test_the_cookie_of_an_ended_sign_in_is_refused(signed_in):
    sessions.revoke(AuthSession.objects.get(), reason=sessions.Reason.OTHER_DEVICE)

    response = signed_in.get("/api/verify")

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert "X-Auth-Subject" not in response


@pytest.mark.django_db
@pytest.mark.parametrize("cookie", ["", "x", "a" * 32])
def test_an_invented_cookie_is_refused(cookie):
    client = Client(headers={"user-agent": CHROME})
    client.cookies["session"] = cookie

    assert client.get("/api/verify").status_code == 401


def test_a_request_without_credentials_is_refused_without_an_error_code(client, db):
    response = client.get("/api/verify")

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Bearer x", "bearer"])
def test_a_bad_token_is_refused_despite_a_valid_cookie(signed_in, authorization):
    response = signed_in.get("/api/verify", headers={"authorization": authorization})

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == INVALID


def test_a_token_wins_over_another_users_cookie(signed_in, obtain, db):
    other = UserFactory()

    response = signed_in.get("/api/verify", headers=bearer(obtain(other)["access"]))

    assert response["X-Auth-Subject"] == str(other.pk)


def test_while_redis_is_down_a_cookie_gets_503_and_is_kept(signed_in, settings):
    signed_in.raise_request_exception = False
    with without_redis(settings):
        response = signed_in.get("/api/verify")

    assert response.status_code == 503
    assert not response.cookies
    assert "X-Auth-Subject" not in response


def test_a_gateway_never_gets_an_empty_value(client, user, obtain):
    answer = client.get("/api/verify", headers=bearer(obtain(user)["access"]))

    assert answer.status_code == 204
    assert answer["X-Auth-Scope"] == "none"
