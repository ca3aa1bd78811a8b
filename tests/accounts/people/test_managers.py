"""Create users with valid addresses, and let them enter."""

from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.people.models import User
from tests.kit.factories import UserFactory


@pytest.mark.django_db
@pytest.mark.parametrize("email", [" A@Example.COM ", "a@example.com", "\tA@EXAMPLE.com\n"])
def test_addresses_are_stored_stripped_and_lower_cased(email):
    user = User.objects.create_user(email, "correct horse battery")

    assert user.email == "a@example.com"
    assert User.objects.get_by_natural_key(email) == user


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["", None, "no address", "a@b", "a b@example.com"])
def test_a_user_needs_an_address(email):
    with pytest.raises(ValidationError):
        User.objects.create_user(email, "correct horse battery")


@pytest.mark.django_db
def test_one_address_belongs_to_one_user():
    UserFactory(email="a@example.com")

    with pytest.raises(ValidationError):
        User.objects.create_user("A@example.com", "correct horse battery")


@pytest.mark.django_db
def test_a_user_without_a_password_cannot_sign_in_with_one():
    user = User.objects.create_user("a@example.com")

    assert not user.has_usable_password()
    assert not user.check_password("")


@pytest.mark.django_db
def test_a_superuser_is_staff():
    user = User.objects.create_superuser("a@example.com", "correct horse battery")

    assert (user.is_staff, user.is_superuser) == (True, True)


@pytest.mark.django_db
def test_entering_writes_the_time_and_reads_the_current_row():
    user = UserFactory(last_login=None)
    User.objects.filter(pk=user.pk).update(is_staff=True, display_name="Mina")
    now = timezone.now()

    assert User.objects.enter(user, at=now)

    assert (user.last_login, user.is_staff, user.display_name) == (now, True, "Mina")
    assert user == User.objects.get(last_login=now)
    assert vars(user)["_stored"]["display_name"] == "Mina"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"password": "x"}, {"password_version": uuid4()}]
)
def test_nobody_enters_after_a_change_of_the_account(change):
    user = UserFactory(last_login=None)
    User.objects.filter(pk=user.pk).update(**change)

    assert not User.objects.enter(user, at=timezone.now())

    assert User.objects.get(pk=user.pk).last_login is None
    assert user.last_login is None


@pytest.mark.django_db
def test_nobody_enters_a_deleted_account():
    user = UserFactory()
    User.objects.filter(pk=user.pk).delete()

    assert not User.objects.enter(user, at=timezone.now())
