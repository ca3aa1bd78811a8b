"""Compute Argon2id by the faster of two libraries, a few hashes at a time. Both give the same hashes.

On x86-64 libsodium (PyNaCl) computes: it uses AVX2 or AVX-512 where the processor has them, and the wheels
of argon2-cffi only SSE2. Elsewhere argon2-cffi computes: libsodium's wheels have nothing faster there.
"""

import os
import platform
import re
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from argon2.low_level import Type, hash_secret_raw

try:
    from nacl import bindings, exceptions
except ImportError:  # `pyproject.toml` asks for it on x86-64 only
    HAS_SODIUM = False
else:
    HAS_SODIUM = platform.machine() == "x86_64"

HASH_BYTES = 32
SALT_BYTES = 16
"""libsodium makes hashes with a salt of this length only. It verifies hashes with any salt."""
OF_SODIUM = re.compile(
    r"\$argon2id\$v=19\$m=\d+,t=\d+,p=1\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]{43}", re.ASCII
)
"""The hashes that libsodium verifies here: of one lane and `HASH_BYTES`."""

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
turns = BoundedSemaphore(CORES)
"""As many hashes at once as there are cores. More at once would end no sooner, and need 19 MiB each."""
costly_turns = BoundedSemaphore(max(1, CORES - 1))
"""The turns of hashes that cost more than ours: those of other systems (`hashers.AsTyped`). One may need 256 MiB
and a second. They have turns of their own, so a sign-in with a hash of ours never waits for them."""


def derive(password: bytes, salt: bytes, *, passes: int, kibibytes: int) -> bytes:
    """Return the hash of this password, of one lane. `kibibytes` is the memory that it fills."""
    with turns:
        if HAS_SODIUM and len(salt) == SALT_BYTES:
            memory, kind = kibibytes * 1024, bindings.crypto_pwhash_ALG_ARGON2ID13
            return bindings.crypto_pwhash_alg(HASH_BYTES, password, salt, passes, memory, kind)
        return hash_secret_raw(password, salt, passes, kibibytes, 1, HASH_BYTES, Type.ID)


def verify(encoded: str, password: bytes, *, is_costly: bool = False) -> bool:
    """Return True if this hash, `$argon2id$…`, is of this password. `is_costly`: it takes a costly turn.

    Returns False or raises `ValueError` for a damaged hash. Also verifies Argon2i and Argon2d.
    """
    with costly_turns if is_costly else turns:
        if HAS_SODIUM and OF_SODIUM.fullmatch(encoded):
            try:
                return bindings.crypto_pwhash_str_verify(encoded.encode(), password)
            except exceptions.InvalidkeyError:
                return False
        try:
            return PasswordHasher().verify(encoded, password)
        except VerificationError:
            return False
