"""Save users: a change of rights ends their sign-ins, without a second read of the row."""

import pytest
from django.core import serializers
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.factories import AuthSessionFactory, UserFactory


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
