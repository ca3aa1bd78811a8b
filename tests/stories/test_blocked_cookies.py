"""A browser without cookies opens the links of security mails: the page names the cause."""

import pytest
from django.test import Client

from accounts.audit.vocabulary import Denied
from accounts.mail import denial_links
from accounts.people.models import User
from tests.kit.clients import CHROME, is_signed_in, sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import link_in

pytestmark = pytest.mark.django_db
NEW = "a wholly new passphrase"


class Cookieless(Client):
    """A browser that keeps no cookie."""

    def request(self, **environ):
        self.cookies.clear()
        return super().request(**environ)


@pytest.fixture
def blocked():
    return Cookieless(headers={"user-agent": CHROME})


@pytest.fixture
def links(user, deliver):
    """Return a good link of each kind of mail whose page needs the session."""
    Client().post("/accounts/password/reset/", {"email": user.email})
    return {
        "reset": link_in(deliver()[-1]),
        "not me": denial_links.url(user, about=Denied.SIGN_IN, to=user.email),
    }


@pytest.mark.parametrize("kind", ["reset", "not me"])
def test_a_good_link_without_cookies_names_the_cause(blocked, links, kind):
    page = blocked.get(links[kind], follow=True)

    assert page.status_code == 403
    assert "Your browser sent no cookie" in page.text
    assert "open the link in the mail again" in page.text
    assert "no longer works" not in page.text


@pytest.mark.parametrize("kind", ["reset", "not me"])
def test_the_link_still_works_with_cookies(browser, blocked, links, kind):
    blocked.get(links[kind], follow=True)

    assert "<form" in browser.get(links[kind], follow=True).text
    assert "sent no cookie" not in browser.get(links[kind], follow=True).text


def test_an_old_link_with_cookies_still_says_so(browser, user):
    old = browser.get("/accounts/not-me/garbage/", follow=True)
    used = browser.get("/accounts/password/reset/key/1-garbage/", follow=True)

    assert "This link no longer works" in old.text
    assert "It was used before, or it has expired" in used.text


# A reset of another account than that which is signed in here


def test_a_reset_ends_only_the_sign_ins_of_its_account(browser, deliver):
    mine, theirs = UserFactory(), UserFactory()
    elsewhere = Client(headers={"user-agent": CHROME})
    sign_in(browser, mine)
    sign_in(elsewhere, theirs)
    Client().post("/accounts/password/reset/", {"email": theirs.email})

    page = browser.get(link_in(deliver()[-1]), follow=True)
    browser.post(page.redirect_chain[-1][0], {"password1": NEW})

    assert User.objects.get(pk=theirs.pk).check_password(NEW)
    assert User.objects.get(pk=mine.pk).check_password(PASSWORD)
    assert browser.get("/api/me/").json()["email"] == mine.email
    assert not is_signed_in(elsewhere)


def test_a_reset_of_the_own_account_signs_out_here(browser, user, deliver):
    sign_in(browser, user)
    Client().post("/accounts/password/reset/", {"email": user.email})

    page = browser.get(link_in(deliver()[-1]), follow=True)
    done = browser.post(page.redirect_chain[-1][0], {"password1": NEW}, follow=True)

    assert done.status_code == 200
    assert not is_signed_in(browser)
