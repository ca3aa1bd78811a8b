"""A change and what it ends are one: if the database fails in between, nothing has changed.

A trigger of the database refuses the second write. Then the first one must not stand, the visitor
must still be signed in, and the next try must succeed.
"""

import json
from contextlib import suppress

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db import DatabaseError
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.operators.acting import state_of
from accounts.pages import transactions
from accounts.people.models import User
from accounts.routes import views_in
from accounts.signins.models import AuthSession
from config import urls
from tests.kit.clients import CHROME, is_signed_in, sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.failing import failing
from tests.kit.mails import code_in, link_in
from tests.kit.operators import WHY, act_page

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "some other unrelated words"
ENDS = ("UPDATE", "accounts_authsession")
RECORDS = ("INSERT", "accounts_auditevent")


@pytest.fixture
def visitor(user):
    """A browser that is signed in, and has just proved it."""
    browser = Client(raise_request_exception=False, headers={"user-agent": CHROME})
    sign_in(browser, user)
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return browser


@pytest.fixture
def other(user):
    """The thief's browser, or another device."""
    browser = Client(raise_request_exception=False)
    sign_in(browser, user)
    return browser


def state(user):
    """What the database says of this user, but for the events of sign-ins."""
    stored = User.objects.get(pk=user.pk)
    return {
        "password": stored.password,
        "email": stored.email,
        "is_active": stored.is_active,
        "is_staff": stored.is_staff,
        "addresses": sorted(
            EmailAddress.objects.filter(user=user).values_list("email", "verified")
        ),
        "connected": SocialAccount.objects.filter(user=user).count(),
        "ended": AuthSession.objects.filter(user=user).exclude(revoked_at=None).count(),
        "recorded": AuditEvent.objects.filter(user=user).exclude(type__startswith="login").count(),
    }


def assert_whole(user, act, fault):
    """`act` fails and changes nothing while the database fails; afterwards it succeeds."""
    before = state(user)
    with failing(*fault):
        refused = act()
    after = state(user)
    done = act()

    assert refused is None or refused.status_code >= 409, refused.content
    assert after == before
    assert done is None or done.status_code < 400, done.content
    assert state(user) != before


# Passwords


@pytest.mark.parametrize("fault", [ENDS, RECORDS])
def test_a_password_change_on_the_page(user, visitor, other, fault):
    def change():
        response = visitor.post(
            "/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW}
        )
        assert is_signed_in(visitor)
        return response

    assert_whole(user, change, fault)

    assert not is_signed_in(other)


def test_a_refused_password_change_leaves_no_word_of_success(user, visitor, other):
    with failing(*ENDS):
        visitor.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW})

    assert "changed" not in visitor.get("/accounts/password/change/").text
    assert is_signed_in(other)


@pytest.mark.parametrize("fault", [ENDS, RECORDS])
def test_a_first_password_on_the_page(user, visitor, other, deliver, fault):
    user.set_unusable_password()
    user.save_password()
    for browser in (visitor, other):
        session = browser.session
        session["_auth_user_hash"] = user.get_session_auth_hash()
        session.save()
    visitor.post("/accounts/reauthenticate/code/", {"recipient": user.email})
    visitor.post("/accounts/reauthenticate/code/confirm/", {"code": code_in(deliver()[-1])})

    def choose():
        response = visitor.post("/accounts/password/set/", {"password1": NEW})
        assert is_signed_in(visitor)
        return response

    assert_whole(user, choose, fault)

    assert not is_signed_in(other)


@pytest.mark.parametrize("fault", [ENDS, RECORDS])
def test_a_password_reset_on_the_page(user, other, deliver, client, fault):
    client.raise_request_exception = False
    client.post("/accounts/password/reset/", {"email": user.email})
    form = client.get(link_in(deliver()[-1]).split("testserver")[1])["Location"]

    assert_whole(user, lambda: client.post(form, {"password1": NEW}), fault)

    assert not is_signed_in(other)


@pytest.mark.parametrize("fault", [ENDS, RECORDS])
def test_a_password_change_by_app(user, other, pair, app, fault):
    me = {"authorization": f"Bearer {pair['access']}"}
    body = {"current_password": PASSWORD, "new_password": NEW}

    assert_whole(user, lambda: app("POST", "account/password/change", body, **me), fault)

    assert app("GET", "auth/session", **me).status_code == 200
    assert not is_signed_in(other)


@pytest.mark.parametrize("fault", [ENDS, RECORDS])
def test_a_password_reset_by_app(user, other, deliver, app, fault):
    app("POST", "auth/password/request", {"email": user.email})
    key = link_in(deliver()[-1]).rstrip("/").rsplit("/", 1)[1]
    body = {"key": key, "password": NEW}
    before = state(user)

    with failing(*fault):
        refused = app("POST", "auth/password/reset", body)
    after = state(user)
    app("POST", "auth/password/reset", body)

    assert refused.status_code >= 500
    assert after == before
    assert User.objects.get().check_password(NEW)
    assert not is_signed_in(other)


@pytest.mark.parametrize("fault", [ENDS, RECORDS])
def test_a_password_change_by_a_browser_frontend(user, visitor, other, fault):
    def change():
        response = visitor.post(
            "/_allauth/browser/v1/account/password/change",
            json.dumps({"current_password": PASSWORD, "new_password": NEW}),
            content_type="application/json",
        )
        assert is_signed_in(visitor)
        return response

    assert_whole(user, change, fault)

    assert not is_signed_in(other)


# Addresses and connections


@pytest.mark.parametrize("fault", [RECORDS, ("DELETE", "account_emailaddress")])
def test_an_email_change_on_the_page(user, visitor, deliver, fault):
    visitor.post("/accounts/email/", {"action_add": "", "email": "new@example.com"})
    form = {"code": code_in(deliver()[-1])}

    assert_whole(user, lambda: visitor.post("/accounts/confirm-email/", form), fault)

    assert User.objects.get().email == "new@example.com"
    assert is_signed_in(visitor)


@pytest.mark.parametrize("fault", [RECORDS, ("DELETE", "account_emailaddress")])
def test_an_email_change_by_app(user, pair, app, deliver, fault):
    me = {"authorization": f"Bearer {pair['access']}"}
    app("POST", "auth/reauthenticate", {"password": PASSWORD}, **me)
    app("POST", "account/email", {"email": "new@example.com"}, **me)

    key = {"key": code_in(deliver()[-1])}

    assert_whole(user, lambda: app("POST", "auth/email/verify", key, **me), fault)

    assert User.objects.get().email == "new@example.com"


@pytest.mark.parametrize("fault", [RECORDS, ("INSERT", "accounts_job")])
def test_a_disconnection_on_the_page(user, visitor, fault):
    account = SocialAccount.objects.create(user=user, provider="kakao", uid="1")
    form = {"account": account.pk}

    assert_whole(user, lambda: visitor.post("/accounts/3rdparty/", form), fault)


@pytest.mark.parametrize("fault", [RECORDS, ("INSERT", "accounts_job")])
def test_a_disconnection_by_app(user, pair, app, fault):
    me = {"authorization": f"Bearer {pair['access']}"}
    app("POST", "auth/reauthenticate", {"password": PASSWORD}, **me)
    SocialAccount.objects.create(user=user, provider="kakao", uid="1")
    body = {"provider": "kakao", "account": "1"}

    assert_whole(user, lambda: app("DELETE", "account/providers", body, **me), fault)


# What administrators do


@pytest.fixture
def admin(db):
    browser = Client(raise_request_exception=False)
    sign_in(browser, UserFactory(admin=True, email="operator@example.com"))
    return browser


@pytest.mark.parametrize("fault", [ENDS, RECORDS])
@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": True}])
def test_a_saved_user(user, other, change, fault):
    def save():
        stored = User.objects.get(pk=user.pk)
        for name, value in change.items():
            setattr(stored, name, value)
        with suppress(DatabaseError):
            stored.save()

    assert_whole(user, save, fault)

    assert not is_signed_in(other)


@pytest.mark.parametrize("fault", [ENDS, RECORDS])
def test_a_deactivation_in_the_admin(user, other, admin, fault):
    def deactivate():
        stored = User.objects.get(pk=user.pk)
        form = {"reason": WHY, "seen": state_of(stored), "until": "0"}
        return admin.post(act_page(user, "lock"), form)

    assert_whole(user, deactivate, fault)

    assert not is_signed_in(other)


@pytest.mark.parametrize("fault", [ENDS, RECORDS])
def test_a_deletion(user, other, admin, fault):
    form = {"reason": WHY, "seen": state_of(user)}
    with failing(*fault):
        refused = admin.post(act_page(user, "delete-account"), form)
    assert refused.status_code >= 500
    assert is_signed_in(other)

    admin.post(act_page(user, "delete-account"), form)

    assert not is_signed_in(other)


def test_an_action_ends_all_or_none(user, other, admin):
    another, last = UserFactory(), Client()
    sign_in(last, another)
    rows = AuthSession.objects.filter(user__in=[user, another])
    rows.filter(user=another).update(client_id="last")
    path = "/admin/accounts/authsession/"
    form = {"action": "revoke", "reason": WHY, "_selected_action": [row.pk for row in rows]}

    with failing("UPDATE", "accounts_authsession", when="OLD.client_id = 'last'"):
        refused = admin.post(path, form)
    left = rows.filter(revoked_at=None).count()
    both = is_signed_in(other), is_signed_in(last)
    admin.post(path, form)

    assert refused.status_code >= 500
    assert left == 2
    assert both == (True, True)
    assert rows.filter(revoked_at=None).count() == 0


# The list of doors


def test_every_name_in_the_list_is_a_view():
    names = {route.name for route in views_in(urls.urlpatterns)}

    assert names >= transactions.CHANGES
