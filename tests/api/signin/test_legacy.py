"""Test `/api/token/exchange/`: an app signs in once by its token of the former site."""

import json
import threading
import time
from base64 import urlsafe_b64encode
from datetime import timedelta
from uuid import uuid4

import jwt
import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.db.models import Q
from django.test import Client
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import Denied
from accounts.client_info import ClientInfo
from accounts.moving import spent
from accounts.moving.models import SpentToken
from accounts.people.models import User
from accounts.reports import own
from accounts.signins import erasure, proofs, sessions
from accounts.signins.models import AuthSession
from api.signin import legacy
from tests.kit import forge
from tests.kit.clients import bearer
from tests.kit.factories import UserFactory
from tests.kit.factors import app_code, enrol_app
from tests.kit.legacy import KEY, PATH, came, key_pair, old_token
from tests.kit.racing import at_once

INVALID = 401


@pytest.fixture(autouse=True)
def former_site(settings):
    settings.LEGACY_TOKEN_KEY = KEY


@pytest.fixture
def owner(db):
    user = UserFactory()
    came(user)
    return user


def send(token, client=None, **members):
    body = {"subject_token": token, **members}
    return (client or Client()).post(PATH, json.dumps(body), content_type="application/json")


def test_an_old_token_is_exchanged_for_a_pair_that_works(owner, client):
    response = send(old_token())

    assert response.status_code == 200
    pair = response.json()
    assert client.get("/api/me/", headers=bearer(pair["access"])).json()["email"] == owner.email
    refreshed = client.post(
        "/api/token/refresh/", {"refresh": pair["refresh"]}, content_type="application/json"
    )
    assert refreshed.status_code == 200


def test_the_sign_in_has_its_method_in_the_audit_log(owner):
    send(old_token())

    event = AuditEvent.objects.get(type="login.succeeded")
    assert (event.user, event.amr) == (owner, ["legacy_token"])


@pytest.mark.parametrize("changes", [{"age": 0}, {"age": -3}, {"age": 3600}, {"without": ["iat"]}])
def test_an_exchange_is_never_a_fresh_proof(owner, changes):
    assert send(old_token(**changes)).status_code == 200

    session = AuthSession.objects.get()
    assert session.auth_time.year == 1970
    assert not proofs.is_fresh(session)


def report(user):
    subject = own.Subject(Denied.SIGN_IN, None, Q(pk=None))
    own.file(user, subject, keep=uuid4(), client=ClientInfo())


def change_password(user):
    user.set_password("another long password")
    user.save()


def lock(user):
    user.is_active = False
    user.save()
    user.is_active = True
    user.save()


ENDINGS = {
    "a report": report,
    "a password": change_password,
    "an end of all sign-ins": lambda user: sessions.revoke_all(
        user, reason=sessions.Reason.OTHER_DEVICE
    ),
    "a lock": lock,
}


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.parametrize("age", [60, -3])
def test_no_old_token_survives_an_end_of_all_sign_ins(owner, name, age):
    """Not a younger one either: the old site may still renew the token of a thief."""
    ENDINGS[name](owner)

    assert send(old_token(age=age)).status_code == INVALID
    assert not AuthSession.objects.exists()


@pytest.mark.parametrize("asks", ["the owner", "time"])
def test_an_old_token_cancels_no_deletion(owner, asks):
    if asks == "the owner":
        erasure.request(owner, client=ClientInfo())
    else:
        User.objects.update(erase_at=timezone.now() + timedelta(days=7))

    assert send(old_token()).status_code == INVALID
    assert User.objects.get().erase_at is not None


@pytest.mark.django_db(transaction=True)
def test_an_end_between_the_check_and_the_sign_in_leaves_no_sign_in(monkeypatch):
    owner = UserFactory()
    came(owner)
    real, threads = legacy.perform_login, []

    def end():
        sessions.revoke_all(owner, reason=sessions.Reason.OTHER_DEVICE)
        connection.close()

    def end_then_open(*arguments):
        threads.append(threading.Thread(target=end))
        threads[0].start()
        threads[0].join(0.3)  # it waits for the exchange, or it is over
        return real(*arguments)

    monkeypatch.setattr(legacy, "perform_login", end_then_open)
    send(old_token())
    threads[0].join(10)

    assert AuthSession.objects.count() == 1
    assert not AuthSession.objects.active().exists()


def test_an_old_token_works_once(owner):
    token = old_token()

    assert [send(token).status_code for _ in range(3)] == [200, INVALID, INVALID]
    assert AuthSession.objects.count() == 1


def test_a_token_signed_again_with_the_same_id_is_spent_too(owner):
    assert send(old_token(jti="one")).status_code == 200
    assert send(old_token(jti="one", age=1)).status_code == INVALID


@pytest.mark.django_db(transaction=True)
def test_of_requests_at_once_one_gets_the_pair():
    came(UserFactory())
    token = old_token()

    results = at_once(4, lambda _number: send(token).status_code)

    assert sorted(results) == [200, INVALID, INVALID, INVALID]
    assert AuthSession.objects.count() == 1


def unsigned():
    encoded = [
        urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none"}, {"user_id": 1, "jti": "a", "exp": time.time() + 60})
    ]
    return ".".join([*encoded, ""])


BAD = {
    "nothing like a token": lambda: "x",
    "three parts": lambda: "a.b.c",
    "no signature": unsigned,
    "another key": lambda: old_token(key="another secret that is long enough"),
    "another algorithm": lambda: old_token(algorithm="HS512"),
    "expired": lambda: old_token(exp=int(time.time()) - 60),
    "no expiry": lambda: old_token(without=["exp"]),
    "no id": lambda: old_token(without=["jti"]),
    "an empty id": lambda: old_token(jti=""),
    "an id of another type": lambda: old_token(jti=["a"]),
    "no user": lambda: old_token(without=["user_id"]),
    "a user that did not come": lambda: old_token(2),
    "true for a user": lambda: old_token(True),  # noqa: FBT003 - the claim
    "a list of users": lambda: old_token([1]),
    "null for a user": lambda: old_token(None),
    "an access token": lambda: old_token(token_type="access"),
    "a sliding token": lambda: old_token(token_type="sliding"),
    "no type": lambda: old_token(without=["token_type"]),
    "not yet valid": lambda: old_token(nbf=int(time.time()) + 600),
    "from far in the future": lambda: old_token(age=-600),
    "an endless time": lambda: old_token(exp=10**30),
    "too large": lambda: old_token(more="x" * 4000),
}


@pytest.mark.parametrize("name", BAD)
def test_a_token_that_is_not_good_opens_nothing(owner, name):
    response = send(BAD[name]())

    assert response.status_code in {400, INVALID}
    assert not AuthSession.objects.exists()
    assert not SpentToken.objects.exists()


def test_one_answer_for_a_forged_token_and_an_unknown_user(owner):
    bodies = [send(BAD[name]()).json() for name in ("another key", "a user that did not come")]

    assert bodies[0] | {"request_id": ""} == bodies[1] | {"request_id": ""}


def test_an_account_that_came_disabled_is_refused_and_keeps_its_token(owner):
    User.objects.update(is_active=False)
    token = old_token()

    assert send(token).status_code == INVALID
    assert AuditEvent.objects.get(type="login.failed").reason == "user_inactive"
    User.objects.update(is_active=True)
    assert send(token).status_code == 200


def test_an_unproved_address_must_be_proved_first(owner):
    EmailAddress.objects.update(verified=False)
    token = old_token()

    response = send(token)

    assert (response.status_code, response.json()["code"]) == (401, "email_unverified")
    EmailAddress.objects.update(verified=True)
    assert send(token).status_code == 200


def test_a_second_factor_is_asked_for_and_the_token_is_spent(owner):
    secret = enrol_app(owner)
    token, client = old_token(), Client()

    asked = send(token, client).json()
    assert asked["code"] == "mfa_required"
    assert not AuthSession.objects.exists()
    assert send(token).status_code == INVALID

    body = {"mfa_token": asked["mfa_token"], "code": app_code(secret)}
    finished = client.post("/api/token/mfa/", body, content_type="application/json")
    assert finished.status_code == 200
    assert AuthSession.objects.get().amr == ["legacy_token", "otp", "mfa"]


def test_the_policy_asks_for_a_factor_that_is_missing(owner, settings):
    settings.MFA_REQUIRED_FOR = "all"

    assert send(old_token()).json()["code"] == "mfa_enrolment_required"
    assert not AuthSession.objects.exists()


def test_a_token_of_the_old_blacklist_is_refused(owner, tmp_path):
    from django.core.management import call_command  # noqa: PLC0415

    path = tmp_path / "blacklist.txt"
    path.write_text("\nblocked\nother\n")
    for _ in range(2):
        call_command("block_legacy_tokens", str(path))

    assert send(old_token(jti="blocked")).status_code == INVALID
    assert send(old_token(jti="free")).status_code == 200


def test_an_error_of_ours_leaves_the_token_good(owner, monkeypatch):
    from accounts.store.outage import STORE_ERRORS  # noqa: PLC0415

    def fail(*_args):
        raise STORE_ERRORS[0]

    token = old_token()
    with monkeypatch.context() as broken:
        broken.setattr(legacy, "perform_login", fail)
        assert send(token).status_code == 503

    assert send(token).status_code == 200


@pytest.mark.parametrize(
    ("settings_", "claims", "status"),
    [
        ({"LEGACY_TOKEN_ISSUER": "old"}, {"iss": "old"}, 200),
        ({"LEGACY_TOKEN_ISSUER": "old"}, {"iss": "new"}, INVALID),
        ({"LEGACY_TOKEN_ISSUER": "old"}, {}, INVALID),
        ({"LEGACY_TOKEN_AUDIENCE": "app"}, {"aud": "app"}, 200),
        ({"LEGACY_TOKEN_AUDIENCE": "app"}, {"aud": "else"}, INVALID),
        ({"LEGACY_TOKEN_AUDIENCE": "app"}, {}, INVALID),
        ({"LEGACY_TOKEN_USER_CLAIM": "sub"}, {"sub": "1"}, 200),
        ({"LEGACY_TOKEN_SOURCE": "allauth"}, {}, INVALID),
    ],
)
def test_the_settings_say_which_tokens_are_the_former_sites(
    owner, settings, settings_, claims, status
):
    for name, value in settings_.items():
        setattr(settings, name, value)

    assert send(old_token(**claims)).status_code == status


def test_a_public_key_is_no_secret(owner, settings):
    private, settings.LEGACY_TOKEN_KEY = key_pair()
    settings.LEGACY_TOKEN_ALGORITHM = "ES256"

    assert send(old_token(key=private, algorithm="ES256")).status_code == 200
    assert send(old_token()).status_code == INVALID


def test_without_a_key_there_is_no_such_door(owner, settings):
    settings.LEGACY_TOKEN_KEY = ""

    assert send(old_token(key="x" * 32)).status_code == 404


@pytest.mark.parametrize("members", [{"subject_token_type": "access"}, {"extra": 1}])
def test_other_members_are_refused(owner, members):
    assert send(old_token(), **members).status_code == 400


def test_refusals_are_limited_by_network(owner, settings):
    settings.LIMITS = settings.LIMITS | {"refresh": (2, 60)}

    assert [send("a.b.c").status_code for _ in range(3)][-1] == 429
    assert send(old_token()).status_code == 200


def test_spent_tokens_are_deleted_after_they_have_expired(owner):
    spent.spend("gone", expires_at=timezone.now() - timedelta(days=2))
    spent.spend("young", expires_at=timezone.now() + timedelta(days=2))

    assert spent.prune() == 1
    assert not spent.spend("young", expires_at=timezone.now())


def test_the_database_has_no_usable_token(owner):
    send(old_token(jti="secret-id"))

    with connection.cursor() as cursor:
        cursor.execute("SELECT digest FROM accounts_spenttoken")
        assert "secret-id" not in str(cursor.fetchall())


def test_an_old_token_that_demands_an_extension_is_refused(owner):
    """`crit` names extensions that the reader must know (RFC 7515 §4.1.11). We know none."""
    claims = forge.part(old_token(), 1)
    headers = {"crit": ["exp"], "exp": 1}

    response = send(jwt.encode(claims, KEY, algorithm="HS256", headers=headers))

    assert response.status_code == INVALID
    assert not AuthSession.objects.exists()
