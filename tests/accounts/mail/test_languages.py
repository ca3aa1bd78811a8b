"""Every mail to an account is in the account's language."""

import re
from pathlib import Path
from uuid import uuid4

import pytest
from allauth.account.adapter import get_adapter
from allauth.core import context
from django.conf import settings
from django.test import RequestFactory
from django.utils import timezone, translation

from accounts.client_info import ClientInfo
from accounts.mail import notices
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import link_in

HANGUL = re.compile("[가-힣]")
PREFIXES = sorted(
    str(path.relative_to("templates")).removesuffix("_subject.txt")
    for path in Path("templates").glob("*/email/*_subject.txt")
    if path.parts[1] != "accounts"
)
CASES = [("en", "ko"), ("ko", "en")]


def is_in(language, mail):
    is_korean = [bool(HANGUL.search(text)) for text in (mail.subject, mail.body)]
    return is_korean == [language == "ko"] * 2


@pytest.fixture
def request_in(db):
    """Act as allauth does while it answers a request in another language."""

    def enter(language):
        request = RequestFactory().get("/")
        return context.request_context(request), translation.override(language)

    return enter


@pytest.mark.parametrize(("own", "other"), CASES)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_mail_is_in_the_accounts_language(request_in, deliver, prefix, own, other):
    user = UserFactory(locale=own)
    request, language = request_in(other)

    with request, language:
        values = {"code": "1234-5678", "ip": "", "user_agent": "", "timestamp": timezone.now()}
        get_adapter().send_mail(prefix, user.email, values | {"provider": None, "account": None})

    assert is_in(own, deliver()[-1])


@pytest.mark.parametrize(("own", "other"), CASES)
def test_a_notice_to_another_address_is_in_the_accounts_language(request_in, deliver, own, other):
    user = UserFactory(locale=own)
    request, language = request_in(other)

    with request, language:
        get_adapter().send_notification_mail(
            "account/email/email_changed", user, {}, email="former@example.com"
        )

    assert is_in(own, deliver()[-1])


@pytest.mark.parametrize("language", ["en", "ko"])
def test_without_an_account_the_browser_decides(browser, deliver, db, language):
    browser.post(
        "/accounts/password/reset/",
        {"email": "nobody@example.com"},
        headers={"accept-language": language},
    )

    assert is_in(language, deliver()[-1])


@pytest.mark.parametrize("language", ["en", "ko"])
def test_an_account_without_a_language_gets_the_browsers(browser, deliver, db, language):
    user = UserFactory(locale="")
    headers = {"accept-language": language}

    browser.post("/accounts/password/reset/", {"email": user.email}, headers=headers)

    assert is_in(language, deliver()[-1])


@pytest.mark.parametrize(("own", "other"), CASES)
def test_our_notices_are_in_the_accounts_language(db, deliver, own, other):
    user = UserFactory(locale=own)

    with translation.override(other):
        notices.unlinked(user, provider="kakao")
        notices.hijacked(user, provider="kakao")
        notices.refresh_token_reused(user, signed_in=ClientInfo(), client=ClientInfo())
        notices.signed_in(
            user,
            sid=uuid4(),
            amr=["pwd", "kakao"],
            client=ClientInfo(),
            is_new_device=True,
            failures=5,
            is_long_idle=True,
        )
        notices.second_step_unfinished(user, begun_at=timezone.now(), client=ClientInfo())
        notices.denied(user, reset_path="/x/", client=ClientInfo())
        notices.denied(user, reset_path="", client=ClientInfo())

    mails = deliver()
    assert len(mails) == 7
    assert all(is_in(own, mail) for mail in mails)


@pytest.mark.parametrize(("own", "other"), CASES)
def test_a_password_reset_writes_in_the_accounts_language(browser, deliver, db, own, other):
    user = UserFactory(locale=own)
    headers = {"accept-language": other}

    browser.post("/accounts/signup/", {"email": user.email, "password1": PASSWORD}, headers=headers)
    browser.post("/accounts/password/reset/", {"email": user.email}, headers=headers)
    path = link_in(deliver()[-1]).removeprefix(settings.SITE_URL).removeprefix("http://testserver")
    form = browser.get(path, headers=headers).headers["Location"]
    browser.post(form, {"password1": "another good password"}, headers=headers)

    mails = deliver()
    assert len(mails) == 3
    assert all(is_in(own, mail) for mail in mails)


@pytest.mark.parametrize(("own", "other"), CASES)
def test_a_mailed_code_is_in_the_accounts_language(browser, deliver, db, own, other):
    user = UserFactory(locale=own)
    user.set_unusable_password()
    user.save()
    browser.force_login(user)

    response = browser.post(
        "/accounts/reauthenticate/code/",
        {"recipient": user.email},
        headers={"accept-language": other},
    )

    assert response.status_code == 302
    assert is_in(own, deliver()[-1])


@pytest.mark.parametrize(("own", "other"), CASES)
def test_the_app_flow_writes_in_the_accounts_language(app, deliver, db, own, other):
    user = UserFactory(locale=own)

    app("POST", "auth/password/request", {"email": user.email}, accept_language=other)
    app("POST", "auth/signup", {"email": user.email, "password": PASSWORD}, accept_language=other)

    mails = deliver()
    assert len(mails) == 2
    assert all(is_in(own, mail) for mail in mails)
