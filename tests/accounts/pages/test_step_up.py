"""A form that waits for a step-up: what is kept of it, and when it is sent."""

import pytest
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount

from accounts.pages import step_up
from tests.kit.factories import PASSWORD

EMAIL = "/accounts/email/"
FORM = {"action_add": "", "email": "new@example.com", "csrfmiddlewaretoken": "t", "other": "x"}
DOOR = "/accounts/reauthenticate/"


@pytest.fixture(autouse=True)
def hurried(settings):
    """Only a proof of this second counts."""
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0


@pytest.fixture
def prove(signed_in, settings):
    def run(**form):
        settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
        answer = signed_in.post(DOOR, {"password": PASSWORD} | form)
        settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
        return answer

    return run


def test_only_the_path_and_known_fields_are_kept(signed_in):
    signed_in.post(EMAIL, FORM, headers={"x-secret": "a header"})

    assert signed_in.session[STATE_SESSION_KEY] == {
        "callback": "accounts.pages.step_up.send_kept",
        "state": {"path": EMAIL, "form": "action_add=&email=new%40example.com"},
    }


@pytest.mark.parametrize("fields", step_up.KEPT.values())
def test_no_kept_field_is_a_secret(fields):
    assert not [name for name in fields if "password" in name or "code" in name or "csrf" in name]


def test_a_kept_form_is_sent_after_the_step_up(signed_in, prove, deliver):
    asked = signed_in.post(EMAIL, FORM)
    done = prove(next=EMAIL)

    assert asked["Location"] == f"{DOOR}?next=%2Faccounts%2Femail%2F"
    assert done["Location"] == "/accounts/confirm-email/"
    assert deliver()[-1].to == ["new@example.com"]
    assert STATE_SESSION_KEY not in signed_in.session


@pytest.mark.parametrize("wanted", ["/accounts/sessions/", "", "https://evil.example/"])
def test_a_step_up_for_another_page_drops_the_form(signed_in, prove, deliver, wanted):
    signed_in.post(EMAIL, FORM)

    done = prove(next=wanted)

    assert done["Location"] == (wanted if wanted.startswith("/") else "/accounts/")
    assert STATE_SESSION_KEY not in signed_in.session
    assert deliver() == []


def test_a_later_form_takes_the_place_of_an_earlier_one(signed_in, prove, user):
    account = SocialAccount.objects.create(user=user, provider="kakao", uid="1")
    signed_in.post(EMAIL, FORM)
    signed_in.post("/accounts/3rdparty/", {"account": account.pk})

    done = prove(next="/accounts/3rdparty/")

    assert done.status_code == 302
    assert not SocialAccount.objects.exists()
    assert [one.email for one in EmailAddress.objects.all()] == [user.email]


def test_a_provider_that_is_no_longer_set_up_can_be_disconnected(
    signed_in, prove, user, provider_settings
):
    account = SocialAccount.objects.create(user=user, provider="kakao", uid="1")
    del provider_settings["kakao"]
    signed_in.post("/accounts/3rdparty/", {"account": account.pk})

    done = prove(next="/accounts/3rdparty/")

    assert done.status_code == 302
    assert not SocialAccount.objects.exists()


def test_a_kept_form_whose_page_is_gone_leads_there(signed_in, prove):
    signed_in.post(EMAIL, FORM)
    session = signed_in.session
    session[STATE_SESSION_KEY]["state"]["path"] = "/accounts/gone/"
    session.save()

    done = prove(next="/accounts/gone/")

    assert (done.status_code, done["Location"]) == (302, "/accounts/gone/")


def test_a_kept_form_of_a_stranger_is_none(client, db):
    answer = client.post(EMAIL, FORM)

    assert answer["Location"] == "/accounts/login/?next=/accounts/email/"
    assert STATE_SESSION_KEY not in client.session


def test_who_cannot_prove_anything_is_refused(signed_in, user):
    user.set_unusable_password()
    user.save()
    EmailAddress.objects.update(verified=False)
    session = signed_in.session
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.save()

    answer = signed_in.post(EMAIL, FORM)

    assert answer.status_code == 403
