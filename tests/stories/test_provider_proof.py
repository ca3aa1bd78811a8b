"""Prove a sign-in by a provider that is connected, and go on with the form that had to wait."""

import json
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone
from django_redis import get_redis_connection

from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import CHROME, is_signed_in
from tests.kit.factories import AuthSessionFactory
from tests.kit.proofs import (
    confirm_by_password,
    let_proofs_age,
    prove_by_token,
    send_again,
)
from tests.kit.racing import at_once

pytestmark = pytest.mark.django_db
NAVER_UID = "q8Zt3mXv0aR-Wn5cYk2LhPd7Uqs1JbGf9iOoT4xEwHA"
OTHERS = "/accounts/sessions/revoke-others/"
QUERY = "next=%2Faccounts%2Fsessions%2Frevoke-others%2F"
ASK = {
    "google": {
        "prompt": "select_account consent",
        "max_age": "0",
        "claims": '{"id_token":{"auth_time":{"essential":true}}}',
    },
    "kakao": {"prompt": "login"},
    "naver": {"auth_type": "reauthenticate"},
}


@pytest.fixture
def old(visitor, walk):
    """Sign in by a provider, make the sign-in old, and return the browser."""

    def run(standin):
        walk(standin)
        let_proofs_age()
        return visitor

    return run


def page_of(name):
    return f"/accounts/reauthenticate/by/{name}/"


def ask(browser, standin, then=OTHERS):
    """Return the address to which the page sends the browser, at the provider."""
    return browser.post(page_of(standin.name), {"next": then})["Location"]


def is_proved():
    old = AuthSession.objects.get(revoked_at=None)
    return (old.auth_time - old.created_at).total_seconds() > -60


@pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)
def test_the_provider_is_asked_to_ask_again(old, standin):
    browser = old(standin)

    query = {name: one for name, [one] in parse_qs(urlsplit(ask(browser, standin)).query).items()}

    assert ASK[standin.name].items() <= query.items()
    assert query["state"].startswith("confirm-")
    assert len(query["code_challenge"]) == 43


def test_naver_is_asked_to_ask_again(naver, signed_in, user):
    SocialAccount.objects.create(user=user, provider="naver", uid=NAVER_UID)
    let_proofs_age()

    there = ask(signed_in, naver)
    query = {name: one for name, [one] in parse_qs(urlsplit(there).query).items()}
    confirmed = signed_in.get(naver.consent(there))

    assert ASK["naver"].items() <= query.items()
    assert confirmed["Location"] == OTHERS
    assert is_proved()


@pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)
def test_the_same_account_proves_the_sign_in(old, standin):
    browser = old(standin)
    before, sid = browser.cookies["session"].value, AuthSession.objects.get().pk

    confirmed = browser.get(standin.consent(ask(browser, standin)))
    session = AuthSession.objects.get()

    assert confirmed["Location"] == OTHERS
    assert is_proved()
    assert (session.pk, session.amr) == (sid, [standin.name])  # no other sign-in was opened
    assert browser.cookies["session"].value != before
    assert is_signed_in(browser)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "You signed in at Google with an account that isn&#x27;t connected here."),
        ("ko", "이 계정에 연결되지 않은 Google 계정으로 로그인하셨습니다."),
    ],
)
def test_another_account_proves_nothing_and_the_page_says_so(old, google, language, text):
    browser = old(google)
    SocialAccount.objects.create(
        user=User.objects.create_user(email="x@example.com"),
        provider="google",
        uid="100000000000000000002",
    )
    browser.cookies["language"] = language

    answer = browser.get(google.consent(ask(browser, google), identity="100000000000000000002"))
    page = browser.get(answer["Location"], headers={"accept-language": language})

    assert (
        answer["Location"] == f"{page_of('google')}?next=%2Faccounts%2Fsessions%2Frevoke-others%2F"
    )
    assert text in page.text
    assert not is_proved()
    assert SocialAccount.objects.filter(user__email="minji.kim@example.com").count() == 1


@pytest.mark.parametrize("fault", ["old_auth_time", "future_auth_time"])
@pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)
def test_an_answer_from_an_old_session_there_proves_nothing(old, standin, fault):
    browser = old(standin)
    standin.misbehave(fault)

    answer = browser.get(standin.consent(ask(browser, standin)))

    assert "didn&#x27;t ask you to sign in again" in browser.get(answer["Location"]).text
    assert not is_proved()


@pytest.mark.parametrize(
    ("standin", "fault"),
    [
        ("google", "text_auth_time"),
        ("google", "wrong_nonce"),
        ("google", "forged_signature"),
        ("kakao", "text_auth_time"),
        ("kakao", "forged_signature"),
        ("kakao", "other_person"),
    ],
    indirect=["standin"],
)
def test_a_faulty_answer_proves_nothing(old, standin, fault):
    browser = old(standin)
    standin.misbehave(fault)

    answer = browser.get(standin.consent(ask(browser, standin)))

    assert "didn&#x27;t confirm that it is you" in browser.get(answer["Location"]).text
    assert not is_proved()


def test_a_refusal_there_proves_nothing(old, kakao):
    browser = old(kakao)

    answer = browser.get(kakao.consent(ask(browser, kakao), choice="cancel"))

    assert answer["Location"].startswith(page_of("kakao"))
    assert not is_proved()


def test_an_answer_counts_once(old, kakao):
    browser = old(kakao)
    back = kakao.consent(ask(browser, kakao))
    browser.get(back)
    let_proofs_age()

    again = browser.get(back)

    assert (again.status_code, again["Location"]) == (302, OTHERS)
    assert not is_proved()


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_comes_twice_at_once_leads_on_twice(old, kakao):
    browser = old(kakao)
    back = kakao.consent(ask(browser, kakao))
    cookies = {name: morsel.value for name, morsel in browser.cookies.items()}

    def come_back(_number):
        tab = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
        tab.cookies.load(cookies)
        answer = tab.get(back)
        return answer.status_code, answer.headers.get("Location")

    assert at_once(2, come_back) == [(302, OTHERS)] * 2
    assert is_proved()


def test_an_answer_proves_only_the_sign_in_that_asked(old, kakao, walk):
    """The same browser signs in again meanwhile, as the same user; another has no sign-in."""
    browser = old(kakao)
    back = kakao.consent(ask(browser, kakao))
    walk(kakao)
    let_proofs_age()

    elsewhere, here = [Client().get(back), browser.get(back)]

    for page in (elsewhere, here):
        assert page.status_code == 401
        assert "<h1>Please begin again here</h1>" in page.text
        assert page.text.count('class="button"') == 1
        assert page["Cache-Control"] == "no-store"
    assert f'href="/accounts/login/?{QUERY}"' in elsewhere.text
    assert f'href="{page_of("kakao")}?{QUERY}"' in here.text
    assert not is_proved()


def test_an_answer_after_the_sign_out_says_so(old, kakao):
    browser = old(kakao)
    back = kakao.consent(ask(browser, kakao))
    browser.post("/accounts/logout/")

    page = browser.get(back)

    assert page.status_code == 401
    assert "this confirmation began in another browser" in page.text
    assert f'href="/accounts/login/?{QUERY}"' in page.text


def test_only_connected_providers_are_offered(old, kakao, google):
    browser = old(kakao)

    page = browser.get("/accounts/reauthenticate/code/")
    other = browser.post(page_of("google"), {"next": OTHERS})

    assert "Confirm with Kakao" in page.text
    assert "Confirm with Google" not in page.text
    assert other["Location"].startswith("/accounts/reauthenticate/code/")


def test_a_foreign_address_is_not_gone_on_to(old, kakao):
    browser = old(kakao)

    there = ask(browser, kakao, then="https://attacker.example/")

    assert browser.get(kakao.consent(there))["Location"] == "/accounts/"


@pytest.mark.parametrize(
    ("language", "heading", "texts"),
    [
        ("en", "Confirm that it is you", ["Kakao will ask you to sign in again", "Send me a code"]),
        ("ko", "본인 확인", ["카카오에서 다시 로그인을 요청합니다", "이메일로 코드 받기"]),
    ],
)
def test_the_page_of_a_provider_in_both_languages(old, kakao, language, heading, texts):
    page = old(kakao).get(page_of("kakao"), headers={"accept-language": language}).text

    assert f"<h1>{heading}</h1>" in page
    for text in texts:
        assert text in page


# Tokens of native apps


@pytest.fixture
def access(kakao, send):
    answer = send("api", kakao, kakao.native()).json()["access"]
    let_proofs_age()
    return answer


def test_a_token_of_the_same_account_proves_once(access, kakao):
    tokens = {"access_token": kakao.native()["access_token"]}

    first = prove_by_token(access, kakao, tokens)
    was_proved = is_proved()
    let_proofs_age()
    again = prove_by_token(access, kakao, tokens)

    assert (first.status_code, again.status_code) == (200, 400)
    assert was_proved
    assert not is_proved()


def test_a_token_of_another_account_proves_nothing(access, kakao):
    answer = prove_by_token(access, kakao, kakao.native(identity="4012345673"))

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {
            "code": "other_account",
            "message": "You signed in at Kakao with an account that isn't connected here.",
        }
    ]
    assert not is_proved()


def test_a_token_of_an_old_session_there_proves_nothing(access, kakao):
    kakao.misbehave("old_auth_time")

    answer = prove_by_token(access, kakao, {"id_token": kakao.native()["id_token"]})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "not_asked_again")
    assert not is_proved()


def test_a_token_without_a_sign_in_proves_nothing(kakao):
    answer = Client().post(
        "/_allauth/app/v1/auth/reauthenticate/provider",
        json.dumps({"provider": "kakao", "token": {"client_id": "x", "id_token": "x"}}),
        content_type="application/json",
    )

    assert answer.status_code == 401
    assert not AuthSession.objects.exists()


# The form that has to wait


def test_a_form_of_a_thief_is_not_sent_by_the_owners_proof(signed_in, user):
    """Both have the session's cookie. The thief asks first, the owner proves another act."""
    AuthSessionFactory(user=user)
    let_proofs_age()
    signed_in.post("/accounts/email/", {"action_add": "", "email": "thief@example.com"})

    asked = signed_in.get("/accounts/password/change/")
    confirmed = signed_in.post(
        "/accounts/reauthenticate/?next=/accounts/sessions/", {"password": "correct horse battery"}
    )

    assert asked.status_code == 200
    assert confirmed["Location"] == "/accounts/sessions/"


def test_a_waiting_form_is_encrypted_and_shown_once(signed_in, user):
    let_proofs_age()
    asked = signed_in.post("/accounts/email/", {"action_add": "", "email": "new@example.com"})
    cookie = signed_in.cookies["session"].value
    store = get_redis_connection("sessions")
    stored = b"".join(store.get(key) or b"" for key in store.keys("session:*"))

    confirmed = confirm_by_password(signed_in, asked)
    done = send_again(signed_in, confirmed)
    again = signed_in.get(confirmed["Location"])

    assert b"new@example.com" not in stored
    assert cookie.encode() not in stored
    assert done["Location"] == "/accounts/confirm-email/"
    assert again["Location"] == "/accounts/"


def test_a_waiting_form_is_not_shown_without_the_proof(signed_in, user):
    let_proofs_age()
    asked = signed_in.post("/accounts/email/", {"action_add": "", "email": "new@example.com"})
    address = parse_qs(urlsplit(asked["Location"]).query)["next"][0]

    early = signed_in.get(address)
    confirm_by_password(signed_in, asked)
    page = signed_in.get(address)

    assert early["Location"].startswith("/accounts/reauthenticate/?next=")
    assert 'value="new@example.com"' in page.text
    assert re.search(r"<h1>Confirmed</h1>", page.text)


@pytest.mark.parametrize("fault", ["late", "another-key", "é", "키"])
def test_a_waiting_form_needs_its_key_and_time(signed_in, fault):
    let_proofs_age()
    asked = signed_in.post("/accounts/email/", {"action_add": "", "email": "new@example.com"})
    confirmed = confirm_by_password(signed_in, asked)
    address = confirmed["Location"] if fault == "late" else f"/accounts/continue/{fault}/"

    with time_machine.travel(timezone.now() + timedelta(minutes=16 if fault == "late" else 0)):
        AuthSession.objects.update(auth_time=timezone.now())
        answer = signed_in.get(address)

    assert answer["Location"] == "/accounts/"


def test_a_password_never_waits_in_the_session(kakao, old):
    browser = old(kakao)

    asked = browser.post("/accounts/password/set/", {"password1": "a few unrelated words"})

    assert parse_qs(urlsplit(asked["Location"]).query)["next"] == ["/accounts/password/set/"]
    assert "parked_act" not in browser.session
