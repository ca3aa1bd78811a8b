"""Sign in by the stand-ins through the web flow: who is signed in, and which data the site stores."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.test import Client
from django_redis import get_redis_connection

from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit import stored_sessions
from tests.kit.clients import is_signed_in
from tests.kit.factories import PASSWORD, UserFactory

ALL = pytest.mark.parametrize("standin", ["google", "kakao", "naver"], indirect=True)
VOUCHING = pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)
ENGLISH, KOREAN = ["google", "kakao", "naver"], ["kakao", "naver", "google"]
pytestmark = pytest.mark.django_db


@VOUCHING
def test_a_new_user_gets_an_account_and_signs_in_to_it_again(standin, walk):
    first, again = Client(), Client()
    answer = walk(standin, first)
    walk(standin, again)

    assert answer["Location"] == "/accounts/"
    assert is_signed_in(first)
    assert is_signed_in(again)
    user = User.objects.get()
    assert user.email == "minji.kim@example.com"
    assert user.display_name in {"Minji Kim", "민지"}
    assert EmailAddress.objects.get().verified
    assert [session.amr for session in AuthSession.objects.all()] == [[standin.name]] * 2


@VOUCHING
def test_only_the_shown_data_of_a_provider_account_is_stored(standin, walk):
    walk(standin)

    assert SocialAccount.objects.get().extra_data == {"email": "minji.kim@example.com"}
    assert not SocialToken.objects.exists()


def test_without_an_email_the_name_is_stored(kakao, walk, visitor, deliver):
    walk(kakao, identity="4012345673")
    visitor.post("/accounts/3rdparty/signup/", {"email": "seoyeon@example.org"})

    assert SocialAccount.objects.get().extra_data == {"name": "서연"}


def test_an_unfinished_sign_up_keeps_no_provider_token_in_the_session(kakao, walk):
    answer = walk(kakao, identity="4012345673")

    assert answer["Location"] == "/accounts/3rdparty/signup/"
    store = get_redis_connection("sessions")
    (name,) = stored_sessions.names(store)
    entries = stored_sessions.opened(store, name)["d"]
    assert "socialaccount_sociallogin" in entries
    assert '"token":' not in json.dumps(entries)


@pytest.mark.parametrize(
    ("standin", "identity"),
    [
        ("google", "100000000000000000003"),
        ("kakao", "4012345672"),
        ("naver", None),
    ],
    indirect=["standin"],
)
def test_an_email_the_provider_has_not_verified_is_verified_by_mail(
    standin, identity, walk, visitor
):
    answer = walk(standin, identity=identity)

    assert answer["Location"] == "/accounts/confirm-email/"
    assert not is_signed_in(visitor)
    assert not EmailAddress.objects.get().verified


@ALL
def test_a_denial_ends_on_a_page_with_a_way_back(standin, walk, visitor):
    answer = walk(standin, choice="cancel")

    assert answer["Location"] == "/accounts/3rdparty/login/cancelled/"
    page = visitor.get(answer["Location"])
    assert page.status_code == 200
    assert 'href="/accounts/login/"' in page.text
    assert not User.objects.exists()


@ALL
@pytest.mark.parametrize("error", ["server_error", "temporarily_unavailable", "\x00", "가", ""])
def test_a_providers_error_ends_on_a_page_with_a_way_back(standin, visitor, error):
    start = visitor.post(f"/accounts/{standin.name}/login/")
    [state] = parse_qs(urlsplit(start["Location"]).query)["state"]

    page = visitor.get(
        f"/accounts/{standin.name}/login/callback/", {"state": state, "error": error}
    )

    assert page.status_code == 401
    assert 'href="/accounts/login/"' in page.text


def test_two_sign_ups_at_once_make_one_account(google, walk, visitor, monkeypatch):
    """The second of two requests finds the other's row only when it writes its own."""
    walk(google, Client())
    EmailAddress.objects.all().delete()
    User.objects.update(email="elsewhere@example.com")
    monkeypatch.setattr(
        "allauth.socialaccount.models.SocialLogin._lookup_by_socialaccount", lambda self: False
    )

    answer = walk(google)

    assert answer.status_code == 409
    assert User.objects.count() == SocialAccount.objects.count() == 1


@VOUCHING
def test_a_disabled_account_is_not_signed_in(standin, walk, visitor):
    walk(standin, Client())
    User.objects.update(is_active=False)

    walk(standin)

    assert not is_signed_in(visitor)


def test_a_native_apps_client_has_no_button_of_its_own(client, db, google):
    page = client.get("/accounts/login/")

    assert page.text.count('action="/accounts/google/login/') == 1


def buttons(browser, language="en"):
    """Return the sign-in page's providers in their order, the marked one with a star."""
    page = browser.get("/accounts/login/", headers={"accept-language": language}).text
    return [
        name + ("*" if "aria-describedby" in attributes else "")
        for name, attributes in re.findall(r'<button class="provider (\w+)"([^>]*)>', page)
    ]


def test_the_language_decides_the_order_of_the_buttons(visitor):
    assert buttons(visitor, "ko") == KOREAN
    assert buttons(visitor, "en") == ENGLISH


@VOUCHING
def test_the_provider_used_last_is_marked(standin, walk, visitor):
    assert buttons(visitor) == ENGLISH
    cookie = walk(standin).cookies["last-used"]
    visitor.post("/accounts/logout/")

    assert buttons(visitor) == [name + ("*" if name == standin.name else "") for name in ENGLISH]
    assert (cookie.value, cookie["httponly"], cookie["samesite"], cookie["path"]) == (
        standin.name,
        True,
        "Lax",
        "/",
    )
    assert cookie["max-age"] == 365 * 24 * 3600


def test_a_sign_in_by_password_removes_the_mark(google, walk, visitor):
    user = UserFactory()
    walk(google)
    visitor.post("/accounts/logout/")

    visitor.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    visitor.post("/accounts/logout/")

    assert buttons(visitor) == ENGLISH
    assert not visitor.cookies["last-used"].value


@pytest.mark.parametrize("value", ["<script>", "nobody", "google kakao", ""])
def test_an_invalid_mark_marks_no_button(visitor, value):
    visitor.cookies["last-used"] = value

    assert buttons(visitor) == ENGLISH
