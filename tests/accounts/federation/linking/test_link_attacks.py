"""Attack the linking of providers: no attack connects a provider without the owner's consent."""

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.federation.linking import links
from accounts.people.models import User
from tests.kit.clients import CHROME, is_signed_in
from tests.kit.connections import linked
from tests.kit.factories import PASSWORD
from tests.kit.mails import code_in
from tests.kit.standins import CODE_PAGE as CODE
from tests.kit.standins import LINK_PAGE as PAGE
from tests.kit.standins import MINJI

BOTH = pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)
HOME = "/accounts/"
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("sign_in", ["password", "google"])
def test_a_link_that_somebody_left_in_a_shared_browser_is_forgotten(
    kakao, google, owner, walk, visitor, prove, sign_in
):
    """The attacker's provider account may have the victim's address. Only the link page may link it."""
    SocialAccount.objects.create(user=owner, provider="google", uid="100000000000000000001")
    walk(kakao)

    if sign_in == "password":
        visitor.post("/accounts/login/", {"login": MINJI, "password": PASSWORD})
    else:
        walk(google)

    assert is_signed_in(visitor)
    assert linked() == {("google", MINJI)}
    assert links.ENTRY not in visitor.session


def test_a_sign_in_as_somebody_else_links_nothing(kakao, owner, user, walk, visitor, prove):
    owner.set_password("another pass phrase")
    owner.save()
    walk(kakao)

    named = prove(password=PASSWORD, login=user.email)
    visitor.post("/accounts/login/", {"login": user.email, "password": PASSWORD})

    assert named.status_code == 200
    assert is_signed_in(visitor)
    assert not linked()
    assert visitor.get(PAGE)["Location"] == "/accounts/login/"


def test_a_provider_of_somebody_else_links_nothing(
    google, kakao, owner, user, walk, visitor, prove
):
    SocialAccount.objects.create(user=owner, provider="google", uid="owners")
    SocialAccount.objects.create(user=user, provider="google", uid="100000000000000000001")
    walk(kakao)

    start = prove("google")
    visitor.get(google.consent(start["Location"]))

    assert {one.provider for one in SocialAccount.objects.filter(user=user)} == {"google"}
    assert not SocialAccount.objects.filter(provider="kakao").exists()


def test_a_sign_out_and_in_links_nothing(kakao, owner, walk, visitor):
    walk(kakao)
    visitor.post("/accounts/logout/")

    visitor.post("/accounts/login/", {"login": MINJI, "password": PASSWORD})

    assert is_signed_in(visitor)
    assert not linked()


def test_the_page_of_another_tab_links_nothing(google, kakao, owner, walk, visitor, prove):
    walk(kakao)
    key = visitor.session[links.ENTRY]["key"]
    walk(google)

    answer = visitor.post(PAGE, {"link": key, "password": PASSWORD})

    assert answer["Location"] == PAGE
    assert not is_signed_in(visitor)
    assert not linked()


def test_an_expired_link_links_nothing(kakao, owner, walk, visitor, prove, deliver, monkeypatch):
    walk(kakao)
    sent = prove("code")
    monkeypatch.setattr(links, "SECONDS", 0)

    visitor.post(sent["Location"], {"code": code_in(deliver()[0])})

    assert is_signed_in(visitor)
    assert not linked()
    other = Client()
    walk(kakao, other)
    assert other.get(PAGE)["Location"] == "/accounts/login/"


def test_a_forged_form_is_refused(kakao, owner, walk):
    browser = Client(enforce_csrf_checks=True, headers={"user-agent": CHROME})
    session = browser.session
    session[links.ENTRY] = {
        **vars(links.Link("kakao", "1", {}, MINJI, str(owner.pk), key="known")),
    }
    session.save()
    browser.cookies["session"] = session.session_key

    answer = browser.post(PAGE, {"link": "known", "password": PASSWORD})

    assert answer.status_code == 403
    assert not linked()


def test_wrong_passwords_lock_the_link_page_like_the_login_page(kakao, owner, walk, visitor, prove):
    walk(kakao)

    for _ in range(5):
        assert prove(password="wrong").status_code == 200
    prove(password=PASSWORD)

    assert not is_signed_in(visitor)
    assert not linked()


def test_the_page_is_not_for_signed_in_users(kakao, owner, user, walk, visitor):
    """Otherwise they could prove the account of another user."""
    walk(kakao)
    link = visitor.session[links.ENTRY]
    visitor.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    session = visitor.session
    session[links.ENTRY] = link
    session.save()

    answers = [visitor.post(PAGE, {"link": link["key"], "proof": "code"}), visitor.get(PAGE)]

    assert {answer["Location"] for answer in answers} == {"/accounts/login/"}
    assert links.ENTRY not in visitor.session


def test_codes_are_mailed_three_times_a_minute_at_most(kakao, owner, walk, visitor, prove, deliver):
    """The limit includes repeated requests for the same code."""
    walk(kakao)

    answers = []
    for _ in range(4):
        answers.append(prove("code").status_code)
        visitor.post(CODE, {"action": "resend"})

    assert answers == [302, 302, 302, 429]
    assert len(deliver()) == 3


def test_an_account_refused_after_its_code_was_mailed_stays_out(
    kakao, owner, walk, visitor, prove, deliver, settings
):
    """A demo account's password is public, so no door opens the account without DEMO=1."""
    walk(kakao)
    prove("code")
    settings.REFUSED_EMAILS = {owner.email}

    answer = visitor.post(CODE, {"code": code_in(deliver()[0])})

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/inactive/")
    assert not is_signed_in(visitor)
    assert not linked()


@pytest.mark.parametrize("process", ["x", "LOGIN", ""])
def test_an_unknown_process_parameter_counts_as_a_sign_in(kakao, owner, visitor, process, deliver):
    start = visitor.post(f"/accounts/kakao/login/?process={process}")
    asked = visitor.get(kakao.consent(start["Location"]))

    assert (asked.status_code, asked["Location"]) == (302, PAGE)
    assert not deliver()


def test_skipping_the_code_stage_links_nothing(kakao, owner, walk, visitor, prove, monkeypatch):
    """A setting may make allauth skip its stage. Then the account is not proved, and nothing is linked."""
    monkeypatch.setattr("allauth.account.stages.LoginByCodeStage.handle", lambda self: (None, True))
    walk(kakao)

    assert prove("code").status_code == 403
    assert not is_signed_in(visitor)
    assert not linked()


def test_a_disabled_account_is_not_signed_in_and_not_linked(
    kakao, owner, walk, visitor, prove, deliver
):
    User.objects.update(is_active=False)
    walk(kakao)

    answers = [prove(password=PASSWORD).status_code, prove("code")["Location"]]

    assert answers == [200, "/accounts/inactive/"]
    assert not deliver()
    assert not is_signed_in(visitor)
    assert not linked()


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"proof": "\x00"},
        {"proof": "kakao"},
        {"proof": "password"},
        {"password": "\x00"},
        {"password": "가" * 5000},
        {"proof": ["code", "x"]},
    ],
)
def test_garbage_signs_nobody_in(kakao, owner, walk, visitor, prove, form):
    walk(kakao)
    key = visitor.session[links.ENTRY]["key"]

    answers = [visitor.post(PAGE, form | {"link": one}) for one in (key, "", "\x00", "가")]

    assert {answer.status_code for answer in answers} <= {200, 302}
    assert not is_signed_in(visitor)
    assert visitor.put(PAGE).status_code == 405


@BOTH
def test_an_unverified_account_loses_the_address_to_its_owner(standin, walk, visitor, deliver):
    """The attacker never verified the address, so that account loses it and its password stops working."""
    attacker = Client()
    attacker.post("/accounts/signup/", {"email": MINJI, "password1": "an attacker's phrase"})
    SocialAccount.objects.create(user=User.objects.get(), provider="google", uid="attacker")

    answer = walk(standin)
    attacker.post("/accounts/login/", {"login": MINJI, "password": "an attacker's phrase"})

    assert answer["Location"] == HOME
    assert not is_signed_in(attacker)
    assert linked() == {(standin.name, MINJI)}
    assert SocialAccount.objects.get().uid != "attacker"


def test_an_account_with_an_unverified_address_is_not_linked(kakao, user, walk, visitor):
    EmailAddress.objects.create(user=user, email=MINJI, verified=False)

    answer = walk(kakao)

    assert answer["Location"] == HOME
    assert linked() == {("kakao", MINJI)}
    assert not SocialAccount.objects.filter(user=user).exists()
