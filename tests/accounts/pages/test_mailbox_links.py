"""Connect a provider to the account whose address was typed at the sign-up, by a mailed code."""

import secrets
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import CHROME, is_signed_in
from tests.kit.factories import UserFactory
from tests.kit.mails import code_in

pytestmark = pytest.mark.django_db
FORM, CONFIRM, LOGIN = "/accounts/3rdparty/signup/", "/accounts/confirm-email/", "/accounts/login/"
SHY = "4012345673"
"""A person at Kakao who shares no address."""
UNPROVED = "4012345672"
"""A person at Kakao whose address Kakao has not verified."""
NEW = "new@example.org"


@pytest.fixture(autouse=True)
def codes_at_any_time(settings):
    """Mail codes without a pause between them."""
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"confirm_email": None}


@pytest.fixture
def sign_up(kakao, walk):
    """Sign up by Kakao and type this address. Returns the browser."""

    def run(email, browser=None, identity=SHY):
        browser = browser or new_browser()
        answer = walk(kakao, browser, identity=identity)
        assert answer["Location"] == FORM
        answer = browser.post(FORM, {"email": email})
        assert answer["Location"] == CONFIRM
        return browser

    return run


def new_browser():
    return Client(raise_request_exception=False, headers={"user-agent": CHROME})


def enter(browser, mail):
    return browser.post(CONFIRM, {"code": code_in(mail)})


def connected():
    return set(SocialAccount.objects.values_list("provider", "uid", "user__email"))


def test_the_mailed_code_connects_and_signs_in(user, sign_up, deliver, walk, kakao):
    browser = sign_up(user.email)
    (mail,) = deliver()
    answer = enter(browser, mail)
    later = new_browser()
    walk(kakao, later, identity=SHY)

    assert mail.to == [user.email]
    assert answer["Location"] == "/accounts/"
    assert is_signed_in(browser)
    assert is_signed_in(later)
    assert connected() == {("kakao", SHY, user.email)}
    assert User.objects.count() == 1
    event = AuditEvent.objects.get(type=AuditEvent.Type.SOCIAL_CONNECTED)
    assert (event.user, event.reason) == (user, "kakao")
    assert "account was connected" in deliver()[1].subject
    assert "connected" in browser.get("/accounts/").text
    assert AuthSession.objects.earliest("created_at").amr == ["otp"]


@pytest.mark.parametrize(
    ("locale", "subject", "text"),
    [
        ("en", "Connect Kakao to your account?", "Don't give this code to anybody"),
        ("ko", "카카오 계정을 연결할까요?", "이 코드를 아무에게도 알려 주지 마세요"),
    ],
)
def test_the_mail_says_who_asks_and_what_to_do(user, sign_up, deliver, locale, subject, text):
    User.objects.update(locale=locale)

    sign_up(user.email)
    (mail,) = deliver()

    assert mail.subject.endswith(subject)
    assert text in mail.body
    assert text in mail.alternatives[0][0]
    assert user.email in mail.body
    assert "password" not in mail.body


def test_a_new_code_is_mailed_as_well_and_the_old_one_stops(user, sign_up, deliver):
    browser = sign_up(user.email)
    browser.post(CONFIRM, {"action": "resend"})
    old, new = deliver()

    enter(browser, old)
    refused = is_signed_in(browser)
    enter(browser, new)

    assert not refused
    assert is_signed_in(browser)


def test_an_address_that_kakao_does_not_vouch_for_is_connected(kakao, walk, deliver):
    user = UserFactory(email="doyun.lee@example.com")
    browser = new_browser()

    answer = walk(kakao, browser, identity=UNPROVED)
    enter(browser, deliver()[0])

    assert answer["Location"] == CONFIRM
    assert is_signed_in(browser)
    assert connected() == {("kakao", UNPROVED, user.email)}


def test_an_address_of_naver_is_connected(naver, walk, owner, visitor, deliver):
    walk(naver)
    enter(visitor, deliver()[0])

    assert is_signed_in(visitor)
    assert [each[0::2] for each in connected()] == [("naver", owner.email)]


def test_the_visitor_lands_where_the_sign_in_began_to_lead(user, kakao, deliver):
    browser = new_browser()
    start = browser.post("/accounts/kakao/login/?next=/accounts/sessions/")
    browser.get(kakao.consent(start["Location"], identity=SHY))
    browser.post(FORM, {"email": user.email})

    assert enter(browser, deliver()[0])["Location"] == "/accounts/sessions/"


# The headless API


@pytest.fixture
def sign_up_by_app(kakao, send, app):
    def run(email):
        nonce = secrets.token_urlsafe()
        tokens = kakao.native(identity=SHY, nonce=nonce)
        pending = send("app", kakao, tokens, nonce=nonce).json()
        token = pending["meta"]["session_token"]
        answer = app("POST", "auth/provider/signup", {"email": email}, x_session_token=token)
        return answer, token

    return run


def test_an_app_connects_by_the_mailed_code(user, sign_up_by_app, app, deliver):
    asked, token = sign_up_by_app(user.email)
    app("POST", "auth/email/verify/resend", x_session_token=token)
    key = {"key": code_in(deliver()[-1])}
    answer = app("POST", "auth/email/verify", key, x_session_token=token)

    assert asked.status_code == 401
    assert answer.status_code == 200
    assert answer.json()["data"]["user"]["email"] == user.email
    assert answer.json()["meta"]["access_token"]
    assert connected() == {("kakao", SHY, user.email)}


def test_an_app_sees_the_same_for_a_known_address(user, sign_up_by_app, app):
    def seen(email):
        answer, token = sign_up_by_app(email)
        later = [
            app("GET", "auth/session", x_session_token=token),
            app("POST", "auth/email/verify", {"key": "0000-0000"}, x_session_token=token),
            app("POST", "auth/email/verify/resend", x_session_token=token),
            app("POST", "auth/provider/signup", {"email": email}, x_session_token=token),
        ]
        return [without_token(each) for each in (answer, *later)]

    assert seen(user.email) == seen(NEW)


def without_token(answer):
    body = answer.json()
    body.get("meta", {}).pop("session_token", None)
    return answer.status_code, body, sorted(answer.headers)


# Nobody learns who has an account


def without_secrets(text, email):
    """Return a page without the parts that differ at every request: the CSRF token and the address."""
    lines = text.replace(email, "ADDRESS").splitlines()
    return [line for line in lines if "csrfmiddlewaretoken" not in line]


def look(browser, email, answer):
    return (
        answer.status_code,
        answer.get("Location"),
        sorted(name for name in answer.headers if name != "Content-Length"),
        sorted(answer.cookies),
        without_secrets(answer.text, email),
    )


def everything(kakao, walk, email, identity=SHY):
    """Return all that a stranger sees who signs up by Kakao with this address, in two browsers."""
    browser, other = new_browser(), new_browser()
    seen = []

    def note(who, answer):
        seen.append(look(who, email, answer))

    def begin(who):
        note(who, walk(kakao, who, identity=identity))
        note(who, who.get(FORM))
        note(who, who.post(FORM, {"email": email}))
        note(who, who.get(CONFIRM))

    begin(browser)
    for form in ({"code": "0000-0000"}, {"code": ""}, {"action": "resend"}, {"action": "change"}):
        note(browser, browser.post(CONFIRM, form))
    begin(other)  # the same person at Kakao, at the same time
    note(browser, browser.get(CONFIRM))
    note(browser, browser.post(CONFIRM, {"action": "resend"}))
    note(browser, browser.post(CONFIRM, {"code": "0000-0000"}))
    note(browser, browser.get(FORM))
    for path, fields in (
        (LOGIN, {"login": email, "password": "some long password"}),
        ("/accounts/signup/", {"email": email, "password1": "some long password"}),
        (LOGIN, {"login": email, "password": "some long password"}),
        ("/accounts/password/reset/", {"email": email}),
    ):
        third = new_browser()
        note(third, third.post(path, fields))
    note(browser, browser.get(CONFIRM))
    for _ in range(6):
        note(other, other.post(CONFIRM, {"code": "0000-0000"}))
    note(other, other.post(CONFIRM, {"action": "restart"}))
    note(other, other.get(FORM))
    return seen


def test_a_page_shows_the_same_for_a_known_address(user, kakao, walk):
    known = everything(kakao, walk, user.email)
    unknown = everything(kakao, walk, NEW)

    for number, (one, two) in enumerate(zip(known, unknown, strict=True)):
        assert one == two, number


def test_the_limits_are_the_same_for_a_known_address(user, kakao, walk, settings, time_machine):
    time_machine.move_to(timezone.now(), tick=False)  # the pages name the seconds to wait
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"confirm_email": "1/600s/key"}

    def seen(email):
        browser, other = new_browser(), new_browser()
        answers = []
        for who in (browser, other):
            walk(kakao, who, identity=SHY)
            answers.append(who.post(FORM, {"email": email}))
            answers.append(who.get(CONFIRM))
            answers.append(who.post(CONFIRM, {"action": "resend"}))
            answers.append(who.get(CONFIRM))
        return [look(None, email, each) for each in answers]

    assert seen(user.email) == seen(NEW)


@pytest.mark.parametrize("path", ["/api/token/", "/api/token/social/"])
def test_the_api_answers_the_same_afterwards(user, kakao, sign_up, post, path):
    def seen(email):
        sign_up(email)
        if path == "/api/token/":
            body = {"email": email, "password": "some long password"}
        else:
            body = {"provider": "kakao"} | kakao.native(identity=SHY, nonce=email)
            body |= {"nonce": email}
        answer = post(path, body)
        return answer.status_code, {**answer.json(), "request_id": None}

    assert seen(user.email) == seen(NEW)


# What the code must not do


def test_the_code_of_another_browser_connects_nothing(user, sign_up, deliver):
    sign_up(user.email)
    thief = sign_up(user.email)

    enter(thief, deliver()[0])

    assert not is_signed_in(thief)
    assert not connected()


def test_the_code_works_once(user, sign_up, deliver):
    browser = sign_up(user.email)
    (mail,) = deliver()
    enter(browser, mail)
    browser.post("/accounts/logout/")

    enter(browser, mail)

    assert not is_signed_in(browser)


def test_a_password_in_the_same_browser_connects_nothing(user, sign_up):
    browser = sign_up(user.email)

    browser.post(LOGIN, {"login": user.email, "password": "correct horse battery staple 42"})

    assert not connected()


def test_an_account_that_lost_the_address_meanwhile_is_not_opened(user, sign_up, deliver):
    browser = sign_up(user.email)
    (mail,) = deliver()
    EmailAddress.objects.filter(user=user).update(email="other@example.org")
    User.objects.update(email="other@example.org")

    answer = enter(browser, mail)

    assert answer["Location"] == FORM
    assert browser.get(FORM).status_code == 200
    assert not is_signed_in(browser)
    assert not connected()


def test_an_account_that_never_proved_the_address_is_not_opened(user, sign_up, deliver):
    """The account has proved another address. Another person reads the mails of this one."""
    EmailAddress.objects.create(user=user, email=NEW, verified=False)
    browser = sign_up(NEW)

    answer = enter(browser, deliver()[0])

    assert answer["Location"] == FORM
    assert not is_signed_in(browser)
    assert not connected()
    assert not EmailAddress.objects.filter(email=NEW).exists()
    assert AuditEvent.objects.get(type=AuditEvent.Type.EMAIL_LOST).user == user


@pytest.mark.parametrize("state", ["before", "meanwhile"])
def test_a_disabled_account_is_not_opened(user, sign_up, deliver, state):
    if state == "before":
        User.objects.update(is_active=False)
    browser = sign_up(user.email)
    User.objects.update(is_active=False)

    answer = enter(browser, deliver()[0])

    assert answer["Location"] == "/accounts/inactive/"
    assert not is_signed_in(browser)
    assert not connected()
    assert not AuthSession.objects.exists()


def test_a_sign_in_by_the_code_keeps_an_account_that_waits_for_deletion(user, sign_up, deliver):
    User.objects.update(erase_at=timezone.now() + timedelta(days=1))

    enter(sign_up(user.email), deliver()[0])

    user.refresh_from_db()
    assert user.erase_at is None
    assert connected() == {("kakao", SHY, user.email)}


@pytest.mark.parametrize("row", [True, False])
def test_a_prepared_account_is_proved_and_connected(sign_up, deliver, row):
    prepared = UserFactory(email=NEW, verified=False)
    prepared.groups.add(Group.objects.create(name="editors"))
    EmailAddress.objects.all().delete()
    if row:
        EmailAddress.objects.create(user=prepared, email=NEW, verified=False)

    browser = sign_up(NEW)
    enter(browser, deliver()[0])

    assert is_signed_in(browser)
    assert connected() == {("kakao", SHY, NEW)}
    assert EmailAddress.objects.get().verified


def test_an_address_that_nobody_proved_is_signed_up(sign_up, deliver):
    UserFactory(email=NEW, verified=False)
    EmailAddress.objects.get_or_create(user=User.objects.get(), email=NEW, verified=False)

    browser = sign_up(NEW)
    enter(browser, deliver()[-1])

    assert is_signed_in(browser)
    assert AuditEvent.objects.filter(type=AuditEvent.Type.USER_SIGNED_UP).exists()
    assert not AuditEvent.objects.filter(type=AuditEvent.Type.SOCIAL_CONNECTED).exists()


# Two at once


def test_a_connection_to_another_account_meanwhile_stays(user, sign_up, deliver):
    other = UserFactory(email="other@example.org")
    first, second = sign_up(user.email), sign_up(other.email)
    mails = deliver()

    enter(first, mails[0])
    enter(second, mails[1])

    assert connected() == {("kakao", SHY, user.email)}
    assert is_signed_in(second)
    assert "other account" in second.get("/accounts/").text


def test_an_unfinished_sign_up_of_the_same_person_lets_go(user, sign_up, deliver):
    first = sign_up(user.email)
    sign_up(NEW)

    enter(first, deliver()[0])

    assert connected() == {("kakao", SHY, user.email)}
    assert User.objects.count() == 1


def test_a_right_code_of_a_replaced_sign_up_begins_again(sign_up, deliver):
    """Another browser of the same person signs up with the same address in between."""
    first = sign_up(NEW)
    sign_up(NEW)

    answer = enter(first, deliver()[0])

    assert answer.status_code < 500
    assert not is_signed_in(first)
