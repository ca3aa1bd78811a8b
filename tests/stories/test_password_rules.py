"""Every door at which somebody sets a password has the same rules."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils.module_loading import import_string

from accounts.breaches import service
from accounts.federation.wire import outage
from accounts.people.models import User
from config.settings.auth import ACCOUNT_FORMS
from tests.kit import leaks
from tests.kit.clients import sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in, link_in

EMAIL = "gildong@example.com"
GOOD = "seven quiet lanterns"
LEAKED = "a password from a leak"
REFUSED = {
    "too short": "x7-dKq!p2",
    "too long": "ab cd" * 26,
    "common": "password2026!",
    "Korean, typed in English": "qlalfqjsgh12",
    "a word of the site": "Munjigi-2026!",
    "a word of the email": "GILDONG-12345",
    "leaked": LEAKED,
}


def headless(client, path, body):
    return client.post(
        f"/_allauth/browser/v1/{path}", json.dumps(body), content_type="application/json"
    )


def signed_in(deliver, *, has_password=True):
    user = UserFactory(email=EMAIL)
    client = Client()
    sign_in(client, user)
    if not has_password:
        client = Client()
        user.set_unusable_password()
        user.save()
        client.post("/accounts/login/code/", {"email": EMAIL})
        client.post("/accounts/login/code/confirm/", {"code": code_in(deliver()[-1])})
    return client


def reset_link(deliver):
    UserFactory(email=EMAIL)
    client = Client()
    client.post("/accounts/password/reset/", {"email": EMAIL})
    return client, link_in(deliver()[-1])


def sign_up_page(password, deliver):
    Client().post("/accounts/signup/", {"email": EMAIL, "password1": password})


def sign_up_headless(password, deliver):
    headless(Client(), "auth/signup", {"email": EMAIL, "password": password})


def change_page(password, deliver):
    body = {"oldpassword": PASSWORD, "password1": password}
    signed_in(deliver).post("/accounts/password/change/", body)


def change_headless(password, deliver):
    body = {"current_password": PASSWORD, "new_password": password}
    headless(signed_in(deliver), "account/password/change", body)


def set_page(password, deliver):
    client = signed_in(deliver, has_password=False)
    client.post("/accounts/password/set/", {"password1": password})


def set_headless(password, deliver):
    client = signed_in(deliver, has_password=False)
    headless(client, "account/password/change", {"new_password": password})


def reset_page(password, deliver):
    client, link = reset_link(deliver)
    form = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(form, {"password1": password})


def reset_headless(password, deliver):
    client, link = reset_link(deliver)
    key = link.split("/password/reset/key/")[1].strip("/")
    headless(client, "auth/password/reset", {"key": key, "password": password})


def command(password, deliver, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    try:
        call_command("createsuperuser", interactive=False, email=EMAIL)
    except CommandError:
        return


def change_command(password, deliver, monkeypatch):
    UserFactory(email=EMAIL)
    monkeypatch.setattr("getpass.getpass", lambda prompt="": password)
    try:
        call_command("changepassword", EMAIL)
    except CommandError:
        return


DOORS = [
    *(sign_up_page, sign_up_headless, change_page, change_headless),
    *(set_page, set_headless, reset_page, reset_headless, command, change_command),
]


@pytest.fixture
def site(settings, db, monkeypatch):
    monkeypatch.setattr(service, "SECONDS", 10.0)  # a busy machine is no fault
    outage.forget()
    with leaks.service(LEAKED) as running:
        settings.PASSWORD_BREACH_API = running.url
        yield running


@pytest.fixture(params=DOORS, ids=lambda door: door.__name__)
def set_password(request, deliver, monkeypatch, site):
    """Set a password at a door, and return whether the account has it now."""

    def run(password):
        extra = [monkeypatch] if request.param in {command, change_command} else []
        request.param(password, deliver, *extra)
        user = User.objects.filter(email=EMAIL).first()
        return user is not None and user.check_password(password)

    return run


def test_a_good_password_is_set_after_one_look_up(set_password, site):
    assert set_password(GOOD)
    assert len(site.asked) == 1


@pytest.mark.parametrize("rule", REFUSED)
def test_each_rule_holds_at_each_door(set_password, rule):
    assert not set_password(REFUSED[rule])


def test_every_form_with_a_new_password_is_among_the_doors():
    fields = {name: import_string(form).base_fields for name, form in ACCOUNT_FORMS.items()}

    # allauth adds the field to "signup" when the form is made.
    assert {name for name in fields if "password1" in fields[name]} == {
        "change_password",
        "set_password",
        "reset_password_from_key",
    }
