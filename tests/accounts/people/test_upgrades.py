"""A sign-in upgrades a hash of another Django site, and ends no other sign-in by it."""

import hashlib
import logging
from threading import BoundedSemaphore, Lock, Thread, get_ident

import pytest
from django.contrib.auth import hashers as django_hashers
from django.contrib.auth.hashers import check_password, make_password
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.moving import hashes
from accounts.people import argon2id, foreign_hashers, hashers
from accounts.people.models import User
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from config.settings import auth
from tests.kit import foreign_hashes
from tests.kit.clients import bearer, is_signed_in, sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in
from tests.kit.racing import at_once

pytestmark = pytest.mark.slow

NEW = "a wholly new passphrase"


class WeakArgon2(hashers.Argon2idPasswordHasher):
    time_cost, memory_cost = 1, 8


class CheapBCrypt(django_hashers.BCryptSHA256PasswordHasher):
    rounds = 4


FOREIGN = {
    "pbkdf2_sha256": django_hashers.PBKDF2PasswordHasher,
    "pbkdf2_sha1": django_hashers.PBKDF2SHA1PasswordHasher,
    "scrypt": django_hashers.ScryptPasswordHasher,
    "argon2": django_hashers.Argon2PasswordHasher,
    "argon2-nfkc": WeakArgon2,
    "bcrypt_sha256": CheapBCrypt,
}
OTHERS = {
    "bcrypt": foreign_hashes.stored_bcrypt,
    "firebase_scrypt": foreign_hashes.stored_firebase,
    "pbkdf2_bytes": foreign_hashes.stored_keycloak,
}
"""Hashes of other systems than Django's, as an import stores them."""
DOORS = ["page", "api", "app"]


@pytest.fixture(autouse=True)
def ours(settings):
    settings.PASSWORD_HASHERS = auth.PASSWORD_HASHERS


def foreign_hash(algorithm, password=PASSWORD):
    """Return the hash of another site, cheap where the algorithm allows it."""
    if algorithm in OTHERS:
        return OTHERS[algorithm](password)
    hasher = FOREIGN[algorithm]()
    if algorithm.startswith("pbkdf2"):
        return hasher.encode(password, "a" * 22, iterations=1000)
    return hasher.encode(password, hasher.salt())


@pytest.fixture(params=[*FOREIGN, *OTHERS])
def imported(request, db):
    """Create a user whose hash came from another site."""
    user = UserFactory()
    User.objects.filter(pk=user.pk).update(password=foreign_hash(request.param))
    return User.objects.get()


@pytest.mark.parametrize("door", DOORS)
def test_a_sign_in_upgrades_the_hash_at_each_door(imported, browser, door):
    assert sign_in(browser, imported, door=door).status_code in {200, 302}

    upgraded = User.objects.get()
    assert upgraded.password.startswith("argon2-nfkc$argon2id$v=19$m=19456,t=2,p=1$")
    assert upgraded.password_version == imported.password_version
    assert sign_in(Client(), imported, door=door).status_code in {200, 302}


COSTLY = {
    "of another system": hashes.of_keycloak(
        foreign_hashes.keycloak_pbkdf2(PASSWORD, "sha512", 1000)
    ),
    "of ours, with other costs": f"argon2-nfkc$argon2id$v=19$m=40000,t=1,p=1${'A' * 22}${'A' * 43}",
}


@pytest.mark.parametrize("encoded", COSTLY.values(), ids=COSTLY)
def test_a_sign_in_with_a_hash_of_ours_never_waits_for_costly_ones(monkeypatch, encoded):
    """A stranger who knows one imported account could hold all turns, a second each."""
    ours = hashers.Argon2idPasswordHasher()
    of_ours = ours.encode(PASSWORD, ours.salt())
    costly = BoundedSemaphore(1)
    monkeypatch.setattr(argon2id, "costly_turns", costly)
    with costly:
        waiting = Thread(target=check_password, args=(PASSWORD, encoded), daemon=True)
        waiting.start()
        waiting.join(0.2)

        assert waiting.is_alive()
        assert ours.verify(PASSWORD, of_ours)

    waiting.join(60)
    assert not waiting.is_alive()


def test_hashes_of_other_sites_are_computed_a_few_at_a_time(monkeypatch):
    """One may need 256 MiB. With one in each thread, a server would have no memory left."""
    monkeypatch.setattr(argon2id, "costly_turns", BoundedSemaphore(1))
    real, running, seen, lock = hashlib.pbkdf2_hmac, set(), [], Lock()

    def watched(*args):
        name = get_ident()
        with lock:
            running.add(name)
            seen.append(len(running))
        try:
            return real(*args)
        finally:
            with lock:
                running.discard(name)

    credential = foreign_hashes.keycloak_pbkdf2(PASSWORD, "sha512", 60_000)
    encoded = hashes.of_keycloak(credential)
    monkeypatch.setattr(foreign_hashers.hashlib, "pbkdf2_hmac", watched)

    assert at_once(8, lambda _: check_password(PASSWORD, encoded)) == [True] * 8
    assert max(seen) == 1


@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_password_upgrades_nothing_at_any_door(imported, browser, door):
    assert sign_in(browser, imported, "wrong", door=door).status_code in {200, 400, 401}

    assert User.objects.get().password == imported.password
    assert not AuthSession.objects.exists()


def test_an_upgrade_ends_no_other_sign_in(imported, obtain, deliver, client):
    """The others signed in before it, by a mailed code: that needs no password."""
    browser, app = Client(), Client()
    for other in (browser, app):
        other.post("/accounts/login/code/", {"email": imported.email})
        code = code_in(deliver()[-1])
        other.post("/accounts/login/code/confirm/", {"code": code})
    assert User.objects.get().password == imported.password

    pair = obtain(imported)

    assert User.objects.get().password != imported.password
    assert is_signed_in(browser)
    assert app.get("/accounts/").status_code == 200
    assert client.get("/api/me/", headers=bearer(pair["access"])).status_code == 200
    assert not AuthSession.objects.exclude(revoked_at=None).exists()


def test_a_sign_in_that_began_before_an_upgrade_opens(imported, rf):
    began = User.objects.get()
    assert imported.check_password(PASSWORD)

    opened = sessions.open(
        began, kind=AuthSession.Kind.BROWSER, client=sessions.ClientInfo(), amr=["google"]
    )

    assert opened.revoked_at is None


def test_an_upgrade_is_one_conditional_write(imported):
    with CaptureQueriesContext(connection) as sql:
        assert imported.check_password(PASSWORD)

    (statement,) = [each["sql"] for each in sql]
    assert statement.startswith("UPDATE")
    assert statement.partition("WHERE")[2].count("password") == 1


def test_an_upgrade_does_not_undo_a_change_at_the_same_time(imported):
    slow = User.objects.get()
    imported.set_password(NEW)
    imported.save()

    assert not slow.check_password(PASSWORD)
    assert User.objects.get().check_password(NEW)


def test_the_password_of_an_account_that_is_gone_is_wrong(imported):
    """An administrator deletes it while its owner signs in."""
    slow = User.objects.get()
    imported.delete()

    assert not slow.check_password(PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_of_a_change_and_upgrades_at_once_the_change_stays():
    user = UserFactory()
    User.objects.filter(pk=user.pk).update(password=foreign_hash("pbkdf2_sha256"))

    def work(number):
        mine = User.objects.get()
        if number == 0:
            mine.set_password(NEW)
            mine.save()
        else:
            mine.check_password(PASSWORD)

    results = at_once(4, work)

    assert results == [None] * 4
    assert User.objects.get().check_password(NEW)
    assert not User.objects.get().check_password(PASSWORD)


def test_a_change_still_ends_the_other_sessions(signed_in, user, another_browser):
    sign_in(another_browser, user)
    user.refresh_from_db()
    user.set_password(NEW)
    user.save()

    assert not is_signed_in(signed_in)
    assert not is_signed_in(another_browser)


DAMAGED = [
    "md5$salt$" + "0" * 32,
    "whirlpool$1$salt$hash",
    "plain text",
    "",
    "pbkdf2_sha256$",
    "pbkdf2_sha256$many$salt$hash",
    "pbkdf2_sha256$99999999999999999999$salt$hash",
    "pbkdf2_sha256$0$salt$hash",
    "scrypt$16384$salt$8$1$hash$more",
    "scrypt$15$salt$8$1$hash",
    "argon2$argon2id$v=19$m=1",
    "argon2-nfkc$argon2id$v=19$m=19456,t=2,p=1$bad$bad",
    "argon2-nfkc$argon2id$",
    "bcrypt_sha256$$2b$12$short",
    "bcrypt$$2b$12$short",
    "bcrypt$",
    "firebase_scrypt$14$8$salt",
    "firebase_scrypt$many$8$c2FsdA==$a2V5",
    "firebase_scrypt$-1$8$c2FsdA==$a2V5",
    "firebase_scrypt$1$8$*$a2V5",
    "pbkdf2_bytes$md6$1$c2FsdA==$a2V5",
    "pbkdf2_bytes$sha256$0$c2FsdA==$a2V5",
    "pbkdf2_bytes$sha256$many$c2FsdA==$a2V5",
]


@pytest.mark.parametrize("encoded", DAMAGED)
@pytest.mark.parametrize("door", DOORS)
def test_a_hash_that_cannot_be_read_refuses_cleanly(db, browser, door, encoded, caplog):
    user = UserFactory()
    User.objects.filter(pk=user.pk).update(password=encoded)

    with caplog.at_level(logging.ERROR):
        response = sign_in(browser, user, door=door)

    assert response.status_code in {200, 400, 401}
    assert not AuthSession.objects.exists()
    assert User.objects.get().password == encoded
    assert not [each for each in caplog.records if encoded and encoded in each.getMessage()]


def test_each_foreign_hash_accepts_the_form_that_was_typed(db):
    typed = "ｐａｓｓword mine"  # noqa: RUF001 - in full-width letters, of another site
    user = UserFactory()
    for algorithm in {*FOREIGN, *OTHERS} - {"argon2-nfkc"}:
        user.password = foreign_hash(algorithm, typed)
        user.save()

        assert user.check_password(typed), algorithm
        assert user.check_password("password mine"), algorithm


def test_new_passwords_are_argon2id_only(settings):
    assert make_password("x").startswith("argon2-nfkc$argon2id$v=19$m=19456,t=2,p=1$")
