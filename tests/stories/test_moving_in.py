"""Somebody of a former system signs in here, by every door, the admin's too."""

import pytest
from django.test import Client

from accounts.people.models import User
from config.settings import auth
from tests.kit.clients import is_signed_in, sign_in
from tests.kit.foreign_hashes import FIREBASE
from tests.kit.moving import PARAMETERS, SAMPLES

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def came(db, settings):
    from django.core.management import CommandError, call_command  # noqa: PLC0415

    settings.PASSWORD_HASHERS = auth.PASSWORD_HASHERS
    arguments = [str(SAMPLES / "firebase.json"), "--from", "firebase"]
    with pytest.raises(CommandError):  # two rows have no email
        call_command("import_users", *arguments, "--hash-parameters", PARAMETERS)


@pytest.mark.parametrize("door", ["page", "api", "app"])
def test_a_person_of_firebase_signs_in_by_the_password_there(browser, door):
    user = User.objects.get(email="hana@example.com")

    assert sign_in(browser, user, FIREBASE["password"], door=door).status_code in {200, 302}

    assert door != "page" or is_signed_in(browser)
    user.refresh_from_db()
    assert user.password.startswith("argon2-nfkc$")


def test_staff_of_the_former_system_open_the_admin(settings):
    settings.MFA_REQUIRED_FOR = "nobody"
    user = User.objects.get(email="hana@example.com")
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    browser = Client()

    sign_in(browser, user, FIREBASE["password"])

    assert browser.get("/admin/").status_code == 200


def test_a_disabled_person_stays_outside(browser):
    user = User.objects.get(email="disabled@example.com")

    assert sign_in(browser, user, FIREBASE["password"], door="api").status_code == 401
