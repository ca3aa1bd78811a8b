"""The mailed link of a password reset works for an hour, and mail and page say so."""

import json
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.test import Client

from accounts.people.models import User
from tests.kit.mails import link_in

NEW = "a wholly new passphrase"


@pytest.fixture
def ask(deliver, user):
    def run(**headers):
        page = Client(headers=headers).post(
            "/accounts/password/reset/", {"email": user.email}, follow=True
        )
        return page, deliver()[-1]

    return run


@pytest.fixture
def later(monkeypatch):
    def run(seconds):
        now = datetime.now() + timedelta(seconds=seconds)  # noqa: DTZ005 - as Django's generator
        monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda self: now)

    return run


@pytest.mark.parametrize(("seconds", "works"), [(3590, True), (3610, False)])
def test_a_link_works_for_an_hour(ask, later, user, seconds, works):
    link = link_in(ask()[1])
    later(seconds)
    client = Client()

    page = client.get(link, follow=True)
    if works:
        client.post(page.redirect_chain[-1][0], {"password1": NEW})

    assert ("password1" in page.text) is works
    assert User.objects.get().check_password(NEW) is works


@pytest.mark.parametrize(("seconds", "works"), [(3590, True), (3610, False)])
def test_the_key_works_for_an_hour_in_the_headless_api(ask, later, seconds, works):
    key = link_in(ask()[1]).split("/password/reset/key/")[1].strip("/")
    later(seconds)

    Client().post(
        "/_allauth/app/v1/auth/password/reset",
        json.dumps({"key": key, "password": NEW}),
        content_type="application/json",
    )

    assert User.objects.get().check_password(NEW) is works


def test_a_link_that_was_opened_in_time_expires_as_well(ask, later):
    client = Client()
    form = client.get(link_in(ask()[1]), follow=True).redirect_chain[-1][0]
    later(3610)

    client.post(form, {"password1": NEW})

    assert not User.objects.get().check_password(NEW)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The link works once, for 60 minutes."),
        ("ko", "이 링크는 60분 동안 한 번만 사용할 수 있습니다."),
    ],
)
def test_the_mail_and_the_page_say_how_long(ask, user, language, text):
    User.objects.update(locale=language)
    page, mail = ask(accept_language=language)

    assert text in page.text
    assert text in mail.body
    assert text in mail.alternatives[0][0]
