"""A form that is too old leads on: to where it would have led, or to a new form."""

import re

import pytest
from django.test import Client
from django.urls import resolve

from accounts.errors import SessionEndedError
from accounts.pages import parking
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from config import errors
from tests.kit.addresses import every_path
from tests.kit.clients import CHROME, sign_in
from tests.kit.factories import PASSWORD, AuthSessionFactory
from tests.kit.proofs import let_proofs_age

LOGIN = "/accounts/login/"
ENTRANCE = [LOGIN, "/accounts/signup/", "/accounts/password/reset/"]
OLD = {"csrfmiddlewaretoken": "x" * 64}


@pytest.fixture
def strict(db):
    """A browser that checks CSRF and has the cookie."""
    browser = Client(enforce_csrf_checks=True, headers={"user-agent": CHROME})
    browser.get(LOGIN)
    return browser


def signed_in(strict, user):
    token = re.search(r'value="(\w{64})"', strict.get(LOGIN).text)[1]
    strict.post(LOGIN, {"login": user.email, "password": PASSWORD, "csrfmiddlewaretoken": token})
    return strict


@pytest.mark.parametrize("path", ENTRANCE)
def test_an_old_form_of_a_signed_in_user_leads_to_next(strict, user, path):
    signed_in(strict, user)

    response = strict.post(path, OLD | {"next": "/accounts/sessions/"})

    assert response.status_code == 302
    assert response["Location"] == "/accounts/sessions/"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:0"])
def test_an_old_form_leads_to_no_other_site(strict, user, target):
    signed_in(strict, user)

    response = strict.post(LOGIN, OLD | {"next": target})

    assert response["Location"] == "/accounts/"


@pytest.mark.parametrize(
    ("path", "field"), list(zip(ENTRANCE, ["login", "email", "email"], strict=True))
)
def test_a_visitor_gets_a_new_form_with_the_address(strict, path, field):
    response = strict.post(path, OLD | {field: "me@example.com", "next": "/accounts/activity/"})
    page = strict.get(response["Location"])

    assert response.status_code == 302
    assert 'value="me@example.com"' in page.text
    assert "The page was open for too long" in page.text
    assert "next=%2Faccounts%2Factivity%2F" in response["Location"]


def test_the_new_form_works_and_the_address_is_kept_once(strict, user):
    response = strict.post(LOGIN, OLD | {"login": user.email, "next": "/accounts/activity/"})
    token = re.search(r'value="(\w{64})"', strict.get(response["Location"]).text)[1]
    again = strict.get(response["Location"]).text

    done = strict.post(
        LOGIN,
        {
            "login": user.email,
            "password": PASSWORD,
            "next": "/accounts/activity/",
            "csrfmiddlewaretoken": token,
        },
    )

    assert user.email not in again
    assert done["Location"] == "/accounts/activity/"


def test_a_form_of_another_site_is_refused_and_keeps_nothing(strict):
    response = strict.post(
        LOGIN, OLD | {"login": "theirs@example.com"}, headers={"origin": "https://evil.example"}
    )

    assert response.status_code == 403
    assert "theirs@example.com" not in strict.get(LOGIN).text


def test_a_browser_without_cookies_learns_the_cause(db):
    browser = Client(enforce_csrf_checks=True, headers={"user-agent": CHROME})

    response = browser.post(LOGIN, OLD | {"login": "me@example.com"})

    assert response.status_code == 403
    assert "Your browser sent no cookie" in response.text
    assert f'href="{LOGIN}"' in response.text


def test_a_hidden_origin_is_named(strict):
    response = strict.post(LOGIN, OLD, headers={"origin": "null"})

    assert response.status_code == 403
    assert "Your browser hides where the form comes from" in response.text


SID = "00000000-0000-4000-8000-000000000000"
BUTTONS = {
    "/accounts/activity/not-me/": "/accounts/activity/",
    "/accounts/sessions/revoke-others/": "/accounts/sessions/",
    f"/accounts/sessions/{SID}/revoke/": "/accounts/sessions/",
    f"/accounts/sessions/trusted/{SID}/end/": "/accounts/sessions/",
    "/accounts/2fa/reset/stop/": "/accounts/2fa/",
    "/accounts/2fa/passkeys/later/": "/accounts/",
}
"""The pages that take only POST, and the page that has the button."""


def only_post():
    """Return the paths of the URLconf that take a POST and no GET."""
    for path in every_path():
        match = resolve(path)
        view = getattr(match.func, "view_class", None)
        is_ours = view is not None and not path.startswith(("/api/", "/_allauth/", "/admin/"))
        if is_ours and hasattr(view, "post") and not hasattr(view, "get"):
            yield path


def test_each_page_without_get_is_listed():
    assert set(only_post()) == set(BUTTONS)


@pytest.mark.parametrize(
    ("path", "page"), [("/accounts/profile/", "/accounts/profile/"), *BUTTONS.items()]
)
def test_an_old_form_leads_back_to_its_page(strict, user, path, page):
    signed_in(strict, user)

    response = strict.post(path, OLD)

    assert response.status_code == 403
    assert f'href="{page}">Open the page again</a>' in response.text


@pytest.mark.parametrize("path", BUTTONS)
def test_a_button_after_a_sign_out_leads_back_to_its_page(client, user, path):
    asked = client.post(path)
    login = client.get(asked["Location"])
    done = client.post(asked["Location"], {"login": user.email, "password": PASSWORD})

    assert "You are signed out, so nothing was done." in login.text
    assert done["Location"] == BUTTONS[path]
    assert client.get(done["Location"]).status_code == 200


def test_a_report_of_an_owner_who_was_signed_out_is_not_lost(strict, user):
    signed_in(strict, user)
    token = re.search(r'value="(\w{64})"', strict.get("/accounts/sessions/").text)[1]
    mine = AuthSession.objects.get()
    sessions.revoke(mine, reason=sessions.Reason.OTHER_DEVICE)

    asked = strict.post(
        "/accounts/activity/not-me/", {"sid": mine.pk, "csrfmiddlewaretoken": token}
    )
    login = strict.get(asked["Location"])

    assert asked["Location"] == f"{LOGIN}?next=/accounts/activity/"
    assert "You are signed out, so nothing was done." in login.text


def test_a_session_that_ends_during_a_report_leads_back_to_its_page(rf):
    for path, page in BUTTONS.items():
        answer = errors.answer(rf.post(path), SessionEndedError())
        assert answer["Location"] == f"{LOGIN}?next={page}"


def test_a_form_that_is_too_long_to_park_leads_back_to_its_page(client, user):
    signed_in(client, user)
    let_proofs_age()
    path = f"/accounts/sessions/{AuthSessionFactory(user=user).pk}/revoke/"

    asked = client.post(path, {"x": "y" * parking.MAX_CHARACTERS})

    assert asked["Location"].endswith("?next=%2Faccounts%2Fsessions%2F")


@pytest.mark.parametrize("path", BUTTONS)
def test_opening_such_an_address_leads_to_its_page(client, db, path):
    assert client.get(path)["Location"] == f"{LOGIN}?next={BUTTONS[path]}"


def test_another_form_after_a_sign_out_says_that_it_was_not_sent(client, db):
    asked = client.post("/accounts/profile/", {"display_name": "Mia"})

    assert asked["Location"] == f"{LOGIN}?next=/accounts/profile/"
    assert "You are signed out, so nothing was done." in client.get(asked["Location"]).text


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/3rdparty/",
        "/accounts/email/",
        "/accounts/password/change/",
        "/accounts/password/set/",
        "/accounts/reauthenticate/",
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/passkeys/add/",
    ],
)
def test_a_form_of_allauth_after_a_sign_out_says_that_it_was_not_sent(client, db, path):
    asked = client.post(path, {"x": "y"})
    page = client.get(asked["Location"])

    assert asked["Location"] == f"{LOGIN}?next={path}"
    assert page.text.count("You are signed out, so nothing was done.") == 1


@pytest.mark.parametrize(
    ("path", "beginning"),
    [
        ("/accounts/2fa/authenticate/", LOGIN),
        ("/accounts/2fa/enrol/", LOGIN),
        ("/accounts/signup/passkey/add/", "/accounts/signup/"),
    ],
)
def test_a_form_of_a_step_that_is_over_says_so(client, db, path, beginning):
    asked = client.post(path, {"credential": "{}"})
    page = client.get(asked["Location"])

    assert asked["Location"] == beginning
    assert "Begin again here." in page.text
    assert "Begin again here." not in client.get(beginning).text


def test_opening_a_page_without_a_sign_in_says_nothing(client, db):
    asked = client.get("/accounts/email/")

    assert "nothing was done" not in client.get(asked["Location"]).text


# Buttons of providers

BY_PROVIDER = "/accounts/google/login/?process=login&next=/accounts/sessions/"


def test_a_provider_button_of_a_signed_in_user_leads_to_next(strict, user):
    signed_in(strict, user)

    assert strict.post(BY_PROVIDER, OLD)["Location"] == "/accounts/sessions/"


def test_a_provider_button_of_a_visitor_leads_to_a_new_page(strict):
    response = strict.post(BY_PROVIDER, OLD)

    assert response["Location"] == f"{LOGIN}?next=%2Faccounts%2Fsessions%2F"
    assert "The page was open for too long" in strict.get(response["Location"]).text


def test_a_provider_button_leads_to_no_other_site(strict, user):
    path = "/accounts/google/login/?process=login&next=https://evil.example/"
    as_visitor = strict.post(path, OLD)["Location"]
    signed_in(strict, user)

    assert (as_visitor, strict.post(path, OLD)["Location"]) == (LOGIN, "/accounts/")


def test_an_old_button_to_connect_leads_back_to_the_connections(strict, user):
    signed_in(strict, user)

    response = strict.post("/accounts/google/login/?process=connect", OLD)

    assert response.status_code == 403
    assert 'href="/accounts/3rdparty/">Open the page again</a>' in response.text


def test_a_provider_button_of_another_site_is_refused(strict):
    response = strict.post(BY_PROVIDER, OLD, headers={"origin": "https://evil.example"})

    assert response.status_code == 403


# Later steps of a sign-in

STEPS = [
    "/accounts/confirm-email/",
    "/accounts/login/code/confirm/",
    "/accounts/2fa/authenticate/",
    "/accounts/2fa/enrol/",
    "/accounts/signup/passkey/add/",
    "/accounts/3rdparty/link/",
    "/accounts/3rdparty/signup/",
]


@pytest.mark.parametrize("path", STEPS)
def test_a_step_of_a_signed_in_user_leads_to_next(strict, user, path):
    strict.get(LOGIN)
    token = re.search(r'value="(\w{64})"', strict.get(LOGIN).text)[1]
    form = {"login": user.email, "password": PASSWORD, "csrfmiddlewaretoken": token}
    strict.post(LOGIN, form | {"next": "/accounts/sessions/"})

    response = strict.post(path, OLD)

    assert (response.status_code, response["Location"]) == (302, "/accounts/sessions/")


@pytest.mark.parametrize("path", STEPS)
def test_a_step_without_next_leads_to_the_overview(strict, user, path):
    signed_in(strict, user)

    assert strict.post(path, OLD)["Location"] == "/accounts/"


@pytest.mark.parametrize("path", STEPS[1:5])
def test_opening_a_step_that_is_over_leads_to_next(client, user, path):
    client.post(LOGIN, {"login": user.email, "password": PASSWORD, "next": "/accounts/sessions/"})

    assert client.get(path)["Location"] == "/accounts/sessions/"
    assert client.get(LOGIN)["Location"] == "/accounts/"


def test_a_later_sign_in_forgets_the_former_next(client, user):
    form = {"login": user.email, "password": PASSWORD}
    client.post(LOGIN, form | {"next": "/accounts/sessions/"})
    client.post("/accounts/logout/")
    client.post(LOGIN, form)

    assert client.get(STEPS[2])["Location"] == "/accounts/"


def test_an_old_form_with_the_code_of_a_new_address_stays(strict, user):
    signed_in(strict, user)
    token = re.search(r'value="(\w{64})"', strict.get("/accounts/profile/").text)[1]
    strict.post(
        "/accounts/email/",
        {"email": "n@example.com", "action_add": "", "csrfmiddlewaretoken": token},
    )

    response = strict.post(STEPS[0], OLD)

    assert response.status_code == 403
    assert f'href="{STEPS[0]}">Open the page again</a>' in response.text


@pytest.mark.parametrize("path", STEPS)
def test_a_step_from_another_site_is_refused(strict, user, path):
    signed_in(strict, user)

    assert strict.post(path, OLD, headers={"origin": "https://evil.example"}).status_code == 403


# The language

LANGUAGE = {"language": "ko", "next": "/accounts/signup/"}


def test_an_old_form_switches_the_language(strict):
    response = strict.post("/i18n/setlang/", OLD | LANGUAGE)

    assert (response.status_code, response["Location"]) == (302, "/accounts/signup/")
    assert 'lang="ko"' in strict.get(LOGIN).text


def test_the_language_leads_to_no_other_site(strict):
    response = strict.post("/i18n/setlang/", OLD | LANGUAGE | {"next": "https://evil.example/"})

    assert "evil" not in response["Location"]


def test_another_site_does_not_switch_the_language(strict):
    response = strict.post(
        "/i18n/setlang/", OLD | LANGUAGE, headers={"origin": "https://evil.example"}
    )

    assert response.status_code == 403
    assert not response.cookies
    assert 'href="/accounts/signup/">Open the page again</a>' in response.text


def test_a_machine_still_gets_problem_json(user):
    browser = Client(enforce_csrf_checks=True)
    sign_in(browser, user)

    response = browser.post("/_allauth/browser/v1/auth/login", {}, content_type="application/json")

    assert response.status_code == 403
    assert response.json()["code"] == "csrf_failed"


def test_the_page_sends_a_form_once(strict):
    assert "accounts/forms.js" in strict.get(LOGIN).text
