"""Hash passwords with Argon2id, at the parameters that OWASP names as the minimum.

The hash is the one place that every door passes: pages, API, headless API, admin, commands.
"""

import re
import secrets
from base64 import b64encode

import bcrypt
from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    BCryptPasswordHasher,
    BCryptSHA256PasswordHasher,
    PBKDF2PasswordHasher,
    PBKDF2SHA1PasswordHasher,
    ScryptPasswordHasher,
)
from typing_extensions import override

from accounts.people import argon2id
from accounts.people.passwords import normalise

COSTS = re.compile(r"\$m=(?P<memory>\d{1,10}),t=(?P<passes>\d{1,10}),", re.ASCII)
BCRYPT_BYTES = 72
"""The library refuses a longer password. Systems that made such a hash cut it off here."""


class Argon2idPasswordHasher(Argon2PasswordHasher):
    """Argon2id with m=19 MiB, t=2, p=1 (OWASP Password Storage Cheat Sheet), of the NFKC form.

    Django's default (100 MiB, 8 lanes) costs nine times the CPU, and a burst of sign-ins would use
    up the memory of a small server. Each hash contains its parameters. If you raise them here, the
    next sign-in of each user upgrades that user's hash.
    """

    algorithm = "argon2-nfkc"
    """Tells these hashes from older ones, so that a check costs one hash and needs no second try."""
    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1
    salt_entropy = 95
    """Bits. Django takes a character for 5.95 bits, and ours have 8: 16 of them are 128."""

    @override
    def salt(self) -> str:
        return secrets.token_bytes(argon2id.SALT_BYTES).decode("latin-1")

    @override
    def encode(self, password: str, salt: str) -> str:
        raw = salt.encode("latin-1")
        derived = argon2id.derive(
            normalise(password).encode(), raw, passes=self.time_cost, kibibytes=self.memory_cost
        )
        costs = f"m={self.memory_cost},t={self.time_cost},p={self.parallelism}"
        return f"{self.algorithm}$argon2id$v=19${costs}${_b64(raw)}${_b64(derived)}"

    @override
    def verify(self, password: str, encoded: str) -> bool:
        algorithm, rest = encoded.split("$", 1)
        return algorithm == self.algorithm and argon2id.verify(
            f"${rest}", normalise(password).encode(), is_costly=self._is_costly(rest)
        )

    def _is_costly(self, encoded: str) -> bool:
        """Return True if this hash costs more than a new one. An import brings such hashes."""
        found = COSTS.search(encoded)
        work = self.memory_cost * self.time_cost
        return found is not None and int(found["memory"]) * int(found["passes"]) > work


def _b64(raw: bytes) -> str:
    return b64encode(raw).decode().rstrip("=")


class AsTyped:
    """Check a hash that another Django site made, of the password as it was typed.

    Tries the normalised form and then, if it differs, the form that was typed. A right password
    upgrades the hash (`User.check_password`). Never first in `PASSWORD_HASHERS`: it makes no hashes.
    `accounts.people.foreign_hashers` has the hashes of other systems.

    A wrong password in another form than NFKC takes two hashes here, and these hashes take another time
    than ours. So until its next sign-in, the time shows that an account with such a hash exists.

    Such a hash may need 256 MiB and a second (`moving.hashes`), so only a few are computed at once, and hashes of
    ours don't wait for them (`argon2id.costly_turns`).
    """

    def verify(self, password: str, encoded: str) -> bool:
        forms = dict.fromkeys((normalise(password), password))
        with argon2id.costly_turns:
            return any(super(AsTyped, self).verify(form, encoded) for form in forms)  # type: ignore[misc]  # of the hasher


class RawArgon2PasswordHasher(AsTyped, Argon2PasswordHasher):
    pass


class RawPBKDF2PasswordHasher(AsTyped, PBKDF2PasswordHasher):
    pass


class RawPBKDF2SHA1PasswordHasher(AsTyped, PBKDF2SHA1PasswordHasher):
    pass


class RawScryptPasswordHasher(AsTyped, ScryptPasswordHasher):
    maxmem = 192 * 1024 * 1024
    """Bytes. Django leaves this to OpenSSL, whose 32 MiB are less than OWASP's parameters need: 128 MiB."""


class RawBCryptSHA256PasswordHasher(AsTyped, BCryptSHA256PasswordHasher):
    pass


class _BCrypt(BCryptPasswordHasher):
    @override
    def verify(self, password: str, encoded: str) -> bool:
        data = encoded.partition("$")[2].encode("ascii")
        return bcrypt.checkpw(password.encode()[:BCRYPT_BYTES], data)


class RawBCryptPasswordHasher(AsTyped, _BCrypt):
    """bcrypt of the password itself (`$2a$`, `$2b$`, `$2y$`), which reads only its first 72 bytes."""
