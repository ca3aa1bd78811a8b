"""A form that is too old leads on: to where it would have led, or to a new form."""

import re

import pytest
from django.test import Client

from tests.kit.clients import CHROME, sign_in
from tests.kit.factories import PASSWORD

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


@pytest.mark.parametrize(
    ("path", "again"),
    [("/accounts/profile/", True), ("/accounts/sessions/revoke-others/", False)],
)
def test_other_pages_lead_back_to_the_page(strict, user, path, again):
    signed_in(strict, user)

    response = strict.post(path, OLD)

    assert response.status_code == 403
    assert ("Open the page again</a>" in response.text) is again
    assert (f'href="{path}"' in response.text) is again


def test_a_machine_still_gets_problem_json(user):
    browser = Client(enforce_csrf_checks=True)
    sign_in(browser, user)

    response = browser.post("/_allauth/browser/v1/auth/login", {}, content_type="application/json")

    assert response.status_code == 403
    assert response.json()["code"] == "csrf_failed"


def test_the_page_sends_a_form_once(strict):
    assert "accounts/forms.js" in strict.get(LOGIN).text
