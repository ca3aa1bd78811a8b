"""Sign in by Naver: it doesn't verify emails, and native apps can't sign in with its tokens."""

import json
from unittest.mock import ANY

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.people.models import User
from accounts.signins.models import AuthSession
from demo import misbehaviour
from tests.kit.clients import is_signed_in
from tests.kit.mails import code_in
from tests.kit.problems import invalid

pytestmark = pytest.mark.django_db
MINJI, HAJUN = (
    "q8Zt3mXv0aR-Wn5cYk2LhPd7Uqs1JbGf9iOoT4xEwHA",
    "m2Xc7WfLp9Yq0VtRb5Jn-Kh3ZsGe8Ud1AoTi4yMrQx6",
)


@pytest.fixture
def confirm(visitor, deliver):
    """Type the code of the last mail."""

    def run():
        code = code_in(deliver()[-1])
        return visitor.post("/accounts/confirm-email/", {"code": code})

    return run


def test_a_new_user_confirms_the_address_by_code_only_once(naver, walk, confirm):
    start = walk(naver)
    done = confirm()
    again = Client()
    walk(naver, again)

    assert start["Location"] == "/accounts/confirm-email/"
    assert done["Location"] == "/accounts/"
    assert done.cookies["last-used"].value == "naver"
    assert is_signed_in(again)
    assert User.objects.get().display_name == "김민지"
    assert [session.amr for session in AuthSession.objects.all()] == [["naver"]] * 2
    [account] = SocialAccount.objects.values("provider", "uid", "extra_data")
    assert account == {
        "provider": "naver",
        "uid": MINJI,
        "extra_data": {"email": "minji.kim@example.com"},
    }


def test_without_an_address_it_is_asked_for(naver, walk, visitor, confirm):
    answer = walk(naver, identity=HAJUN)
    visitor.post("/accounts/3rdparty/signup/", {"email": "hajun@example.org"})
    confirm()

    assert answer["Location"] == "/accounts/3rdparty/signup/"
    assert is_signed_in(visitor)
    assert SocialAccount.objects.get().extra_data == {"name": "정하준"}


def test_no_claim_in_the_profile_makes_an_address_verified(naver, walk, visitor):
    naver.misbehave("boastful_member")

    walk(naver)

    assert EmailAddress.objects.get().verified is False
    assert not is_signed_in(visitor)


def test_a_posted_answer_is_no_server_error(naver, visitor):
    start = visitor.post("/accounts/naver/login/")
    back = naver.consent(start["Location"])
    path, _, query = back.partition("?")

    answer = visitor.post(path, query, content_type="application/x-www-form-urlencoded")

    assert answer.status_code < 500


def test_an_app_learns_that_naver_has_no_native_door(naver, send):
    tokens = naver.native(client_id="naver-web")

    ours = send("api", naver, tokens)
    headless = send("headless", naver, tokens | {"client_id": "naver-web"})

    assert (ours.status_code, ours.json()) == (400, invalid(("/provider", "invalid_choice")))
    assert (headless.status_code, headless.json()) == (
        400,
        {
            "status": 400,
            "errors": [
                {
                    "message": ANY,
                    "code": "token_authentication_not_supported",
                    "param": "provider",
                }
            ],
        },
    )
    assert not User.objects.exists()


def test_the_schema_offers_the_native_door_of_google_and_kakao_only(client):
    schema = client.get("/api/schema/", headers={"accept": "application/json"}).json()

    body = json.dumps(schema["components"]["schemas"])
    assert '"kakao"' in body
    assert '"naver"' not in body


@pytest.mark.sweep
@pytest.mark.parametrize("fault", sorted(misbehaviour.MEMBERS))
def test_a_faulty_profile_signs_nobody_in(naver, walk, visitor, fault):
    naver.misbehave(fault)

    answer = walk(naver)

    assert not is_signed_in(visitor)
    if fault in {"strange_member_name", "number_member_name", "boastful_member"}:
        assert answer["Location"] == "/accounts/confirm-email/"
        assert User.objects.get().display_name in {"가" * 80, "", "김민지"}
    elif fault == "strange_member_email":
        assert answer["Location"] == "/accounts/3rdparty/signup/"
    else:
        assert answer.status_code == 401
        assert 'href="/accounts/login/"' in answer.text
        assert not User.objects.exists()


@pytest.mark.parametrize("fault", ["other_resultcode", "unprintable_member_id"])
def test_a_profile_without_an_id_ends_on_a_page_with_a_way_back(naver, walk, fault):
    naver.misbehave(fault)

    answer = walk(naver)

    assert answer.status_code == 401
    assert 'href="/accounts/login/"' in answer.text
    assert not User.objects.exists()
