"""Both libraries make and verify the same hashes, of all passwords; a few threads compute at once."""

import base64
import tomllib
import unicodedata
from pathlib import Path
from threading import BoundedSemaphore, Lock

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError
from argon2.low_level import Type, hash_secret
from packaging.requirements import Requirement

from accounts.people import argon2id
from accounts.people.argon2id import derive, verify
from accounts.people.hashers import Argon2idPasswordHasher
from tests.kit.racing import at_once

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"
PASSWORDS = {
    "empty": "",
    "usual": "correct horse battery",
    "nul": "before\0after",
    "only_nul": "\0",
    "long": "x" * 4096,
    "hangul_in_parts": unicodedata.normalize("NFD", "비밀번호는 길다"),
    "hangul": "비밀번호는 길다",
    "emoji": "\N{GRINNING FACE}" * 9,
    "spaces": " \t\n ",
}
SALTS = {"ours": b"0123456789abcdef", "bytes": bytes(range(240, 256)), "of_django": b"a" * 22}
HASH = "A" * 43


class Cheap(Argon2idPasswordHasher):
    time_cost, memory_cost = 1, 64


@pytest.fixture(params=["argon2-cffi", *(["libsodium"] if argon2id.HAS_SODIUM else [])])
def library(request, monkeypatch):
    monkeypatch.setattr(argon2id, "HAS_SODIUM", request.param == "libsodium")


@pytest.fixture(params=PASSWORDS)
def password(request):
    return PASSWORDS[request.param]


@pytest.fixture(params=SALTS)
def salt(request):
    return SALTS[request.param]


@pytest.fixture
def by_argon2_cffi(password, salt):
    return hash_secret(password.encode(), salt, 1, 64, 1, 32, Type.ID).decode()


def test_the_requirements_bring_libsodium_where_it_is_faster():
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    (needed,) = [each for each in project["dependencies"] if each.startswith("pynacl")]
    marker = Requirement(needed).marker

    assert marker.evaluate() is argon2id.HAS_SODIUM
    assert marker.evaluate({"platform_machine": "x86_64"})
    assert not marker.evaluate({"platform_machine": "aarch64"})


def test_a_hash_is_the_one_that_argon2_cffi_makes(library, password, salt, by_argon2_cffi):
    derived = derive(password.encode(), salt, passes=1, kibibytes=64)

    assert base64.b64encode(derived).decode().rstrip("=") == by_argon2_cffi.rpartition("$")[2]


def test_argon2_cffi_verifies_a_hash_of_ours(library, password):
    hasher = Cheap()
    encoded = hasher.encode(password, hasher.salt()).removeprefix("argon2-nfkc")

    normal = unicodedata.normalize("NFKC", password)
    assert PasswordHasher().verify(encoded, normal)


def test_a_hash_of_argon2_cffi_is_verified(library, password, salt, by_argon2_cffi):
    assert verify(by_argon2_cffi, password.encode())


def test_no_other_password_fits(library, password, salt, by_argon2_cffi):
    others = {*PASSWORDS.values(), "before", "x" * 4095, password + "\0"} - {password}

    assert not any(verify(by_argon2_cffi, other.encode()) for other in others)


@pytest.mark.parametrize(
    "other", [(2, 32, Type.ID), (1, 16, Type.ID), (1, 32, Type.I), (1, 32, Type.D)]
)
def test_hashes_of_another_form_are_verified(library, other):
    lanes, size, kind = other
    encoded = hash_secret(b"a password", SALTS["ours"], 1, 64, lanes, size, kind).decode()

    assert verify(encoded, b"a password")
    assert not verify(encoded, b"another one")


@pytest.mark.parametrize(
    "encoded",
    [
        f"$argon2id$v=19$m=64,t=1,p=1${'A' * 22}$short",
        f"$argon2id$v=19$m=64,t=1,p=1$A${HASH}",
        f"$argon2id$v=19$m=64,t=1,p=1${'/' * 22}${HASH}",  # bits of no byte
        f"$argon2id$v=19$m=1,t=1,p=1${'A' * 22}${HASH}",
        f"$argon2id$v=19$m=64,t=0,p=1${'A' * 22}${HASH}",
        f"$argon2id$v=19$m=99999999999,t=1,p=1${'A' * 22}${HASH}",
        f"$argon2id$m=64,t=1,p=1${'A' * 22}${HASH}",
    ],
)
def test_no_password_fits_a_damaged_hash(library, encoded):
    assert verify(encoded, b"") is False


@pytest.mark.parametrize("encoded", ["", "$", "$argon2x$v=19$m=64,t=1,p=1$A$A", "비밀"])
def test_a_text_that_is_no_hash_is_an_error(library, encoded):
    with pytest.raises((InvalidHashError, UnicodeEncodeError)):
        verify(encoded, b"")


def test_a_new_salt_has_16_random_bytes_and_needs_no_upgrade():
    hasher = Cheap()
    first, second = hasher.salt(), hasher.salt()
    encoded = hasher.encode("a password", first)

    assert first != second
    assert hasher.decode(encoded)["salt"] == first
    assert len(first.encode("latin-1")) == argon2id.SALT_BYTES
    assert not hasher.must_update(encoded)
    assert not hasher.must_update(hasher.encode("a password", "a" * 22))


@pytest.mark.skipif(not argon2id.HAS_SODIUM, reason="argon2-cffi computes all hashes here")
def test_making_and_verifying_take_the_same_library(monkeypatch):
    """Otherwise the time would show whether an account exists: without one, a hash is made."""
    hasher = Cheap()
    former = hasher.encode("a password", "a" * 22)

    def refuse(*args, **kwargs):
        raise AssertionError("argon2-cffi computes")

    monkeypatch.setattr(argon2id, "hash_secret_raw", refuse)
    monkeypatch.setattr(argon2id, "PasswordHasher", refuse)

    assert hasher.verify("a password", hasher.encode("a password", hasher.salt()))
    assert hasher.verify("a password", former)
    assert not hasher.verify("another", former)


def test_only_so_many_threads_compute_at_once(monkeypatch):
    monkeypatch.setattr(argon2id, "HAS_SODIUM", False)
    monkeypatch.setattr(argon2id, "turns", BoundedSemaphore(2))
    real, running, seen, lock = argon2id.hash_secret_raw, set(), [], Lock()

    def watched(password, *args):
        with lock:
            running.add(password)
            seen.append(len(running))
        try:
            return real(password, *args)
        finally:
            with lock:
                running.discard(password)

    monkeypatch.setattr(argon2id, "hash_secret_raw", watched)

    hashes = at_once(
        8, lambda number: derive(b"%d" % number, SALTS["ours"], passes=2, kibibytes=4096)
    )

    assert len(set(hashes)) == 8
    assert max(seen) == 2


def test_an_error_gives_the_turn_back(library):
    for _ in range(argon2id.CORES + 1):
        with pytest.raises(InvalidHashError):
            verify("$", b"")
        with pytest.raises(TypeError):
            derive("text", SALTS["ours"], passes=1, kibibytes=64)

    assert derive(b"a password", SALTS["ours"], passes=1, kibibytes=64)
