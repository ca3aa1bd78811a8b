"""Give machines access tokens for API keys, and attack them: a key is no person, and ends at once."""

import base64
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts import routes
from accounts.audit.models import AuditEvent
from accounts.people.models import User
from accounts.services import keys
from accounts.services.models import ApiKey, validate_scope
from accounts.signins import pruning
from accounts.signins.models import AuthSession
from api import clients
from api.permissions import has_scope
from api.urls import urlpatterns
from tests.kit import forge
from tests.kit.clients import bearer, sign_in

pytestmark = pytest.mark.django_db
DOOR = "/api/token/service/"


@pytest.fixture
def key():
    key = ApiKey(name="Billing", scope="orders:read orders:write")
    key.secret = keys.add(key)
    return key


def basic(name, secret):
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def ask(key, secret=None, /, path=DOOR, **fields):
    body = {"grant_type": "client_credentials"} | fields
    headers = basic(key.pk, secret if secret is not None else key.secret)
    return Client().post(
        path,
        "&".join(f"{name}={value}" for name, value in body.items() if value is not None),
        content_type="application/x-www-form-urlencoded",
        headers=headers,
    )


def token_of(key, **fields):
    return ask(key, **fields).json()["access_token"]


# The door


def test_a_key_gets_a_short_token_and_no_refresh_token(key):
    answer = ask(key)

    body = answer.json()
    claims = forge.part(body["access_token"], 1)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert body == {
        "access_token": body["access_token"],
        "token_type": "Bearer",
        "expires_in": 600,
        "scope": "orders:read orders:write",
    }
    assert claims == {
        "iss": "http://testserver",
        "aud": "http://testserver",
        "sub": str(key.pk),
        "client_id": str(key.pk),
        "sid": str(key.pk),
        "jti": claims["jti"],
        "iat": claims["iat"],
        "exp": claims["iat"] + 600,
        "scope": "orders:read orders:write",
    }
    assert forge.part(body["access_token"], 0)["typ"] == "at+jwt"


def test_it_may_ask_for_less(key):
    assert ask(key, scope="orders:read").json()["scope"] == "orders:read"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"scope": "orders:delete"}, "invalid_scope"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": "orders:read admin"}, "invalid_scope"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials&grant_type=client_credentials"}, "invalid_request"),
        ({"scope": "orders:read&scope=orders:write"}, "invalid_request"),
    ],
)
def test_a_wrong_request_names_the_error_of_the_standard(key, fields, error):
    answer = ask(key, **fields)

    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert "access_token" not in answer.json()


@pytest.mark.parametrize("secret", ["", "mk_", "wrong", "\x00", "%00", "%ED%A0%80", "é"])
def test_a_wrong_secret_is_refused(key, secret):
    answer = ask(key, secret)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "the key has expired or was revoked" in answer.json()["detail"]
    assert answer["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Basic"},
        {"authorization": "Basic !!!"},
        {"authorization": "Basic é\x80"},
        {"authorization": "Basic OnM6, Basic OnM6"},
        {"authorization": "Bearer x"},
        basic("x" * 1_000_000, "%41" * 500_000),
        basic("\x00", "x"),
        basic("nobody", "x"),
        basic("00000000-0000-0000-0000-000000000000", ""),
        basic("", ""),
    ],
)
def test_an_unknown_client_gets_the_same_answer(key, headers):
    answer = Client().post(
        DOOR,
        "grant_type=client_credentials",
        content_type="application/x-www-form-urlencoded",
        headers=headers,
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_user_cannot_use_the_door(user, settings):
    answer = Client().post(
        DOOR, {"grant_type": "client_credentials"}, headers=basic(user.email, "x")
    )

    assert answer.status_code in (401, 415)


def test_a_name_of_api_clients_gets_no_token(settings):
    settings.API_CLIENTS = {"gateway": clients.digest("secret")}
    answer = Client().post(
        DOOR,
        "grant_type=client_credentials",
        content_type="application/x-www-form-urlencoded",
        headers=basic("gateway", "secret"),
    )

    assert answer.status_code == 401


def test_refusals_are_limited_and_successes_are_not(key, monkeypatch, early_in_a_window):
    limit_of = routes.limit_of
    monkeypatch.setattr(routes, "limit_of", lambda each: replace(limit_of(each), amount=3))

    refused = [ask(key, "wrong").status_code for _ in range(5)]
    good = ask(key).status_code

    assert refused == [401, 401, 401, 429, 429]
    assert good == 200


# A machine is no person


def protected_paths():
    return [
        f"/api/{route.pattern}"
        for route in urlpatterns
        if "<" not in str(route.pattern)
        and route.name not in {"schema", "verify-services"}  # for everybody; for machines
        and any(
            getattr(each, "__name__", "") == "BearerAuthentication"
            for each in getattr(
                getattr(route.callback, "view_class", None), "authentication_classes", ()
            )
        )
    ]


def test_no_address_of_the_api_takes_a_machine_for_a_person(key):
    access = token_of(key)
    paths = protected_paths()

    answers = {
        (method, path): getattr(Client(raise_request_exception=False), method)(
            path, headers=bearer(access)
        ).status_code
        for path in paths
        for method in ("get", "post", "patch", "delete")
    }

    assert len(paths) >= 5
    assert {path: status for path, status in answers.items() if status not in (403, 405)} == {}
    assert AuthSession.objects.get(pk=key.pk).is_active


@pytest.mark.parametrize(
    "path",
    [
        "/_allauth/app/v1/auth/session",
        "/_allauth/app/v1/account/email",
        "/_allauth/app/v1/account/authenticators",
    ],
)
def test_the_headless_api_takes_no_machine_for_a_person(key, path):
    answer = Client(raise_request_exception=False).get(path, headers=bearer(token_of(key)))

    assert answer.status_code in (401, 410)


def test_pages_and_the_admin_do_not_know_it(key):
    for path in ("/accounts/", "/admin/"):
        assert Client().get(path, headers=bearer(token_of(key))).status_code == 302


def test_its_token_cannot_be_refreshed(key):
    body = {"refresh": token_of(key)}
    answer = Client().post("/api/token/refresh/", body, content_type="application/json")

    assert answer.status_code == 401


def test_a_view_that_accepts_machines_asks_for_the_scope(key, user):
    class OrderView(APIView):
        accepts_services = True
        permission_classes = (has_scope("orders:read"),)

        def get(self, request):
            return Response({"by": str(request.user.pk)})

    view, factory = OrderView.as_view(), APIRequestFactory()

    def status(access):
        return view(factory.get("/", headers=bearer(access))).status_code

    person = sign_in(Client(), user, door="api").json()["access"]
    assert status(token_of(key)) == 200
    assert status(token_of(key, scope="orders:write")) == 403
    assert status(person) == 403


@pytest.mark.parametrize("word", ["admin", "role:editors", "role:", 'x"y', "a\\b", "é", "-x"])
def test_a_key_cannot_have_the_words_of_people(word):
    with pytest.raises(ValidationError):
        validate_scope(f"orders:read {word}")


# What others learn


def test_the_gateway_learns_the_key_and_its_scope(key):
    headers = bearer(token_of(key, scope="orders:read"))
    answer = Client().get("/api/verify/services", headers=headers)

    assert Client().get("/api/verify", headers=headers).status_code == 403
    assert answer.status_code == 204
    assert answer["X-Auth-Subject"] == answer["X-Auth-Session"] == str(key.pk)
    assert answer["X-Auth-Scope"] == "orders:read"


def test_introspection_tells_of_it(key, settings):
    settings.API_CLIENTS = {"gateway": clients.digest("secret")}
    access = token_of(key)

    told = Client().post(
        "/api/token/introspect/",
        f"token={access}",
        content_type="application/x-www-form-urlencoded",
        headers=basic("gateway", "secret"),
    )

    assert told.json() == {"active": True, "token_type": "Bearer", **forge.part(access, 1)}


@pytest.mark.parametrize(("scope", "status"), [("introspect", 200), ("orders:read", 401)])
def test_a_key_with_the_scope_may_introspect(scope, status, pair):
    reader = ApiKey(name="Gateway", scope=scope)
    reader.secret = keys.add(reader)

    told = ask(reader, path="/api/token/introspect/", token=pair["access"])
    listed = Client().get("/api/revocations/", headers=basic(reader.pk, reader.secret))

    assert (told.status_code, listed.status_code) == (status, status)


# The end


def test_a_revoked_key_ends_its_tokens_at_once(key, admin_user):
    access = token_of(key)
    keys.revoke(key, by=admin_user)

    assert ask(key).status_code == 401
    assert Client().get("/api/verify/services", headers=bearer(access)).status_code == 401
    assert not keys.revoke(key)
    types = AuditEvent.objects.filter(sid=key.pk).values_list("type", flat=True)
    assert set(types) == {"api_key.added", "api_key.revoked", "session.revoked"}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_revoked_during_its_check_gets_no_token(key):
    """The check has read the key, and its note of the use waits for the end."""
    answers = []

    def run():
        try:
            answers.append(ask(key).status_code)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        keys.revoke(key)
        thread.start()
        thread.join(1)
        assert thread.is_alive()
    thread.join(30)

    assert answers == [401]


def test_two_revocations_at_once_are_one(key):
    first, second = ApiKey.objects.get(), ApiKey.objects.get()

    assert [keys.revoke(first), keys.revoke(second)] == [True, False]
    assert AuditEvent.objects.filter(type="api_key.revoked").count() == 1


def test_followers_of_ended_sign_ins_learn_of_it(key, settings):
    settings.API_CLIENTS = {"gateway": clients.digest("secret")}
    keys.revoke(key)

    listed = Client().get("/api/revocations/", headers=basic("gateway", "secret")).json()

    assert [each["sid"] for each in listed["revocations"]] == [str(key.pk)]


def test_a_token_ends_with_its_key_at_the_latest():
    key = ApiKey(name="Short", expires_at=timezone.now() + timedelta(seconds=90))
    key.secret = keys.add(key)

    assert 80 <= ask(key).json()["expires_in"] <= 90
    with time_machine.travel(timezone.now() + timedelta(seconds=91), tick=False):
        assert ask(key).status_code == 401


def test_a_thief_of_a_token_cannot_end_the_key(key):
    access = token_of(key)

    answer = Client().post("/api/token/revoke/", {"token": access}, content_type="application/json")

    assert answer.status_code == 200
    assert ask(key).status_code == 200


def test_a_key_outlives_the_operator_who_added_it(key, admin_user):
    ApiKey.objects.update(created_by=admin_user)
    User.objects.all().delete()

    assert ask(key).status_code == 200


def test_the_upkeep_keeps_active_keys(key):
    list(pruning.prune())

    assert ask(key).status_code == 200


# What is stored


def test_the_secret_is_in_no_row(key):
    shown = str(
        [*ApiKey.objects.values(), *AuditEvent.objects.values(), *AuthSession.objects.values()]
    )

    assert key.secret not in shown
    assert key.secret.startswith("mk_")
    assert key.prefix == key.secret[:8]


def test_the_last_use_is_written_once_a_minute(key, django_assert_num_queries):
    ask(key)
    first = ApiKey.objects.get().last_used_at
    ask(key)
    second = ApiKey.objects.get().last_used_at
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=False):
        ask(key)
    third = ApiKey.objects.get().last_used_at

    assert first == second
    assert third > second


def test_a_wrong_secret_is_no_use(key):
    ask(key, "wrong")

    assert ApiKey.objects.get().last_used_at is None
