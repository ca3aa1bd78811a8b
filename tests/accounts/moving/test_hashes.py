"""Hashes of other systems open our doors, and absurd ones don't come."""

import hashlib
import json
from base64 import b64encode

import pytest
from django.contrib.auth.hashers import check_password

from accounts.moving import hashes
from accounts.moving.errors import RefusedError
from config.settings import auth
from tests.kit.foreign_hashes import (
    ARGON2,
    BCRYPT,
    FIREBASE,
    FIREBASE_PARAMETERS,
    keycloak_argon2,
    keycloak_pbkdf2,
)

KEYCLOAK = {
    "pbkdf2-sha256": keycloak_pbkdf2("a password there", "sha256", 1000),
    "pbkdf2-sha512": keycloak_pbkdf2("a password there", "sha512", 1000),
    "pbkdf2": keycloak_pbkdf2("a password there", "sha1", 1000),
    "argon2": keycloak_argon2("a password there"),
}


@pytest.fixture(autouse=True)
def ours(settings):
    settings.PASSWORD_HASHERS = auth.PASSWORD_HASHERS


def firebase():
    return hashes.of_firebase(FIREBASE["hash"], FIREBASE["salt"], FIREBASE_PARAMETERS)


def test_firebases_documented_example_opens():
    assert check_password(FIREBASE["password"], firebase())
    assert not check_password(FIREBASE["password"] + "x", firebase())


def test_a_stored_firebase_hash_has_no_signer_key():
    key = FIREBASE_PARAMETERS.signer_key

    assert b64encode(key).decode()[:20] not in firebase()
    assert FIREBASE["hash"][:20] not in firebase()


def test_firebases_url_safe_base64_is_the_same_hash():
    url_safe = str.maketrans("+/", "-_")
    hashed, salt = FIREBASE["hash"].translate(url_safe), FIREBASE["salt"].translate(url_safe)

    assert hashes.of_firebase(hashed.rstrip("="), salt, FIREBASE_PARAMETERS) == firebase()


def test_supabases_form_of_firebases_hash_is_the_same_hash():
    key = b64encode(FIREBASE_PARAMETERS.signer_key).decode()
    text = f"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk={key}${FIREBASE['salt']}${FIREBASE['hash']}"

    assert hashes.stored(text) == firebase()


@pytest.mark.parametrize("version", ["$2a$", "$2b$", "$2y$"])
def test_each_version_of_bcrypt_opens(version):
    encoded = hashes.stored(version + BCRYPT["hash"][4:])

    assert check_password(BCRYPT["password"], encoded)
    assert not check_password(BCRYPT["password"] + "x", encoded)


def test_bcrypt_reads_72_bytes_as_it_did_there():
    encoded = hashes.stored(BCRYPT["hash_of_72"])

    assert check_password("x" * 72 + "more", encoded)
    assert not check_password("x" * 71 + "y", encoded)


def test_argon2_of_other_systems_opens():
    assert check_password(ARGON2["password"], hashes.stored(ARGON2["hash"]))


@pytest.mark.parametrize("algorithm", KEYCLOAK)
def test_each_hash_of_keycloak_opens(algorithm):
    encoded = hashes.of_keycloak(KEYCLOAK[algorithm])

    assert check_password("a password there", encoded)
    assert not check_password("a password here", encoded)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "r", "p"), [(2**15, 8, 3), (2**16, 8, 2), (2**17, 8, 1), (2**14, 64, 1)]
)
def test_scrypt_opens_at_each_cost_that_may_come(n, r, p):
    """OWASP's parameters, whose memory OpenSSL refuses by default, and the largest block."""
    raw = hashlib.scrypt(b"a password there", salt=b"salt", n=n, r=r, p=p, maxmem=2**28)
    encoded = hashes.stored(f"scrypt${n}$salt${r}${p}${b64encode(raw).decode()}")

    assert check_password("a password there", encoded)
    assert not check_password("a password here", encoded)


GOOD = "A" * 43
ABSURD = {
    "bcrypt": "$2b$31$" + "a" * 53,
    "bcrypt_low": "$2b$03$" + "a" * 53,
    "bcrypt_sha256": "bcrypt_sha256$$2b$20$" + "a" * 53,
    "argon2_memory": f"$argon2id$v=19$m=4194304,t=1,p=1${GOOD}${GOOD}",
    "argon2_passes": f"$argon2id$v=19$m=65536,t=4000000,p=1${GOOD}${GOOD}",
    "argon2_lanes": f"$argon2id$v=19$m=65536,t=1,p=1000${GOOD}${GOOD}",
    "pbkdf2": "pbkdf2_sha256$9999999999$salt$" + GOOD + "=",
    "scrypt": "scrypt$16777216$salt$8$1$" + GOOD + "=",
    "scrypt_lanes": "scrypt$16384$salt$8$9999$" + GOOD + "=",
    "scrypt_odd": "scrypt$16383$salt$8$1$" + GOOD + "=",
    "scrypt_impossible": "scrypt$65536$salt$1$1$" + GOOD + "=",
    "scrypt_block": "scrypt$2$salt$524288$1$" + GOOD + "=",
    "firebase": f"firebase_scrypt$99$8${GOOD}=${GOOD}=",
    "firebase_rounds": f"firebase_scrypt$14$9999999${GOOD}=${GOOD}=",
}


@pytest.mark.parametrize("name", ABSURD)
def test_an_absurd_work_factor_is_refused(name):
    with pytest.raises(RefusedError) as refused:
        hashes.stored(ABSURD[name])

    assert refused.value.reason == "hash_too_costly"


@pytest.mark.parametrize("iterations", [3_000_000, 10**12])
def test_an_absurd_work_factor_of_keycloak_is_refused(iterations):
    data = json.dumps({"algorithm": "pbkdf2-sha512", "hashIterations": iterations})

    with pytest.raises(RefusedError) as refused:
        hashes.of_keycloak(KEYCLOAK["pbkdf2-sha512"] | {"credentialData": data})

    assert refused.value.reason in {"hash_too_costly", "hash_damaged"}


@pytest.mark.parametrize(
    "text",
    ["", "plain text", "md5$salt$" + "0" * 32, "5f4dcc3b5aa765d61d8327deb882cf99", "$1$salt$x"],
)
def test_a_weak_or_unknown_hash_is_refused(text):
    with pytest.raises(RefusedError) as refused:
        hashes.stored(text)

    assert refused.value.reason == "hash_unknown"


@pytest.mark.parametrize(
    "text",
    [
        "$2b$10$short",
        "$2x$10$" + "a" * 53,
        "$argon2id$v=16$m=65536,t=1,p=1$" + GOOD + "$" + GOOD,
        "$argon2id$m=1",
        "pbkdf2_sha256$many$salt$hash",
        "pbkdf2_sha256$-1$salt$hash",
        "scrypt$16384$salt$8",
        "pbkdf2_sha256$1000$sa\x00lt\n$ha\nsh",
    ],
)
def test_a_damaged_hash_is_refused(text):
    with pytest.raises(RefusedError) as refused:
        hashes.stored(text)

    assert refused.value.reason == "hash_damaged"


@pytest.mark.parametrize(
    "change",
    [
        {"secretData": None},
        {"secretData": "[]"},
        {"secretData": "{"},
        {"secretData": '{"value": "*", "salt": "*"}'},
        {"credentialData": '{"algorithm": "argon2", "hashIterations": "many"}'},
        {"credentialData": "null"},
    ],
)
def test_a_damaged_credential_of_keycloak_is_refused(change):
    with pytest.raises(RefusedError):
        hashes.of_keycloak(KEYCLOAK["argon2"] | change)


def test_djangos_own_costs_are_bearable():
    """Of Django 6.0, the highest so far."""
    assert hashes.stored("pbkdf2_sha256$1200000$" + "a" * 22 + "$" + GOOD + "=")
    assert hashes.stored(f"argon2$argon2id$v=19$m=102400,t=2,p=8${'A' * 22}${GOOD}")
    assert hashes.stored("scrypt$16384$" + "a" * 22 + "$8$5$" + "A" * 86 + "==")
