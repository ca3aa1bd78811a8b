"""Create users with valid addresses."""

import pytest
from django.core.exceptions import ValidationError

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
