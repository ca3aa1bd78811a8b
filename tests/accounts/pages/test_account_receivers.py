"""Save users: other rights and new passwords end their sign-ins, without a second read of the row."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.core import serializers
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.audit.models import AuditEvent
from accounts.people.models import User
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from config.settings import auth
from tests.kit.clients import bearer, is_signed_in, sign_in
from tests.kit.factories import PASSWORD, AuthSessionFactory, UserFactory

NEW = "another long password"


def saving(user, **kwargs):
    """Save the user and return the SQL statements."""
    with CaptureQueriesContext(connection) as sql:
        user.save(**kwargs)
    return [query["sql"] for query in sql]


def reasons():
    return set(AuthSession.objects.values_list("revoked_reason", flat=True))


def test_saving_a_name_is_one_statement(user):
    AuthSessionFactory(user=user)
    user.display_name = "Hana"

    [statement] = saving(user)

    assert statement.startswith('UPDATE "accounts_user"')
    assert reasons() == {""}


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
def test_saving_other_rights_does_not_read_the_user(user, right):
    AuthSessionFactory(user=user)
    setattr(user, right, True)

    statements = saving(user)

    assert not [each for each in statements if 'FROM "accounts_user"' in each]
    assert reasons() == {"rights_changed"}


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
def test_rights_in_update_fields_end_the_sign_ins(user, right):
    """Another process may have changed the row, so the site can't know the former value."""
    AuthSessionFactory(user=user)
    User.objects.update(**{right: True})

    user.save(update_fields=[right])

    assert reasons() == {"rights_changed"}


def test_unsaved_rights_end_the_sign_ins_at_the_next_save(user):
    AuthSessionFactory(user=user)
    user.is_staff = True
    user.save(update_fields=["display_name"])
    assert reasons() == {""}

    user.save()

    assert User.objects.get().is_staff
    assert reasons() == {"rights_changed"}


def test_rights_from_a_fixture_end_the_sign_ins(user):
    """`loaddata` doesn't call `User.save`."""
    AuthSessionFactory(user=user)
    user.is_staff = True
    text = serializers.serialize("json", [user])

    for each in serializers.deserialize("json", text):
        each.save()

    assert reasons() == {"rights_changed"}


def test_a_new_user_ends_nothing(db):
    other = AuthSessionFactory()

    UserFactory(admin=True)

    other.refresh_from_db()
    assert other.revoked_at is None


# A new password that no page has set


def changed():
    return AuditEvent.objects.filter(type="password.changed").count()


def test_changepassword_ends_every_sign_in(user, signed_in, post, monkeypatch):
    pair = post("/api/token/", {"email": user.email, "password": PASSWORD}).json()
    monkeypatch.setattr("getpass.getpass", lambda prompt: NEW)
    call_command("changepassword", user.email, verbosity=0)

    assert not is_signed_in(signed_in)
    assert post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401
    assert Client().get("/api/me/", headers=bearer(pair["access"])).status_code == 401
    assert reasons() == {"password_changed"}
    assert changed() == 1
    assert sign_in(Client(), user, NEW).status_code == 302


@pytest.mark.parametrize("is_usable", [True, False])
def test_a_saved_password_ends_every_sign_in(user, is_usable):
    AuthSessionFactory(user=user)
    user.set_password(NEW if is_usable else None)
    user.save()

    assert reasons() == {"password_changed"}
    assert changed() == 1


def test_a_password_saved_with_a_deactivation_ends_them_as_disabled(user):
    AuthSessionFactory(user=user)
    user.is_active = False
    user.set_password(NEW)
    user.save()

    assert reasons() == {"deactivated"}
    assert changed() == 1


def test_the_page_writes_one_event_and_keeps_its_own_sign_in(user, signed_in):
    AuthSessionFactory(user=user)
    form = {"oldpassword": PASSWORD, "password1": NEW}
    assert signed_in.post("/accounts/password/change/", form).status_code == 302

    assert is_signed_in(signed_in)
    assert reasons() == {"", "password_changed"}
    assert changed() == 1


@pytest.mark.parametrize("is_async", [False, True])
def test_an_upgrade_of_the_hash_ends_no_sign_in(user, settings, is_async):
    settings.PASSWORD_HASHERS = auth.PASSWORD_HASHERS
    AuthSessionFactory(user=user)
    old = PBKDF2PasswordHasher().encode(PASSWORD, "a salt", iterations=1000)
    User.objects.filter(pk=user.pk).update(password=old)
    user.refresh_from_db()
    check = async_to_sync(user.acheck_password) if is_async else user.check_password

    assert check(PASSWORD)
    assert User.objects.get().password.startswith("argon2-nfkc$")
    assert reasons() == {""}
    assert changed() == 0


def test_a_new_user_has_no_event_of_a_changed_password(db):
    UserFactory()

    assert changed() == 0


def test_a_password_set_by_update_leaves_apps_signed_in(user, pair, signed_in, post):
    """Django sends no signal for it, so code that does this must end the sign-ins itself."""
    User.objects.filter(pk=user.pk).update(password=make_password("another long pass phrase"))
    is_browser_in = is_signed_in(signed_in)
    going_on = post("/api/token/refresh/", {"refresh": pair["refresh"]})

    sessions.revoke_all(user, reason=sessions.Reason.PASSWORD_CHANGED)
    ended = post("/api/token/refresh/", {"refresh": going_on.json()["refresh"]})

    assert not is_browser_in
    assert (going_on.status_code, ended.status_code) == (200, 401)
