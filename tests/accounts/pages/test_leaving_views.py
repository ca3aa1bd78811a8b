"""The page that deletes an account."""

import pytest

from accounts.people.models import User
from tests.kit.clients import is_signed_in, sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.proofs import let_proofs_age

PATH = "/accounts/delete/"


def prove(browser):
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            [
                "Delete my account",
                "For 7 days",
                "To keep the account, sign in",
                "without your name",
            ],
        ),
        ("ko", ["계정 삭제하기", "7일 동안", "어떤 방법으로든 로그인하면", "이름·주소·기기 없이"]),
    ],
)
def test_the_page_says_what_happens_and_when(signed_in, language, words):
    headers = {"accept-language": language}
    prove(signed_in)

    profile = signed_in.get("/accounts/profile/", headers=headers).text
    page = signed_in.get(PATH, headers=headers).text

    assert f'href="{PATH}"' in profile
    assert 'href="/accounts/data/"' in profile
    for text in words:
        assert text in page


def test_a_deletion_signs_out_and_a_sign_in_undoes_it(signed_in, user):
    prove(signed_in)

    answer = signed_in.post(PATH)
    shown = signed_in.get(answer.headers["Location"]).text

    assert answer.headers["Location"] == "/accounts/login/"
    assert not is_signed_in(signed_in)
    assert "Your account will be deleted on" in shown
    assert "To keep it, sign in before then." in shown
    sign_in(signed_in, user)
    assert is_signed_in(signed_in)
    assert User.objects.get().erase_at is None


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_old_proof_is_asked_for_again(signed_in, method):
    let_proofs_age()

    response = getattr(signed_in, method)(PATH)

    assert response.headers["Location"].startswith("/accounts/reauthenticate/?next=")
    assert User.objects.get().erase_at is None


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_visitor_is_sent_to_the_sign_in_page(browser, db, method):
    response = getattr(browser, method)(PATH)

    assert response.headers["Location"].startswith("/accounts/login/")


def test_a_get_deletes_nothing(signed_in):
    prove(signed_in)

    assert signed_in.get(PATH).status_code == 200
    assert User.objects.get().erase_at is None


def test_the_last_administrator_is_told_why_not(browser, db):
    admin = UserFactory(admin=True)
    sign_in(browser, admin)
    prove(browser)

    shown = browser.get(browser.post(PATH).headers["Location"]).text

    assert "You are the only administrator" in shown
    assert is_signed_in(browser)
