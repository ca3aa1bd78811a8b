"""One password has one form, at every door."""

import json
import unicodedata

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, make_password
from django.core.management import call_command

from accounts.people import argon2id
from accounts.people.models import User
from config.settings import auth
from tests.kit.clients import is_signed_in, sign_in
from tests.kit.factories import UserFactory
from tests.kit.mails import code_in

pytestmark = pytest.mark.slow

TEXT = "비밀번호는 pässwörd"
NFC, NFD = unicodedata.normalize("NFC", TEXT), unicodedata.normalize("NFD", TEXT)
OLD = "django.contrib.auth.hashers.Argon2PasswordHasher"


@pytest.fixture(autouse=True)
def hashers(settings):
    settings.PASSWORD_HASHERS = auth.PASSWORD_HASHERS


@pytest.fixture
def hashes(monkeypatch):
    """Count the hashes that are computed."""
    counted = []
    for owner, name in (
        (Argon2PasswordHasher, "verify"),
        (argon2id, "derive"),
        (argon2id, "verify"),
    ):
        real = getattr(owner, name)

        def count(*args, real=real, name=name, **kwargs):
            counted.append(name)
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, count)
    return counted


def older_hash(settings, password):
    settings.PASSWORD_HASHERS = [OLD]
    encoded = make_password(password)
    settings.PASSWORD_HASHERS = auth.PASSWORD_HASHERS
    return encoded


@pytest.mark.parametrize(
    ("stored", "typed"),
    [(NFC, NFD), (NFD, NFC), ("\N{FULLWIDTH LATIN SMALL LETTER A}bc", "abc")],
)
def test_forms_of_one_password_are_equal(stored, typed):
    assert check_password(typed, make_password(stored))


def test_passwords_that_only_look_alike_differ():
    assert not check_password("\u0440assword of mine", make_password("password of mine"))


@pytest.mark.parametrize(("password", "typed"), [(NFD, NFD), (NFC, NFC), (NFC, NFD)])
def test_an_older_hash_accepts_the_typed_and_the_normal_form(db, settings, password, typed):
    user = UserFactory()
    user.password = older_hash(settings, password)
    user.save()

    assert user.check_password(typed)

    user = User.objects.get(pk=user.pk)
    assert user.password.startswith("argon2-nfkc$")
    assert user.check_password(NFC)
    assert user.check_password(NFD)


def test_an_older_hash_refuses_another_password(settings):
    assert not check_password(NFC + "x", older_hash(settings, NFC))


@pytest.mark.parametrize("typed", [NFC, NFD, "wrong", unicodedata.normalize("NFD", "Wröng")])
def test_a_check_costs_one_hash(hashes, typed):
    encoded = make_password(NFC)
    hashes.clear()

    check_password(typed, encoded)

    assert len(hashes) == 1


@pytest.mark.parametrize(("typed", "count"), [("wrong", 1), (NFC + "x", 1), (NFD + "x", 2)])
def test_an_older_hash_costs_a_second_only_for_another_form(hashes, settings, typed, count):
    encoded = older_hash(settings, NFC)
    hashes.clear()

    check_password(typed, encoded)

    assert len(hashes) == count


@pytest.mark.parametrize("typed", [NFC, NFD])
def test_an_unknown_user_costs_as_many_hashes_as_a_known_one(post, db, hashes, typed):
    user = UserFactory(password="correct horse battery")
    spent = []
    for email in (user.email, "nobody@example.com"):
        hashes.clear()
        post("/api/token/", {"email": email, "password": typed})
        spent.append(len(hashes))

    assert spent == [1, 1]


@pytest.mark.parametrize("door", ["page", "api", "app"])
@pytest.mark.parametrize(("stored", "typed"), [(NFC, NFD), (NFD, NFC)])
def test_every_sign_in_accepts_every_form(browser, db, door, stored, typed):
    user = UserFactory(password=stored)

    response = sign_in(browser, user, typed, door=door)

    assert response.status_code in {200, 302}
    assert door != "page" or is_signed_in(browser)


def test_a_password_is_normalised_wherever_it_is_set(browser, another_browser, db, deliver):
    browser.post("/accounts/signup/", {"email": "page@example.com", "password1": NFD})
    browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})
    another_browser.post(
        "/_allauth/browser/v1/auth/signup",
        json.dumps({"email": "headless@example.com", "password": NFD}),
        content_type="application/json",
    )
    User.objects.create_superuser("root@example.com", NFD)

    emails = ["page@example.com", "headless@example.com", "root@example.com"]
    for email in emails:
        assert User.objects.get(email=email).check_password(NFC), email
    assert (
        browser.post(
            "/accounts/password/change/", {"oldpassword": NFC, "password1": NFD + "2"}
        ).status_code
        == 302
    )
    assert User.objects.get(email="page@example.com").check_password(NFC + "2")


PREFIXES = ["emailaddress_set", "socialaccount_set"]


def test_createsuperuser_normalises(db, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", NFD)

    call_command("createsuperuser", interactive=False, email="root@example.com")

    assert User.objects.get(email="root@example.com").check_password(NFC)


def test_the_api_accepts_128_characters_in_parts(post, db):
    user = UserFactory(password="각" * 128)

    typed = unicodedata.normalize("NFD", "각" * 128)
    response = post("/api/token/", {"email": user.email, "password": typed})

    assert response.status_code == 200
