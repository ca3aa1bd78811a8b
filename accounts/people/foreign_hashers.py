"""Check hashes that other systems made, and that no hasher of Django reads: Firebase and Keycloak.

They make no hashes: a right password replaces the hash by ours (`User.check_password`).
"""

import hashlib
from base64 import b64decode, b64encode
from typing import Any, ClassVar

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.contrib.auth.hashers import BasePasswordHasher, mask_hash
from django.utils.crypto import constant_time_compare
from typing_extensions import override

from accounts.people.hashers import AsTyped

KEY_BYTES = 32


class _VerifyOnly(BasePasswordHasher):
    """Base of hashers that only verify: `algorithm$cost$…$salt$key`, the last two in base64."""

    parts: ClassVar[int]

    def key(self, password: bytes, costs: list[str], salt: bytes) -> bytes:
        raise NotImplementedError

    @override
    def verify(self, password: str, encoded: str) -> bool:
        costs, salt, expected = self._split(encoded)
        found = self.key(password.encode(), costs, b64decode(salt, validate=True))
        return constant_time_compare(b64encode(found).decode(), expected)

    @override
    def decode(self, encoded: str) -> dict[str, Any]:
        costs, salt, key = self._split(encoded)
        return {"algorithm": self.algorithm, "salt": salt, "hash": key, "costs": costs}

    @override
    def encode(self, password: str, salt: str) -> str:
        raise NotImplementedError(f"{self.algorithm} only verifies")

    @override
    def safe_summary(self, encoded: str) -> dict[Any, Any]:
        costs, salt, key = self._split(encoded)
        return {
            "algorithm": self.algorithm,
            "work factor": ", ".join(costs),
            "salt": mask_hash(salt),
            "key": mask_hash(key),
        }

    @override
    def must_update(self, encoded: str) -> bool:
        return True

    @override
    def harden_runtime(self, password: str, encoded: str) -> None:
        """Do nothing. Django calls this only for the preferred hasher."""

    def _split(self, encoded: str) -> tuple[list[str], str, str]:
        algorithm, *costs, salt, key = encoded.split("$")
        if algorithm != self.algorithm or len(costs) != self.parts:
            raise ValueError("this hash has another form")
        return costs, salt, key


class _Firebase(_VerifyOnly):
    parts = 2

    @override
    def key(self, password: bytes, costs: list[str], salt: bytes) -> bytes:
        memory, rounds = map(int, costs)
        derived = hashlib.scrypt(
            password,
            salt=salt,
            n=1 << memory,
            r=rounds,
            p=1,
            maxmem=(128 * rounds << memory) + 1024 * 1024,
            dklen=KEY_BYTES,
        )
        return keystream(derived, KEY_BYTES)


class FirebaseScryptPasswordHasher(AsTyped, _Firebase):
    """scrypt as Firebase uses it: `firebase_scrypt$mem_cost$rounds$salt$key`.

    Firebase encrypts the project's signer key with AES-CTR, under a key that scrypt derives from the
    password. So its hash is the signer key XOR a keystream. We keep the first 32 bytes of that
    keystream instead, so that neither the row nor a setting has the signer key (decision 0105). The salt
    is the user's with the project's separator.
    """

    algorithm = "firebase_scrypt"


def keystream(key: bytes, size: int) -> bytes:
    """Return the first bytes of AES-CTR under this key, with a counter that starts at 0."""
    return Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(bytes(size))


class _PBKDF2Bytes(_VerifyOnly):
    parts = 2

    @override
    def key(self, password: bytes, costs: list[str], salt: bytes) -> bytes:
        digest, iterations = costs
        return hashlib.pbkdf2_hmac(digest, password, salt, int(iterations), KEY_BYTES)


class PBKDF2BytesPasswordHasher(AsTyped, _PBKDF2Bytes):
    """PBKDF2 with a salt of bytes, as Keycloak has it: `pbkdf2_bytes$digest$iterations$salt$key`.

    Django's salts are text. The key has the first 32 bytes: each block of PBKDF2 is apart from the
    others (RFC 8018 §5.2), so the rest would only cost time.
    """

    algorithm = "pbkdf2_bytes"
