"""Attack the sign-in by providers: attempts that another person left, used tokens, limits."""

import json
from urllib.parse import urlencode

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.people.models import User
from tests.kit.clients import CHROME, is_signed_in, sign_in
from tests.kit.connections import linked
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.factors import enrol_app
from tests.kit.mails import code_in
from tests.kit.standins import MINJI

pytestmark = pytest.mark.django_db
SIGN_UP, CODE = "/accounts/signup/", "/accounts/confirm-email/"
PHRASE = "a long pass phrase 1"
CANCELS = pytest.mark.parametrize("choice", ["continue", "cancel"])


def new_browser():
    return Client(raise_request_exception=False, headers={"user-agent": CHROME})


def begin(browser, standin, process="login", **consent):
    """Go to the provider and agree there: the way back, which the browser doesn't take yet."""
    start = browser.post(f"/accounts/{standin.name}/login/?process={process}&next=/next/")
    return standin.consent(start["Location"], **consent)


@pytest.fixture
def left(google, kakao, visitor, walk):
    """The attacker begins a connection, signs in again by Google, and leaves at the second step.

    allauth keeps the attempts over such a sign-in. Return the way back from Kakao, with the attacker's
    account there.
    """
    walk(google)
    back = begin(visitor, kakao, "connect")
    enrol_app(User.objects.get(email=MINJI))
    assert walk(google)["Location"] == "/accounts/2fa/authenticate/"
    return back


# Attempts that another person left in a shared browser


def test_a_connection_that_somebody_left_is_not_made_for_the_next_user(left, visitor, user):
    sign_in(visitor, user)

    answer = visitor.get(left)
    again = visitor.get(left)

    assert (answer.status_code, again.status_code) == (401, 401)
    assert linked() == {("google", MINJI)}
    assert is_signed_in(visitor)


def test_its_owner_still_makes_the_connection_after_the_second_step(google, kakao, visitor, walk):
    """A sign-in again as the same user ends no attempt of another tab."""
    walk(google)
    back = begin(visitor, kakao, "connect")
    walk(google)

    answer = visitor.get(back)

    assert answer["Location"] == "/next/"
    assert linked() == {("google", MINJI), ("kakao", MINJI)}


@CANCELS
def test_a_sign_in_that_somebody_left_replaces_no_sign_in(kakao, visitor, user, choice):
    """Login CSRF: the attacker left the attempt, and sends a link to the way back."""
    back = begin(visitor, kakao, choice=choice)
    sign_in(visitor, user)

    answer = visitor.get(back)

    assert answer["Location"] == "/next/"
    assert visitor.get("/api/me/").json()["email"] == user.email
    assert not linked()


def test_a_user_replaces_the_own_sign_in_by_a_provider(kakao, visitor, user):
    sign_in(visitor, user)

    visitor.get(begin(visitor, kakao))

    assert visitor.get("/api/me/").json()["email"] == MINJI


# Sign-ups that another person left


def test_another_sign_up_does_not_go_on_by_a_provider_that_somebody_left(naver, visitor, walk):
    walk(naver)
    visitor.post(SIGN_UP, {"email": "next@example.com", "password1": PHRASE})

    answer = visitor.post(CODE, {"action": "restart"})

    assert answer["Location"] == SIGN_UP
    assert "socialaccount_sociallogin" not in visitor.session


@pytest.mark.parametrize("path", [SIGN_UP, "/_allauth/browser/v1/auth/signup"])
@pytest.mark.parametrize("is_known", [True, False])
def test_a_code_that_somebody_asked_for_by_a_provider_connects_nothing(
    naver, visitor, walk, deliver, path, is_known
):
    """The owner of the address signs up by a form. The answer doesn't tell who has an account."""
    if is_known:
        UserFactory(email=MINJI)
    walk(naver)
    code = code_in(deliver()[-1])

    if path == SIGN_UP:
        answer = visitor.post(path, {"email": MINJI, "password1": PHRASE})
    else:
        body = json.dumps({"email": MINJI, "password": PHRASE})
        answer = visitor.post(path, body, content_type="application/json")
    visitor.post(CODE, {"code": code})

    assert answer.status_code == 429
    assert not is_signed_in(visitor)
    assert not SocialAccount.objects.filter(user__emailaddress__verified=True).exists()


# Tokens of native apps


@pytest.mark.parametrize("door", ["api", "headless"])
@pytest.mark.parametrize(
    ("first", "then"),
    [
        (["id_token", "access_token"], ["access_token"]),
        (["id_token", "access_token"], ["id_token"]),
        (["access_token"], ["id_token", "access_token"]),
        (["id_token"], ["id_token", "access_token"]),
    ],
)
def test_a_token_that_was_sent_with_another_is_used_up(kakao, send, door, first, then):
    send("api", kakao, {"access_token": kakao.native()["access_token"]})
    tokens = kakao.native()

    answers = [
        send(door, kakao, {kind: tokens[kind] for kind in kinds}).status_code
        for kinds in (first, then)
    ]

    assert answers == [200, 401 if door == "api" else 400]


def test_a_used_token_deletes_no_account_that_waits_for_its_code(kakao, send):
    tokens = {"access_token": kakao.native(identity="4012345673")["access_token"]}
    send("headless", kakao, tokens)
    waiting = UserFactory(email="waiting@example.com")
    SocialAccount.objects.create(user=waiting, provider="kakao", uid="4012345673")
    EmailAddress.objects.update(verified=False)

    answer = send("api", kakao, tokens)

    assert answer.status_code == 401
    assert User.objects.filter(pk=waiting.pk).exists()


# Limits


@pytest.mark.parametrize("process", ["disconnect", "confirm", "redirect", "x"])
def test_no_process_in_the_address_escapes_the_limit(kakao, settings, process):
    """A disconnection isn't counted, but no request can ask for one here."""
    settings.LIMITS = settings.LIMITS | {"social_start": (3, 60)}
    path = f"/accounts/kakao/login/?process={process}"

    answers = [new_browser().post(path).status_code for _ in range(5)]

    assert answers == [302] * 3 + [429] * 2


# Addresses that follow


@pytest.mark.parametrize(
    "target",
    [
        "http://[::1",
        "http://[",
        "http://test\nserver/",
        "/\x00/x",
        "/\t/evil.example",
        "/\\evil.example",
    ],
)
@pytest.mark.parametrize("path", ["/accounts/kakao/login/", "/accounts/login/", SIGN_UP])
def test_an_address_that_cannot_be_read_is_dropped(kakao, user, target, path):
    browser = new_browser()
    query = urlencode({"next": target})

    page = browser.get(f"{path}?{query}")
    if path == "/accounts/kakao/login/":
        start = browser.post(f"{path}?{query}")
        answer = browser.get(kakao.consent(start["Location"]))
    else:
        answer = browser.post(
            f"/accounts/login/?{query}", {"login": user.email, "password": PASSWORD}
        )

    assert (page.status_code, answer.status_code) == (200, 302)
    assert answer["Location"] == "/accounts/"
