"""Store users: the database's constraints, and saves that write only the changed columns."""

import pytest
from django.contrib.auth.hashers import check_password
from django.db import IntegrityError
from django.db.models.signals import post_save, pre_save

from accounts.people.models import User, user_display
from tests.kit.factories import PASSWORD, UserFactory

NEW = "another long pass phrase"


@pytest.fixture
def stale(user):
    """Return a user that was read before an administrator disabled and demoted it."""
    User.objects.filter(pk=user.pk).update(is_staff=True)
    read = User.objects.get(pk=user.pk)
    User.objects.filter(pk=user.pk).update(is_active=False, is_staff=False)
    return read


def stored(user):
    return User.objects.values("display_name", "is_active", "is_staff").get(pk=user.pk)


def test_a_slow_save_keeps_changes_of_others(stale):
    stale.display_name = "Slow"

    stale.save()

    assert stored(stale) == {"display_name": "Slow", "is_active": False, "is_staff": False}


def test_saving_nothing_writes_nothing(stale, django_assert_num_queries):
    with django_assert_num_queries(0):
        stale.save()


def test_a_second_save_after_a_save_writes_nothing(user, django_assert_num_queries):
    user.display_name = "Once"
    user.save()

    with django_assert_num_queries(0):
        user.save()


def test_a_save_after_refresh_from_db_keeps_the_new_values(user):
    User.objects.filter(pk=user.pk).update(display_name="Elsewhere")
    user.refresh_from_db()
    User.objects.filter(pk=user.pk).update(display_name="Later")

    user.locale = "ko"
    user.save()

    assert stored(user)["display_name"] == "Later"


def test_a_column_that_was_not_read_is_written_when_it_is_set(user):
    partial = User.objects.only("id").get(pk=user.pk)
    partial.display_name = "Given"

    partial.save()

    assert stored(user) == {"display_name": "Given", "is_active": True, "is_staff": False}


def test_a_new_user_is_written_whole(db):
    user = User(email="new@example.com", display_name="New")

    user.save()

    assert User.objects.get(pk=user.pk).display_name == "New"


def test_named_columns_are_written_as_named(user):
    user.display_name, user.locale = "Named", "ko"

    user.save(update_fields=["locale"])

    assert User.objects.values("display_name", "locale").get(pk=user.pk) == {
        "display_name": "",
        "locale": "ko",
    }


def test_a_column_that_was_not_named_is_written_by_the_next_save(user):
    user.display_name, user.locale = "Named", "ko"
    user.save(update_fields=["locale"])

    user.save()

    assert stored(user)["display_name"] == "Named"


def test_a_change_survives_the_reading_of_another_column(user):
    partial = User.objects.defer("locale").get(pk=user.pk)
    partial.display_name = "Given"
    assert partial.locale == ""  # reads it

    partial.save()

    assert stored(user)["display_name"] == "Given"


@pytest.fixture
def saves():
    """Return the `update_fields` that each save passes to signal receivers."""
    named = []

    def note(signal, update_fields, **kwargs):
        named.append((signal, update_fields))

    for signal in (pre_save, post_save):
        signal.connect(note, sender=User)
    yield named
    for signal in (pre_save, post_save):
        assert signal.disconnect(note, sender=User)


def test_receivers_get_the_changed_columns(user, saves):
    user.display_name, user.is_staff = "Named", True

    user.save()

    names = {"display_name", "is_staff"}
    assert saves == [(pre_save, names), (post_save, names)]


def test_the_profile_form_undoes_no_deactivation(signed_in, user, monkeypatch):
    """The attack: post the form in a loop, to overwrite a change that an administrator makes meanwhile."""
    from accounts.pages.forms import ProfileForm  # noqa: PLC0415 - beside its only use

    original = ProfileForm.save

    def late(self, *args, **kwargs):
        User.objects.filter(pk=user.pk).update(is_active=False)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(ProfileForm, "save", late)

    signed_in.post("/accounts/profile/", {"display_name": "Back", "locale": ""})

    assert stored(user) == {"display_name": "Back", "is_active": False, "is_staff": False}


def test_a_password_change_undoes_no_deactivation(signed_in, user, monkeypatch):
    original = User.set_password

    def late(self, password):
        User.objects.filter(pk=user.pk).update(is_active=False)
        original(self, password)

    monkeypatch.setattr(User, "set_password", late)

    signed_in.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW})

    user.refresh_from_db()
    assert user.is_active is False
    assert check_password(NEW, user.password)


# Hashes with old parameters


@pytest.fixture
def argon(user, settings):
    """New hashes are of another kind than the user's."""
    settings.PASSWORD_HASHERS = [
        "accounts.people.hashers.Argon2idPasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]


def test_a_right_password_upgrades_the_hash_once(user, argon):
    slow = User.objects.get()

    assert user.check_password(PASSWORD)
    assert slow.check_password(PASSWORD)

    assert user.password == slow.password == User.objects.get().password
    assert user.password.startswith("argon2-nfkc$")


def test_an_upgrade_does_not_undo_a_password_change(user, argon):
    slow = User.objects.get()
    user.set_password(NEW)
    user.save()

    assert not slow.check_password(PASSWORD)

    assert User.objects.get().check_password(NEW)


def test_a_wrong_password_upgrades_nothing(user, argon):
    before = user.password

    assert not user.check_password("wrong")
    assert not user.check_password(None)

    assert User.objects.get().password == before


def test_a_save_after_an_upgrade_does_not_write_the_hash_again(user, argon):
    user.check_password(PASSWORD)
    changed = User.objects.get()
    changed.set_password(NEW)
    changed.save()

    user.display_name = "A"
    user.save()

    assert User.objects.get().check_password(NEW)


def test_two_users_do_not_share_their_stored_values(db):
    one, other = UserFactory(), UserFactory()
    one.display_name = "One"
    one.save()
    other.save()

    assert stored(other)["display_name"] == ""


@pytest.mark.django_db
def test_two_users_with_one_address_in_another_case_are_impossible():
    UserFactory(email="a@example.com")

    with pytest.raises(IntegrityError):
        User.objects.bulk_create([User(email="A@EXAMPLE.com")])


@pytest.mark.parametrize(("name", "shown"), [("김하나", "김하나"), ("", "a@example.com")])
def test_a_user_is_shown_by_name_or_else_by_address(name, shown):
    assert user_display(User(email="a@example.com", display_name=name)) == shown
