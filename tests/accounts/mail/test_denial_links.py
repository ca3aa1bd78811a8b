"""A link "it wasn't me" is sealed, for one password, one address and some days."""

from uuid import uuid4

import pytest
from cryptography.fernet import Fernet

from accounts import encryption
from accounts.audit.vocabulary import Denied
from accounts.mail import denial_links
from tests.kit.factories import PASSWORD, UserFactory

OLDER = "accounts.people.hashers.Argon2idPasswordHasher"


def token_of(user, **details):
    about = details.pop("about", Denied.SIGN_IN)
    url = denial_links.url(user, about=about, to=user.email, **details)
    return url.rstrip("/").rsplit("/", 1)[1]


@pytest.mark.parametrize("about", Denied)
def test_a_token_says_what_it_was_made_for(user, about):
    sid = uuid4()
    denial = denial_links.read(token_of(user, about=about, sid=sid, connection=7))

    assert (denial.user_id, denial.about) == (user.pk, about)
    assert (denial.sid, denial.connection) == (sid, 7)
    assert denial.fits(user)
    assert denial.went_to(user.email.upper())


def test_a_token_may_be_about_no_sign_in(user):
    denial = denial_links.read(token_of(user))

    assert (denial.sid, denial.connection) == (None, None)


def test_a_token_fits_one_password_and_one_address(user):
    denial = denial_links.read(token_of(user))

    assert not denial.fits(UserFactory())
    assert not denial.went_to("other@example.com")


def test_a_password_that_was_never_set_differs_each_time(user):
    user.set_unusable_password()
    user.save()
    denial = denial_links.read(token_of(user))
    assert denial.fits(user)

    user.set_unusable_password()
    user.save()
    assert not denial.fits(user)


def test_an_upgrade_of_the_hash_leaves_a_token_valid(user, settings):
    settings.PASSWORD_HASHERS = [OLDER, *settings.PASSWORD_HASHERS]
    user.set_password(PASSWORD)
    user.save()
    denial = denial_links.read(token_of(user))
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
    former = user.password
    assert user.check_password(PASSWORD)

    assert user.password != former
    assert denial.fits(user)


def test_a_token_tells_a_reader_nothing(user):
    token = token_of(user)

    assert user.email not in token
    assert user.pk.hex not in token
    assert token != token_of(user)


def test_a_token_outlives_a_rotation_of_the_key(user, settings):
    token = token_of(user)
    settings.DATA_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.DATA_ENCRYPTION_KEYS]

    assert denial_links.read(token) is not None


def test_a_value_sealed_for_another_purpose_is_no_token(user):
    content = encryption.unseal(
        denial_links.urlsafe_b64decode(token_of(user) + "=="), name=denial_links.NAME
    )
    other = denial_links.urlsafe_b64encode(encryption.seal(content, name=b"sessions")).decode()
    unknown = encryption.seal(content + b"x", name=denial_links.NAME)

    assert denial_links.read(other.rstrip("=")) is None
    assert denial_links.read(denial_links.urlsafe_b64encode(unknown).decode()) is None


@pytest.mark.parametrize("token", ["", "x", "한글", "=" * 9, "A" * 9999, "-_-_"])
def test_garbage_is_no_token(token):
    assert denial_links.read(token) is None
