"""Add and revoke API keys in the panel."""

import re

import pytest
from django.contrib.auth.models import Permission

from accounts.services import keys
from accounts.services.models import ApiKey
from tests.kit.clients import open_browser
from tests.kit.factories import UserFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/apikey/"


@pytest.fixture
def panel(browser, admin_user):
    open_browser(browser, admin_user)
    return browser


@pytest.fixture
def key():
    key = ApiKey(name="Billing", scope="orders:read")
    keys.add(key)
    return key


def revoke(panel, key):
    return panel.post(LIST, {"action": "revoke", "_selected_action": [str(key.pk)]}, follow=True)


def test_the_secret_is_shown_once(panel, admin_user):
    shown = panel.post(f"{LIST}add/", {"name": "Billing", "scope": " orders:read  b "}).text

    key = ApiKey.objects.get()
    secret = re.search(r'<code id="secret">([^<]+)</code>', shown)[1]
    assert keys.check(str(key.pk), secret) == key
    assert str(key.pk) in shown
    assert (key.scope, key.created_by) == ("orders:read b", admin_user)
    assert secret not in panel.get(LIST).text + panel.get(f"{LIST}{key.pk}/change/").text


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": "admin"},
        {"scope": "a role:editors"},
        {"expires_at": "2020-01-01T00:00"},
        {"name": "\u200b"},
        {"name": "Bill\u202eing"},
    ],
)
def test_a_wrong_key_is_refused(panel, fields):
    answer = panel.post(f"{LIST}add/", {"name": "Billing", "scope": "a"} | fields)

    assert answer.status_code == 200
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked(panel, key):
    revoke(panel, key)

    assert ApiKey.objects.get().revoked_at is not None


@pytest.mark.parametrize("view", ["change/", "delete/"])
def test_a_key_is_not_edited_or_deleted(panel, key, view):
    answer = panel.post(f"{LIST}{key.pk}/{view}", {"name": "x", "scope": "b", "post": "yes"})

    assert answer.status_code == 403
    assert ApiKey.objects.get().scope == "orders:read"


def test_staff_who_may_only_look_cannot_act(browser, key):
    staff = UserFactory(staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    open_browser(browser, staff)

    revoke(browser, key)

    assert browser.get(LIST).status_code == 200
    assert browser.get(f"{LIST}add/").status_code == 403
    assert ApiKey.objects.get().revoked_at is None
