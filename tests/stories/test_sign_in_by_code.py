"""Sign in by a mailed code: at the sign-in page, in the API and in allauth's headless API."""

import re
from dataclasses import asdict
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone
from django_redis import get_redis_connection

from accounts.federation.linking import links
from accounts.federation.linking.links import Link
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import CHROME, is_signed_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"
ASK, CONFIRM = "/accounts/login/code/", "/accounts/login/code/confirm/"
NOBODY = "nobody@example.com"
NEXT = "?next=%2Faccounts%2Fsessions%2F"


def ask(browser, email, **fields):
    return browser.post(ASK, {"email": email, **fields})


def type_code(browser, code, **fields):
    return browser.post(CONFIRM, {"code": code, **fields})


def last_code(deliver):
    return code_in(deliver()[-1])


def without_tokens(response, email):
    """Return the page without the parts that are new each time: tokens, seconds, the typed address."""
    text = re.sub(r"<time data-countdown.*?</time>", "", response.content.decode())
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", text)
    return re.sub(r'nonce[-="][^" ]+', "", text).replace(email, "")


def let_pause_end():
    """End the pause in which the site sends no new code."""
    redis = get_redis_connection("default")
    for key in redis.scan_iter("attempts:resend:*"):
        redis.delete(key)


# The pages


def test_a_visitor_signs_in_by_a_code(browser, user, deliver):
    asked = ask(browser, user.email)
    page = browser.get(asked["Location"])
    done = type_code(browser, last_code(deliver))

    assert asked["Location"] == CONFIRM
    assert 'autocomplete="one-time-code"' in page.text
    assert 'inputmode="numeric"' in page.text
    assert done["Location"] == "/accounts/"
    assert is_signed_in(browser)
    assert AuthSession.objects.get().amr == ["otp"]


def test_the_sign_in_page_offers_a_code_and_keeps_what_was_typed(browser, user, deliver):
    page = browser.get(LOGIN + "?next=/accounts/sessions/")
    asked = browser.post(
        ASK,
        {
            "login": user.email,
            "password": "half a pass",
            "remember": "on",
            "next": "/accounts/sessions/",
        },
    )
    done = type_code(browser, last_code(deliver), next="/accounts/sessions/")

    assert f'formaction="{ASK}"' in page.text
    assert asked["Location"] == f"{CONFIRM}{NEXT}"
    assert done["Location"] == "/accounts/sessions/"
    assert done.cookies["stay"].value == "1"


def test_the_button_asks_for_the_address_if_none_was_typed(browser, deliver):
    page = browser.post(ASK, {"login": "", "password": "", "remember": "on", "next": "/admin/"})

    assert page.status_code == 200
    assert 'role="alert"' not in page.text
    assert 'value="/admin/"' in page.text
    assert re.search(r'name="remember"[^>]* checked', page.text)
    assert deliver() == []


def test_the_admin_opens_after_a_code(browser, admin_user, deliver):
    ask(browser, admin_user.email, next="/admin/")

    done = type_code(browser, last_code(deliver), next="/admin/")

    assert done["Location"] == "/admin/"
    assert browser.get("/admin/").status_code == 200


def test_part_of_a_code_costs_no_try(browser, user, deliver):
    ask(browser, user.email)
    code = last_code(deliver)

    pages = [type_code(browser, part) for part in ["", "0000", code[:4], code[:-1], code + "0"] * 2]

    words = "The code has eight digits. Type or paste all of them."
    assert [words in page.text for page in pages] == [
        False,
        *[True] * 4,
    ] * 2  # "" is a missing field
    assert "You have 4 tries left." in type_code(browser, "0000-0000").text
    assert type_code(browser, code).status_code == 302


def test_a_wrong_code_stays_and_says_how_many_tries_are_left(browser, user, deliver):
    ask(browser, user.email)

    page = type_code(browser, "0000-0000")

    assert page.status_code == 200
    assert "You have 4 tries left." in page.text
    assert 'value="resend"' in page.text
    assert type_code(browser, last_code(deliver)).status_code == 302


def test_a_new_code_waits_some_seconds_and_replaces_the_old_one(browser, user, deliver):
    ask(browser, user.email)
    old = last_code(deliver)
    early = browser.post(CONFIRM, {"action": "resend"}, follow=True)
    let_pause_end()
    later = browser.post(CONFIRM, {"action": "resend"}, follow=True)
    new = last_code(deliver)

    assert "data-countdown" in early.text
    assert "We sent a code." in later.text
    assert len(deliver()) == 2
    assert type_code(browser, old).status_code == 200
    assert type_code(browser, new).status_code == 302


def test_a_new_code_has_ten_minutes_of_its_own(browser, user, deliver):
    ask(browser, user.email)
    begin = timezone.now()
    let_pause_end()
    with time_machine.travel(begin + timedelta(minutes=9)):
        browser.post(CONFIRM, {"action": "resend"})
        code = last_code(deliver)

    with time_machine.travel(begin + timedelta(minutes=18)):
        done = type_code(browser, code)

    assert done["Location"] == "/accounts/"


def test_new_codes_count_towards_the_three_of_a_minute(browser, user, deliver):
    ask(browser, user.email)
    for _ in range(2):
        let_pause_end()
        browser.post(CONFIRM, {"action": "resend"})

    assert len(deliver()) == 3
    assert ask(Client(), user.email).status_code == 429


def test_another_address_can_be_chosen_on_the_code_page(browser, user, deliver):
    ask(browser, "typo@example.com")

    again = browser.post(CONFIRM, {"action": "restart", "next": "/accounts/sessions/"})
    ask(browser, user.email)

    assert again["Location"] == f"{ASK}{NEXT}"
    assert type_code(browser, last_code(deliver)).status_code == 302


def test_cancel_leads_back_to_the_password(browser, user):
    ask(browser, user.email)

    left = browser.post(CONFIRM, {"action": "cancel", "next": "/accounts/sessions/"})

    assert left["Location"] == f"{LOGIN}{NEXT}"
    assert browser.get(LOGIN).status_code == 200


def test_a_form_that_went_back_begins_anew(browser, user, deliver):
    """The visitor went back to the form, and corrects the address."""
    ask(browser, "typo@example.com")
    ask(browser, user.email)

    assert type_code(browser, last_code(deliver)).status_code == 302


def test_the_password_still_works_while_a_code_is_on_its_way(browser, user):
    ask(browser, user.email)

    browser.post(LOGIN, {"login": user.email, "password": PASSWORD})

    assert is_signed_in(browser)


def test_an_expired_code_leads_back_and_keeps_the_address(browser, user, deliver):
    ask(browser, user.email)
    code = last_code(deliver)

    with time_machine.travel(timezone.now() + timedelta(seconds=601)):
        late = type_code(browser, code, next="/accounts/sessions/")
        page = browser.get(late["Location"])

    assert late["Location"] == f"{ASK}{NEXT}"
    assert "That code has expired." in page.text
    assert 'class="message warning"' in page.text  # no green tick
    assert f'value="{user.email}"' in page.text
    assert not is_signed_in(browser)


def test_an_old_form_leads_on_with_the_address(user):
    browser = Client(enforce_csrf_checks=True)
    browser.get(ASK)

    old = browser.post(
        ASK + "?next=/admin/", {"email": user.email, "csrfmiddlewaretoken": "x" * 64}
    )
    page = browser.get(old["Location"])

    assert old["Location"] == f"{ASK}?next=%2Fadmin%2F"
    assert f'value="{user.email}"' in page.text


def test_the_mail_is_in_the_language_of_the_account(browser, deliver):
    user = UserFactory(locale="ko")

    ask(browser, user.email)

    assert "로그인" in deliver()[-1].subject


# Nobody learns who has an account


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["unknown", "disabled", "demo", "next address"])
def test_pages_are_the_same_without_an_account(user, deliver, settings, kind):
    emails = {
        "unknown": NOBODY,
        "disabled": UserFactory(is_active=False).email if kind == "disabled" else "",
        "demo": "visitor@example.com",
        "next address": "mine@example.com",
    }
    settings.REFUSED_EMAILS = {"visitor@example.com"}
    if kind == "demo":
        UserFactory(email=emails[kind])
    if kind == "next address":
        EmailAddress.objects.create(user=UserFactory(), email=emails[kind], verified=False)
    seen = []
    for email in (user.email, emails[kind]):
        mails = len(deliver())
        browser = Client(headers={"user-agent": CHROME})
        answers = [
            ask(browser, email),
            browser.get(CONFIRM),
            *[type_code(browser, "0000-0000") for _ in range(6)],
            browser.post(CONFIRM, {"action": "resend"}),
            browser.get(CONFIRM),
        ]
        let_pause_end()
        answers += [
            browser.post(CONFIRM, {"action": "resend"}),
            type_code(browser, "0000-0000"),
            browser.post(CONFIRM, {"action": "restart"}),
        ]
        seen.append(
            [
                (a.status_code, a.headers.get("Location"), [*a.headers], without_tokens(a, email))
                for a in answers
            ]
        )
        seen[-1].append(len(deliver()) - mails)

    assert seen[0] == seen[1]


def test_an_unknown_address_gets_a_mail_that_says_so(browser, deliver):
    ask(browser, NOBODY)

    assert "there is none" in deliver()[-1].body


def test_a_refused_demo_account_gets_no_code(browser, user, deliver, settings):
    settings.REFUSED_EMAILS = {user.email}

    ask(browser, user.email)

    assert "there is none" in deliver()[-1].body


def test_a_code_for_nobody_cannot_be_typed(browser):
    ask(browser, NOBODY)
    let_pause_end()
    browser.post(CONFIRM, {"action": "resend"})
    state = browser.session["account_login"]["state"]["stages"]["login_by_code"]["data"]
    assert len(state["code"]) > 60  # nobody guesses it

    for code in ("", "-", "0", "0000-0000"):
        type_code(browser, code)

    assert not is_signed_in(browser)


@pytest.mark.parametrize("kind", ["known", "unknown"])
def test_an_address_gets_three_codes_a_minute(user, kind):
    email = user.email if kind == "known" else NOBODY

    answers = [ask(Client(), email) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [302, 302, 302, 429]
    assert answers[3]["Retry-After"] == "60"
    assert "data-countdown" in answers[3].text


# An account whose address nobody has proved


@pytest.fixture
def squatted():
    """Make the account that a stranger signed up for with another person's address."""
    user = UserFactory(email="mia@example.com", verified=False, display_name="Stranger")
    SocialAccount.objects.create(user=user, provider="google", uid="stranger")
    return user


def test_a_strangers_password_ends_with_the_proof(browser, squatted, deliver):
    ask(browser, squatted.email)
    done = browser.post(CONFIRM, {"code": last_code(deliver)}, follow=True)
    stranger = Client()
    stranger.post(LOGIN, {"login": squatted.email, "password": PASSWORD})

    squatted.refresh_from_db()
    assert is_signed_in(browser)
    assert not is_signed_in(stranger)
    assert not squatted.has_usable_password()
    assert squatted.display_name == ""
    assert not SocialAccount.objects.exists()
    assert EmailAddress.objects.get().verified
    assert "its old password was removed" in done.text


def test_an_account_of_an_administrator_keeps_its_password(browser, deliver):
    """It has no address row, so nobody signed up for it."""
    user = UserFactory()
    EmailAddress.objects.all().delete()

    ask(browser, user.email)
    type_code(browser, last_code(deliver))

    user.refresh_from_db()
    assert is_signed_in(browser)
    assert user.check_password(PASSWORD)


def test_a_strangers_next_address_does_not_lead_into_their_account(browser, deliver):
    stranger = UserFactory()
    EmailAddress.objects.create(user=stranger, email=NOBODY, verified=False)

    ask(browser, NOBODY)

    assert "there is none" in deliver()[-1].body


def test_a_code_keeps_an_account_that_was_to_be_deleted(browser, user, deliver):
    User.objects.filter(pk=user.pk).update(erase_at=timezone.now() + timedelta(days=3))

    ask(browser, user.email)
    type_code(browser, last_code(deliver))

    user.refresh_from_db()
    assert user.erase_at is None


# Attacks


def test_a_link_that_somebody_left_here_is_forgotten(browser, user, deliver):
    """An earlier user of this browser has left a link to this account in the session."""
    session = browser.session
    link = Link(
        provider="kakao", uid="thief", extra_data={}, email=user.email, user_id=str(user.pk)
    )
    session[links.ENTRY] = asdict(link)
    session.save()
    browser.cookies["session"] = session.session_key

    ask(browser, user.email)
    page = browser.get(CONFIRM)
    type_code(browser, last_code(deliver))

    assert is_signed_in(browser)
    assert "Kakao" not in page.text
    assert "Kakao" not in deliver()[-1].body
    assert not SocialAccount.objects.exists()


def test_a_code_works_only_in_the_browser_that_asked(browser, another_browser, user, deliver):
    ask(browser, user.email)
    code = last_code(deliver)
    ask(another_browser, user.email)

    type_code(another_browser, code)

    assert not is_signed_in(another_browser)


def test_a_code_does_not_work_twice(browser, user, deliver):
    ask(browser, user.email)
    code, cookie = last_code(deliver), browser.cookies["session"].value
    type_code(browser, code)
    replay = Client()
    replay.cookies["session"] = cookie

    type_code(replay, code)

    assert not is_signed_in(replay)
    assert AuthSession.objects.count() == 1


def test_a_code_of_a_sign_up_is_not_one_of_a_sign_in(browser, user, deliver):
    other = Client()
    other.post(
        "/accounts/signup/", {"email": "new@example.com", "password1": "a long new password"}
    )
    code = last_code(deliver)
    ask(browser, user.email)

    type_code(browser, code)
    other.post(CONFIRM, {"code": code})

    assert not is_signed_in(browser)
    assert not is_signed_in(other)


def test_a_code_of_a_sign_in_is_no_proof_of_another(signed_in, user, deliver):
    """The browser is signed in, so the code of another browser changes nothing here."""
    other = Client()
    ask(other, user.email)

    signed_in.post(CONFIRM, {"code": last_code(deliver)})
    refused = signed_in.post("/accounts/reauthenticate/code/confirm/", {"code": last_code(deliver)})

    assert refused.status_code in {302, 404}
    assert AuthSession.objects.count() == 1


def test_a_code_for_a_former_address_is_refused(browser, user, deliver):
    ask(browser, user.email)
    code = last_code(deliver)
    EmailAddress.objects.filter(user=user).update(email="moved@example.com")
    User.objects.filter(pk=user.pk).update(email="moved@example.com")

    assert type_code(browser, code).status_code == 403
    assert not is_signed_in(browser)


def test_a_code_for_a_former_address_does_not_prove_the_next_one(browser, user, deliver):
    """An administrator has changed the email meanwhile; the former mailbox still gets the code."""
    ask(browser, user.email)
    code = last_code(deliver)
    EmailAddress.objects.filter(user=user).delete()
    User.objects.filter(pk=user.pk).update(email="moved@example.com")

    type_code(browser, code)

    assert not EmailAddress.objects.exists()


@pytest.mark.parametrize("door", ["page", "api"])
def test_an_address_that_another_account_has_proved_opens_none(browser, post, deliver, door):
    """An administrator has prepared an account with it, and another account has it as well."""
    prepared = UserFactory(email="mia@example.com")
    another = UserFactory()
    EmailAddress.objects.filter(user=prepared).update(user=another, primary=False)
    if door == "page":
        ask(browser, prepared.email)
        refused = type_code(browser, last_code(deliver))
    else:
        token = post("/api/token/code/", {"email": prepared.email}).json()["code_token"]
        body = {"code_token": token, "code": last_code(deliver)}
        refused = post("/api/token/code/confirm/", body)

    assert refused.status_code == 409
    assert not AuthSession.objects.exists()


@pytest.mark.parametrize("change", [{"is_active": False}, None])
def test_an_account_that_ends_meanwhile_gets_no_sign_in(browser, user, deliver, change):
    ask(browser, user.email)
    code = last_code(deliver)
    if change:
        User.objects.filter(pk=user.pk).update(**change)
    else:
        user.delete()

    page = type_code(browser, code)

    assert not is_signed_in(browser)
    assert page.status_code == 200 or page["Location"].startswith(ASK)
