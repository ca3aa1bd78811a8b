"""Confirm changes of an account by a mailed code, if its owner signs in by a provider only.

Such an account has no password to ask for.
"""

import json
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone

from accounts.people.models import User
from tests.kit.clients import bearer, is_signed_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in
from tests.kit.proofs import let_proofs_age

pytestmark = pytest.mark.django_db
HEADLESS = "/_allauth/app/v1"
CODE = "/accounts/reauthenticate/code/"
CONFIRM = "/accounts/reauthenticate/code/confirm/"
THEIRS = "a password of the thief"
MINE = "a few unrelated words"


@pytest.fixture
def access(kakao, send):
    """Return the access token of a user who can sign in only by Kakao, and did so an hour ago."""
    answer = send("api", kakao, kakao.native())
    assert answer.status_code == 200, answer.content
    let_proofs_age()
    return answer.json()["access"]


@pytest.fixture
def owner(access):
    return User.objects.get()


@pytest.fixture
def call(access):
    """Call the headless API as an app that has only the access token."""

    def run(method, path, body=None):
        return Client(raise_request_exception=False).generic(
            method,
            f"{HEADLESS}/{path}",
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers=bearer(access),
        )

    return run


def offered(answer):
    return [flow for flow in answer.json()["data"]["flows"] if "reauth" in flow["id"]]


# The attack


def test_a_stolen_access_token_cannot_set_a_password(owner, call, post):
    """allauth 65.21 answers 200 here, and the thief would keep the account."""
    answer = call("POST", "account/password/change", {"new_password": THEIRS})
    owner.refresh_from_db()
    signed_in = post("/api/token/", {"email": owner.email, "password": THEIRS})

    assert answer.status_code == 401
    assert offered(answer) == [
        {"id": "reauthenticate_by_code", "recipients": [{"email": owner.email}]},
        {
            "id": "reauthenticate_by_provider",
            "providers": [
                {"id": "kakao", "url": "/accounts/reauthenticate/by/kakao/", "takes_token": True}
            ],
        },
    ]
    assert not owner.has_usable_password()
    assert signed_in.status_code == 401


def test_a_stolen_session_cannot_set_a_password(kakao, walk, visitor):
    walk(kakao)
    let_proofs_age()
    owner = User.objects.get()

    answer = visitor.post("/accounts/password/set/", {"password1": THEIRS})
    owner.refresh_from_db()

    assert answer.status_code == 302
    assert answer["Location"] == f"{CODE}?next=%2Faccounts%2Fpassword%2Fset%2F"
    assert not owner.has_usable_password()


def test_a_stolen_access_token_changes_no_address_and_no_connection(owner, call, google):
    theirs = {"client_id": google.native_client} | google.native(identity="2")
    answers = [
        call("POST", "account/email", {"email": "thief@example.com"}),
        call(
            "POST",
            "auth/provider/token",
            {"provider": "google", "process": "connect", "token": theirs},
        ),
    ]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert [one.email for one in EmailAddress.objects.all()] == [owner.email]
    assert [one.provider for one in SocialAccount.objects.all()] == ["kakao"]


@pytest.mark.parametrize("address", ["thief@example.com", "unproven@example.com", "", None])
def test_the_code_is_mailed_to_own_addresses_only(owner, call, deliver, address):
    EmailAddress.objects.create(user=owner, email="unproven@example.com", verified=False)
    before = len(deliver())

    answer = call("POST", "auth/reauthenticate/code/request", {"email": address})

    assert answer.status_code == 400
    assert len(deliver()) == before


def test_guessing_ends_after_five_codes(owner, call, deliver):
    call("POST", "auth/reauthenticate/code/request", {"email": owner.email})
    code = code_in(deliver()[-1])
    guesses = [
        call("POST", "auth/reauthenticate/code/confirm", {"code": "0000-0000"}).status_code
        for _ in range(5)
    ]

    late = call("POST", "auth/reauthenticate/code/confirm", {"code": code})

    assert guesses == [400] * 5
    assert late.status_code == 400
    assert call("POST", "account/password/change", {"new_password": THEIRS}).status_code == 401


def test_a_code_confirms_only_the_sign_in_that_asked_for_it(owner, call, kakao, walk, deliver):
    call("POST", "auth/reauthenticate/code/request", {"email": owner.email})
    code = code_in(deliver()[-1])
    other = Client()
    walk(kakao, browser=other)
    let_proofs_age()

    answer = other.post(CONFIRM, {"code": code})

    assert answer["Location"] == CODE
    assert other.post("/accounts/password/set/", {"password1": THEIRS})["Location"].startswith(CODE)


def test_a_code_of_a_former_address_confirms_nothing(owner, call, deliver):
    call("POST", "auth/reauthenticate/code/request", {"email": owner.email})
    code = code_in(deliver()[-1])
    EmailAddress.objects.filter(user=owner).update(email="moved@example.com")
    User.objects.filter(pk=owner.pk).update(email="moved@example.com")

    answer = call("POST", "auth/reauthenticate/code/confirm", {"code": code})

    assert answer.status_code in {401, 403}
    assert call("POST", "account/password/change", {"new_password": THEIRS}).status_code == 401


def test_a_late_code_confirms_nothing(owner, call, deliver):
    call("POST", "auth/reauthenticate/code/request", {"email": owner.email})
    code = code_in(deliver()[-1])

    with time_machine.travel(timezone.now() + timedelta(seconds=601)):
        answer = call("POST", "auth/reauthenticate/code/confirm", {"code": code})

    assert answer.status_code in {400, 409}
    assert call("POST", "account/password/change", {"new_password": THEIRS}).status_code == 401


def test_without_a_verified_address_the_provider_confirms(owner, call):
    """No door creates such an account, but a database may hold one."""
    EmailAddress.objects.update(verified=False)

    answer = call("POST", "account/password/change", {"new_password": THEIRS})

    assert answer.status_code == 401
    assert [flow["id"] for flow in offered(answer)] == ["reauthenticate_by_provider"]


# The owner


def test_the_owner_sets_a_password_by_app_after_the_mailed_code(
    owner, access, call, confirm_by_app, post
):
    confirm_by_app(access, owner)

    answer = call("POST", "account/password/change", {"new_password": MINE})

    assert answer.status_code == 200
    assert post("/api/token/", {"email": owner.email, "password": MINE}).status_code == 200


def test_the_owner_sets_a_password_on_the_page_after_the_mailed_code(kakao, walk, visitor, deliver):
    walk(kakao)
    let_proofs_age()
    owner = User.objects.get()
    asked = visitor.get("/accounts/password/set/")
    page = visitor.get(asked["Location"])
    sent = visitor.post(asked["Location"], {"recipient": owner.email})
    typed = visitor.get(sent["Location"])
    before = visitor.cookies["session"].value
    confirmed = visitor.post(sent["Location"], {"code": code_in(deliver()[-1])})
    done = visitor.post(confirmed["Location"], {"password1": MINE})
    owner.refresh_from_db()

    assert f'<input type="hidden" name="recipient" value="{owner.email}">' in page.text
    assert "Use your password" not in page.text
    assert owner.email in typed.text
    assert confirmed["Location"] == "/accounts/password/set/"
    assert visitor.cookies["session"].value != before  # reauthentication changes the session id
    assert done.status_code == 302
    assert owner.check_password(MINE)
    assert is_signed_in(visitor)


@pytest.mark.parametrize(
    ("language", "subject", "warning"),
    [
        ("en", "Your code to confirm that it is you", "Give this code to nobody"),
        ("ko", "본인 확인 코드", "이 코드를 아무에게도 알려 주지 말고"),
    ],
)
def test_the_mail_warns_and_links_to_the_devices_page(
    kakao, walk, visitor, deliver, language, subject, warning
):
    walk(kakao)
    User.objects.update(locale=language)

    visitor.post(
        CODE, {"recipient": User.objects.get().email}, headers={"accept-language": language}
    )
    mail = deliver()[-1]
    html = mail.alternatives[0][0]

    assert mail.subject == f"[Munjigi] {subject}"
    for text in (mail.body, html):
        assert warning in text
        assert "http://testserver/accounts/sessions/" in text


def test_a_new_code_replaces_the_former(kakao, walk, visitor, deliver):
    walk(kakao)
    address = User.objects.get().email
    visitor.post(CODE, {"recipient": address})
    first = code_in(deliver()[-1])
    page = visitor.get(CONFIRM)

    visitor.post(CODE, {"recipient": address})
    second = code_in(deliver()[-1])
    refused = visitor.post(CONFIRM, {"code": first})
    taken = visitor.post(CONFIRM, {"code": second})

    assert f'href="{CODE}"' in page.text
    assert first != second
    assert "You have 4 tries left" in refused.text
    assert taken.status_code == 302


def test_a_user_with_a_password_may_choose(signed_in, user, deliver):
    let_proofs_age()
    asked = signed_in.post("/accounts/email/", {"action_add": "", "email": "New@example.com"})
    page = signed_in.get(asked["Location"])
    other = signed_in.get(CODE)
    signed_in.post(CODE, {"recipient": user.email})
    signed_in.post(CONFIRM, {"code": code_in(deliver()[-1])})
    changed = signed_in.post("/accounts/email/", {"action_add": "", "email": "New@example.com"})

    assert asked["Location"].startswith("/accounts/reauthenticate/?")
    assert "Send me a code by mail" in page.text
    assert f"{CODE}?next=" in page.text
    assert "Use your password" in other.text
    assert changed["Location"] == "/accounts/confirm-email/"


def test_with_several_verified_addresses_one_is_chosen(signed_in, user, deliver):
    EmailAddress.objects.create(user=user, email="second@example.com", verified=True)

    page = signed_in.get(CODE)
    signed_in.post(CODE, {"recipient": "second@example.com"})

    assert f'name="recipient" value="{user.email}" checked' in page.text
    assert 'name="recipient" value="second@example.com" required' in page.text
    assert deliver()[-1].to == ["second@example.com"]


def test_an_anonymous_visitor_is_sent_to_the_sign_in(client):
    for path in (CODE, CONFIRM):
        assert client.get(path)["Location"].startswith("/accounts/login/")


def test_a_password_still_confirms(signed_in, user):
    UserFactory()
    answer = signed_in.post("/accounts/reauthenticate/", {"password": PASSWORD})

    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/"
