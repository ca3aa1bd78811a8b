"""Test `/api/token/code/`: a code by mail, then tokens. No answer tells who has an account."""

import json
from datetime import timedelta
from unittest.mock import ANY

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone

from accounts import encryption
from accounts.federation.linking import link_tokens, links
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import bearer
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in
from tests.kit.outage import without_redis
from tests.kit.problems import invalid, problem
from tests.kit.racing import at_once

pytestmark = pytest.mark.django_db
ASK, CONFIRM = "/api/token/code/", "/api/token/code/confirm/"
PAIR = {"access": ANY, "refresh": ANY, "token_type": "Bearer", "expires_in": 3600, "sid": ANY}
NOBODY = "nobody@example.com"
OVER = problem(401, "invalid_code_token")


def told(response):
    """Return all that the caller can see, without the parts that are random in each answer."""
    body = response.json()
    body.pop("request_id", None)
    if token := body.pop("code_token", None):
        body["length"] = len(token)
    headers = dict(response.items())
    headers.pop("X-Request-ID")
    return response.status_code, body, headers, response.cookies.output()


@pytest.fixture
def asked(post, user, deliver):
    """Ask for a code, and return the body that signs in with it."""
    token = post(ASK, {"email": user.email}).json()["code_token"]
    return {"code_token": token, "code": code_in(deliver()[-1])}


def test_a_mailed_code_returns_a_pair_and_nothing_else(post, user, deliver):
    asked = post(ASK, {"email": user.email.upper()})
    body = {"code_token": asked.json()["code_token"], "code": code_in(deliver()[-1])}

    response = post(CONFIRM, body)

    assert asked.status_code == 200
    assert asked.json() == {"code_token": ANY, "expires_in": 600}
    assert not asked.cookies
    assert response.status_code == 200
    assert response.json() == PAIR
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies
    session = AuthSession.objects.get()
    assert (session.kind, session.amr) == ("token", ["otp"])


def test_a_frontend_gets_the_refresh_token_as_a_cookie(asked, settings):
    response = Client().post(
        CONFIRM,
        json.dumps(asked),
        content_type="application/json",
        headers={"X-Token-Delivery": "cookie", "Origin": settings.SITE_URL},
    )

    assert "refresh" not in response.json()
    assert response.cookies[settings.REFRESH_COOKIE_NAME].value
    assert settings.DEVICE_COOKIE_NAME in response.cookies


def test_a_foreign_page_gets_no_cookie_and_uses_no_code(asked, post):
    headers = {"X-Token-Delivery": "cookie", "Origin": "https://evil.example"}

    refused = post(CONFIRM, asked, headers=headers)

    assert refused.json() == problem(403, "origin_refused")
    assert post(CONFIRM, asked).status_code == 200


def test_a_wrong_code_says_how_many_tries_are_left(asked, post):
    answers = [post(CONFIRM, asked | {"code": "0"}).json() for _ in range(6)]

    assert answers == [problem(401, "invalid_code", tries_left=n) for n in (4, 3, 2, 1, 0, 0)]
    assert post(CONFIRM, asked).json() == problem(401, "invalid_code", tries_left=0)


def test_wrong_codes_leave_the_password_its_own_allowance(asked, post, user):
    for _ in range(6):
        post(CONFIRM, asked | {"code": "0"})

    body = {"email": user.email, "password": PASSWORD}
    assert post("/api/token/", body).status_code == 200


def test_wrong_passwords_leave_the_code_its_own_allowance(asked, post, user):
    for _ in range(6):
        post("/api/token/", {"email": user.email, "password": "not the password"})

    assert post(CONFIRM, asked).status_code == 200


def test_a_code_token_signs_in_once(asked, post):
    answers = [post(CONFIRM, asked) for _ in range(2)]

    assert answers[0].status_code == 200
    assert answers[1].json() == OVER
    assert AuthSession.objects.count() == 1


def test_a_code_token_expires_after_ten_minutes(asked, post):
    with time_machine.travel(timezone.now() + timedelta(seconds=601)):
        assert post(CONFIRM, asked).json() == OVER


@pytest.mark.django_db(transaction=True)
def test_a_code_sent_six_times_at_once_opens_one_sign_in(asked, post):
    statuses = sorted(at_once(6, lambda _: post(CONFIRM, asked).status_code))

    assert statuses == [200, 401, 401, 401, 401, 401]
    assert AuthSession.objects.count() == 1


@pytest.mark.parametrize("state", ["unknown", "disabled", "demo"])
def test_answers_are_the_same_without_an_account(post, user, settings, state):
    settings.REFUSED_EMAILS = {"staff@example.com"}
    other = {
        "unknown": lambda: NOBODY,
        "disabled": lambda: UserFactory(disabled=True, email="hid0@example.com").email,
        "demo": lambda: UserFactory(email="staff@example.com").email,
    }[state]()
    seen = []
    for email in (user.email, other):
        answers = [post(ASK, {"email": email})]
        body = {"code_token": answers[0].json()["code_token"], "code": "0000-0000"}
        answers += [post(CONFIRM, body) for _ in range(6)]
        answers += [post(ASK, {"email": email}) for _ in range(3)]
        seen.append([told(answer) for answer in answers])

    assert seen[0] == seen[1]
    assert seen[0][-1][0] == 429
    assert seen[0][-1][2]["Retry-After"] == "60"


@pytest.mark.parametrize("token", ["nonsense", "x" * 4096], ids=["short", "long"])
def test_text_that_is_no_token_is_refused(post, token):
    assert post(CONFIRM, {"code_token": token, "code": "1234-5678"}).json() == OVER


def test_a_token_for_another_purpose_is_refused(asked, post):
    content = json.loads(encryption.decrypt(asked["code_token"])) | {"purpose": "link"}
    token = encryption.encrypt(json.dumps(content))

    assert post(CONFIRM, asked | {"code_token": token}).json() == OVER


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"purpose": "sign_in_code", "session": "x" * 32},
        {"purpose": "sign_in_code", "session": ""},
    ],
    ids=["no object", "no such session", "no session"],
)
def test_a_token_of_another_content_is_refused(post, content):
    token = encryption.encrypt(json.dumps(content))

    assert post(CONFIRM, {"code_token": token, "code": "1234-5678"}).json() == OVER


def test_the_session_of_another_door_is_no_code_token(post, app, user, deliver):
    """A code that allauth's headless API mailed works only there."""
    pending = app("POST", "auth/code/request", {"email": user.email}).json()
    session = pending["meta"]["session_token"]

    answers = [post(CONFIRM, {"code_token": session, "code": code_in(deliver()[-1])})]

    assert [answer.json() for answer in answers] == [OVER]


def test_a_code_works_only_with_its_own_token(asked, post, user):
    other = post(ASK, {"email": user.email}).json()["code_token"]

    response = post(CONFIRM, asked | {"code_token": other})

    assert response.json() == problem(401, "invalid_code", tries_left=4)


def test_an_account_that_moved_gets_no_sign_in(asked, post, user):
    EmailAddress.objects.filter(user=user).update(email="moved@example.com")
    User.objects.filter(pk=user.pk).update(email="moved@example.com")

    assert post(CONFIRM, asked).json() == OVER
    assert not AuthSession.objects.exists()


def test_a_disabled_account_gets_no_sign_in(asked, post, user):
    User.objects.filter(pk=user.pk).update(is_active=False)

    assert post(CONFIRM, asked).json() == problem(401, "invalid_code", tries_left=4)


def test_the_proof_takes_a_strangers_password_away(post, deliver):
    user = UserFactory(email="mia@example.com", verified=False)
    token = post(ASK, {"email": user.email}).json()["code_token"]

    response = post(CONFIRM, {"code_token": token, "code": code_in(deliver()[-1])})

    user.refresh_from_db()
    assert response.json() == PAIR
    assert not user.has_usable_password()


def test_a_code_keeps_an_account_that_was_to_be_deleted(asked, post, user):
    User.objects.filter(pk=user.pk).update(erase_at=timezone.now() + timedelta(days=3))

    assert post(CONFIRM, asked).json() == PAIR | {"account_kept": True}


def link_of(user):
    link = links.Link(
        provider="kakao", uid="1", extra_data={}, email=user.email, user_id=str(user.pk)
    )
    return link_tokens.issue(link)


def test_a_code_proves_a_link(asked, post, user):
    response = post(CONFIRM, asked | {"link_token": link_of(user)})

    assert response.status_code == 200
    assert SocialAccount.objects.get().user == user


def test_a_bad_link_token_uses_no_code(asked, post, user):
    refused = post(CONFIRM, asked | {"link_token": link_of(UserFactory())})

    assert refused.json() == problem(401, "invalid_link_token")
    assert not AuthSession.objects.exists()
    assert post(CONFIRM, asked).status_code == 200


def test_credentials_in_the_request_count_for_nothing(asked, post, pair):
    response = post(CONFIRM, asked, headers=bearer(pair["access"]))

    assert response.json()["sid"] != pair["sid"]


def test_without_redis_no_code_is_sent_or_taken(asked, post, user, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.2

    with without_redis(settings):
        answers = [post(ASK, {"email": user.email}), post(CONFIRM, asked)]

    assert [answer.status_code for answer in answers] == [503, 503]


@pytest.mark.parametrize(
    ("path", "body", "pointers"),
    [
        (ASK, {}, [("/email", "required")]),
        (ASK, {"email": "no address"}, [("/email", "invalid")]),
        (ASK, {"email": NOBODY, "password": "x"}, [("/password", "unknown_field")]),
        (CONFIRM, {}, [("/code_token", "required"), ("/code", "required")]),
        (CONFIRM, {"code_token": "x", "code": 12345678}, [("/code", "invalid")]),
    ],
)
def test_a_malformed_body_is_refused(post, path, body, pointers):
    assert post(path, body).json() == invalid(*pointers)
