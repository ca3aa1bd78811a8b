"""Connect a provider to the account with the same verified address, after one proof of the account."""

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.federation.linking import links
from accounts.people.models import User
from accounts.signins.models import AuthSession
from accounts.store import clocks
from tests.kit.clients import is_signed_in
from tests.kit.connections import linked
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in
from tests.kit.outage import without_redis
from tests.kit.standins import CODE_PAGE as CODE
from tests.kit.standins import LINK_PAGE as PAGE
from tests.kit.standins import MINJI

BOTH = pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)
HOME = "/accounts/"
CONNECTED = "An account was connected"
pytestmark = pytest.mark.django_db


@BOTH
def test_the_password_links_and_the_provider_signs_in_from_then_on(
    standin, owner, walk, visitor, prove, deliver
):
    asked = walk(standin)
    page = visitor.get(PAGE)

    assert (asked.status_code, asked["Location"]) == (302, PAGE)
    assert not is_signed_in(visitor)
    assert not linked()
    assert not deliver()
    assert page.status_code == 200
    assert f'<b class="address">{MINJI}</b>' in page.text
    assert "no-store" in page["Cache-Control"]
    answer = prove(password=PASSWORD)
    later = Client()
    walk(standin, later)

    assert (answer.status_code, answer["Location"]) == (302, HOME)
    assert is_signed_in(visitor)
    assert is_signed_in(later)
    assert linked() == {(standin.name, MINJI)}
    assert [mail.to for mail in deliver() if CONNECTED in mail.subject] == [[MINJI]]
    assert "account was connected" in deliver()[0].subject
    event = AuditEvent.objects.get(type=AuditEvent.Type.SOCIAL_CONNECTED)
    assert (event.user, event.reason) == (owner, standin.name)
    assert links.ENTRY not in visitor.session
    assert "connected" in visitor.get(HOME).text


def test_an_unverified_address_does_not_reveal_an_account(naver, owner, walk, visitor, deliver):
    answer = walk(naver)

    assert answer["Location"] == "/accounts/confirm-email/"
    assert links.ENTRY not in visitor.session
    assert not is_signed_in(visitor)
    assert not linked()
    assert [mail.to for mail in deliver()] == [[MINJI]]


def test_a_mailed_code_links(kakao, owner, walk, visitor, prove, deliver):
    walk(kakao)

    sent = prove("code")
    wrong = visitor.post(sent["Location"], {"code": "0000-0000"})
    refused = (is_signed_in(visitor), linked())
    answer = visitor.post(sent["Location"], {"code": code_in(deliver()[0])})

    assert sent["Location"] == CODE
    assert deliver()[0].to == [MINJI]
    assert "The code also connects Kakao" in deliver()[0].body
    assert "The code also connects Kakao" in deliver()[0].alternatives[0][0]
    assert "The code also connects Kakao" in wrong.text
    assert f'<a class="button quiet" href="{PAGE}">Another way, or another code</a>' in wrong.text
    assert wrong.status_code == 200
    assert refused == (False, set())
    assert answer["Location"] == HOME
    assert linked() == {("kakao", MINJI)}
    assert AuthSession.objects.get().amr == ["otp"]


def test_a_provider_that_is_connected_already_links(google, kakao, owner, walk, visitor, prove):
    walk(google)
    prove(password=PASSWORD)
    visitor.post("/accounts/logout/")
    walk(kakao)

    start = prove("google")
    answer = visitor.get(google.consent(start["Location"]))

    assert answer["Location"] == HOME
    assert linked() == {("google", MINJI), ("kakao", MINJI)}


def test_the_link_page_redirects_to_the_next_parameter(kakao, owner, visitor, prove):
    start = visitor.post("/accounts/kakao/login/?next=/accounts/sessions/")
    visitor.get(kakao.consent(start["Location"]))

    assert prove(password=PASSWORD)["Location"] == "/accounts/sessions/"


def test_the_page_offers_only_proofs_that_the_account_has(kakao, owner, walk, visitor):
    User.objects.filter(pk=owner.pk).update(password="!")
    walk(kakao)

    page = visitor.get(PAGE, headers={"accept-language": "ko"}).text

    assert 'type="password"' not in page
    assert 'value="code"' in page
    assert 'value="google"' not in page
    assert "카카오" in page


def test_not_now_forgets_the_link(kakao, owner, walk, visitor, prove):
    walk(kakao)

    assert prove("none")["Location"] == "/accounts/login/"
    assert links.ENTRY not in visitor.session
    assert visitor.get(PAGE)["Location"] == "/accounts/login/"


def test_a_provider_connected_elsewhere_meanwhile_shows_an_error(
    kakao, owner, user, walk, visitor, prove
):
    walk(kakao)
    uid = visitor.session[links.ENTRY]["uid"]
    SocialAccount.objects.create(user=user, provider="kakao", uid=uid)

    prove(password=PASSWORD)

    assert is_signed_in(visitor)
    assert linked() == {("kakao", user.email)}
    assert "connected to another account" in visitor.get(HOME).text


def test_a_provider_connected_at_the_same_time_shows_an_error(
    kakao, owner, user, walk, visitor, prove, monkeypatch
):
    """The unique constraint decides, and the loser's other writes are rolled back."""
    walk(kakao)
    uid = visitor.session[links.ENTRY]["uid"]
    connect = links.SocialLogin.connect

    def raced(login, request, to):
        SocialAccount.objects.bulk_create([SocialAccount(user=user, provider="kakao", uid=uid)])
        monkeypatch.undo()
        connect(login, request, to)

    monkeypatch.setattr(links.SocialLogin, "connect", raced)

    answer = prove(password=PASSWORD)

    assert answer["Location"] == HOME
    assert is_signed_in(visitor)
    assert not SocialAccount.objects.filter(user=owner).exists()


def move(owner):
    EmailAddress.objects.filter(user=owner).update(email="elsewhere@example.com")
    User.objects.filter(pk=owner.pk).update(email="elsewhere@example.com")


def test_a_changed_address_leads_back_to_the_sign_in(kakao, owner, walk, visitor, deliver):
    """The site mails no code to the former address, and doesn't show its owner the new one."""
    walk(kakao)
    key = visitor.session[links.ENTRY]["key"]
    move(owner)

    answers = [visitor.post(PAGE, {"link": key, "proof": "code"}), visitor.get(PAGE)]

    assert {answer["Location"] for answer in answers} == {"/accounts/login/"}
    assert not deliver()
    assert not is_signed_in(visitor)


@pytest.mark.parametrize("door", ["page", "headless"])
def test_a_code_sent_to_a_former_address_signs_nobody_in(
    kakao, owner, walk, visitor, prove, deliver, door
):
    walk(kakao)
    prove("code")
    form = {"code": code_in(deliver()[0])}
    move(owner)

    if door == "page":
        answer = visitor.post(CODE, form)
    else:
        path = "/_allauth/browser/v1/auth/code/confirm"
        answer = visitor.post(path, form, content_type="application/json")

    assert answer.status_code == 403
    assert not is_signed_in(visitor)
    assert not linked()
    assert len(deliver()) == 1
    assert EmailAddress.objects.get().email == "elsewhere@example.com"


def test_a_code_proves_only_the_link_that_requested_it(
    kakao, google, owner, walk, visitor, prove, deliver
):
    """Another visitor of the same browser may have started a link before the code was typed."""
    walk(kakao)
    prove("code")
    walk(google)

    visitor.post(CODE, {"code": code_in(deliver()[0])})

    assert is_signed_in(visitor)
    assert not linked()


def test_a_sign_in_that_began_before_the_link_proves_nothing(kakao, walk, visitor, deliver):
    UserFactory(email=MINJI, staff=True, verified=False)
    visitor.post("/accounts/login/", {"login": MINJI, "password": PASSWORD})
    walk(kakao)

    visitor.post("/accounts/confirm-email/", {"code": code_in(deliver()[0])})

    assert is_signed_in(visitor)
    assert not linked()


def test_the_link_page_of_a_deleted_account_leads_back(kakao, owner, walk, visitor):
    walk(kakao)
    owner.delete()

    assert visitor.get(PAGE)["Location"] == "/accounts/login/"


def test_the_link_survives_an_outage_of_redis(kakao, owner, walk, visitor, prove, settings):
    walk(kakao)
    key = visitor.session[links.ENTRY]["key"]
    with without_redis(settings):
        answers = [visitor.get(PAGE), visitor.post(PAGE, {"link": key, "password": PASSWORD})]
    clocks.forget()

    assert [answer.status_code for answer in answers] == [503, 503]
    assert not linked()
    assert prove(password=PASSWORD)["Location"] == HOME
    assert linked() == {("kakao", MINJI)}


def test_two_tabs_link_once(kakao, owner, walk, visitor, prove, deliver):
    other = Client(raise_request_exception=False)
    walk(kakao)
    walk(kakao, other)

    prove(password=PASSWORD)
    prove(browser=other, password=PASSWORD)

    assert is_signed_in(visitor)
    assert is_signed_in(other)
    assert linked() == {("kakao", MINJI)}
    assert len([mail for mail in deliver() if CONNECTED in mail.subject]) == 1


def test_a_signed_in_user_must_also_prove_the_account(kakao, owner, signed_in, walk):
    answer = walk(kakao, signed_in)

    assert answer["Location"] == PAGE
    assert signed_in.get(PAGE).status_code == 200
    assert not is_signed_in(signed_in)
    assert not linked()


@pytest.mark.parametrize("entry", [None, "x", [], {}, {"provider": "kakao"}, {"key": 1}])
def test_an_entry_of_another_release_is_no_link(visitor, entry):
    session = visitor.session
    session[links.ENTRY] = entry
    session.save()
    visitor.cookies["session"] = session.session_key

    assert visitor.get(PAGE)["Location"] == "/accounts/login/"


def test_an_administrators_unproved_account_needs_password_and_mail(
    kakao, walk, visitor, prove, deliver
):
    UserFactory(email=MINJI, staff=True, verified=False)
    walk(kakao)

    asked = prove(password=PASSWORD)
    before = (is_signed_in(visitor), linked())
    visitor.post(asked["Location"], {"code": code_in(deliver()[-1])})

    assert asked["Location"] == "/accounts/confirm-email/"
    assert before == (False, set())
    assert is_signed_in(visitor)
    assert linked() == {("kakao", MINJI)}
