"""A demo account of an earlier `DEMO=1` opens nothing on the same store without `DEMO`."""

import pytest

from tests.kit.clients import bearer, sign_in
from tests.kit.factories import UserFactory

EMAIL = "admin@example.com"


@pytest.fixture
def demo_admin(settings, db):
    settings.REFUSED_EMAILS = set()
    return UserFactory(email=EMAIL, admin=True)


def test_its_session_opens_neither_page_nor_panel(browser, demo_admin, settings):
    sign_in(browser, demo_admin)
    assert browser.get("/admin/").status_code == 200

    settings.REFUSED_EMAILS = {EMAIL}

    assert browser.get("/admin/").status_code == 302
    assert browser.get("/accounts/").status_code == 302
    assert browser.get("/api/me/").status_code == 401


def test_its_tokens_open_and_refresh_nothing(client, post, demo_admin, settings, obtain):
    pair = obtain(demo_admin)
    settings.REFUSED_EMAILS = {EMAIL}

    me = client.get("/api/me/", headers=bearer(pair["access"]))
    refreshed = post("/api/token/refresh/", {"refresh": pair["refresh"]})

    assert (me.status_code, refreshed.status_code) == (401, 401)
