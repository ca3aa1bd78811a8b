"""Test which accounts a typed email may sign in to."""

import pytest
from allauth.account.models import EmailAddress

from accounts.pages.backends import candidates
from tests.kit.clients import PASSWORD
from tests.kit.factories import UserFactory

pytestmark = pytest.mark.django_db
ADDRESS = "hana@example.com"


def typed_by(user):
    """Let this account have typed the address, without a proof."""
    EmailAddress.objects.bulk_create([EmailAddress(user=user, email=ADDRESS, verified=False)])
    return user


def test_only_the_owner_of_a_proved_address_is_a_candidate():
    typed_by(UserFactory())
    owner = UserFactory(email=ADDRESS)

    assert candidates("HANA@example.com") == [owner]


def test_a_proved_address_that_is_not_the_main_one_counts():
    owner = UserFactory()
    EmailAddress.objects.bulk_create([EmailAddress(user=owner, email=ADDRESS, verified=True)])
    typed_by(UserFactory())

    assert candidates(ADDRESS) == [owner]


def test_without_an_owner_all_who_typed_the_address_are_candidates():
    users = {typed_by(UserFactory()), typed_by(UserFactory())}

    assert set(candidates(ADDRESS)) == users


def test_nobody_has_an_unknown_address():
    UserFactory()

    assert candidates(ADDRESS) == []


def test_a_stranger_who_typed_the_address_learns_nothing_of_its_owner(client):
    """The password is that of the stranger's own account: it gets the answer of a wrong one."""
    owner = UserFactory(email=ADDRESS, password="another of the owner")
    typed_by(UserFactory())

    answer = client.post(
        "/api/token/", {"email": ADDRESS, "password": PASSWORD}, content_type="application/json"
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    owner.refresh_from_db()
    assert owner.last_login is None
