"""Lead a visitor to the sign-in page, and then to the page that was asked for."""

import pytest

from tests.kit.factories import PASSWORD


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/",
        "/accounts/sessions/",
        "/accounts/activity/",
        "/accounts/profile/",
        "/accounts/email/",
        "/accounts/password/change/",
        "/accounts/3rdparty/",
    ],
)
def test_an_account_page_leads_to_the_sign_in_page_and_back(browser, user, path):
    asked = browser.get(path)
    assert asked.status_code == 302
    assert asked["Location"] == f"/accounts/login/?next={path}"

    done = browser.post(
        asked["Location"], {"login": user.email, "password": PASSWORD, "next": path}
    )

    assert done["Location"] == path
    assert browser.get(path).status_code == 200


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/accounts/profile/", "/accounts/profile/"),
        # This address takes no GET, so its page comes next.
        ("/accounts/sessions/revoke-others/", "/accounts/sessions/"),
    ],
)
def test_a_form_without_a_sign_in_is_not_sent_and_says_so_once(browser, user, path, page):
    asked = browser.post(path, {"display_name": "Hana"})

    assert asked["Location"] == f"/accounts/login/?next={page}"
    assert (
        browser.get(asked["Location"]).text.count("You are signed out, so nothing was done.") == 1
    )
    user.refresh_from_db()
    assert user.display_name == ""
