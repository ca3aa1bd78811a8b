"""Turn the password hashes of other systems into the form that our hashers read.

Refuses a hash that no hasher reads, and one whose check would cost too much: each attempt to sign in
computes it, so an absurd work factor in a file would stop the site (CWE-400).
"""

import json
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.moving.errors import RefusedError
from accounts.people.foreign_hashers import KEY_BYTES

MAX_BCRYPT_COST = 15
MAX_PBKDF2_ITERATIONS = 2_000_000
MAX_SCRYPT_WORK = 1 << 20
"""N times r times p. This is 128 MiB at p=1, OWASP's highest."""
MAX_SCRYPT_BLOCK = 64
"""r, which is 8 everywhere. The hashers' limit of memory allows for this much."""
MAX_ARGON2_MEMORY = 256 * 1024
"""KiB"""
MAX_ARGON2_WORK = 1024 * 1024
"""Memory in KiB times passes."""
MAX_ARGON2_LANES = 16
COLUMN = 128
"""The characters of `User.password`."""

_B64 = r"[A-Za-z0-9+/]+={0,2}"
_NUMBER = r"[1-9]\d{0,9}"
_BCRYPT = r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}"
_ARGON2 = (
    rf"\$argon2(?:id|i|d)\$v=19\$m=(?P<memory>{_NUMBER}),t=(?P<passes>{_NUMBER}),p=(?P<lanes>{_NUMBER})"
    r"\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}"
)
_FIREBASE = re.compile(
    rf"\$fbscrypt\$v=1,n=(?P<memory>{_NUMBER}),r=(?P<rounds>{_NUMBER}),p=1"
    rf"(?:,ss=(?P<separator>{_B64}))?,sk=(?P<key>{_B64})\$(?P<salt>{_B64})\$(?P<hash>{_B64})"
)


@dataclass(frozen=True)
class FirebaseParameters:
    """The hash parameters of one Firebase project. Its console shows them."""

    signer_key: bytes
    separator: bytes
    rounds: int
    memory: int


def stored(text: str) -> str:
    """Return the value of `User.password` for this hash. Raises `RefusedError`.

    Reads Django's own forms, bcrypt, Argon2 as `$argon2id$…`, and Firebase's as `$fbscrypt$…`.
    """
    if found := _FIREBASE.fullmatch(text):
        parameters = FirebaseParameters(
            signer_key=_bytes(found["key"]),
            separator=_bytes(found["separator"] or ""),
            rounds=int(found["rounds"]),
            memory=int(found["memory"]),
        )
        return of_firebase(found["hash"], found["salt"], parameters)
    prefix = "bcrypt$" if text.startswith("$2") else "argon2" if text.startswith("$argon2") else ""
    return _checked(prefix + text)


def of_firebase(hashed: str, salt: str, parameters: FirebaseParameters) -> str:
    """Return the stored form of a hash of `firebase auth:export`. Raises `RefusedError`.

    `FirebaseScryptPasswordHasher` says why the signer key isn't in it.
    """
    raw, key = _bytes(hashed), parameters.signer_key
    if len(raw) != len(key) or len(raw) < KEY_BYTES:
        raise RefusedError("hash_damaged", "The hash is not as long as the signer key.")
    stream = (int.from_bytes(raw) ^ int.from_bytes(key)).to_bytes(len(key))[:KEY_BYTES]
    salts = _text(_bytes(salt) + parameters.separator)
    return _checked(
        f"firebase_scrypt${parameters.memory}${parameters.rounds}${salts}${_text(stream)}"
    )


def of_keycloak(credential: Mapping[str, Any]) -> str:
    """Return the stored form of a Keycloak credential of type `password`. Raises `RefusedError`."""
    try:
        secret, how = json.loads(credential["secretData"]), json.loads(credential["credentialData"])
        value, salt = _bytes(secret["value"]), _bytes(secret["salt"])
        iterations, algorithm = int(how["hashIterations"]), str(how["algorithm"])
        more = how.get("additionalParameters") or {}
        if algorithm == "argon2":
            kind, version = _first(more, "type", "id"), _first(more, "version", "1.3")
            if version not in {"1.3", "19"}:
                raise RefusedError("hash_unknown", f"Argon2 of version {version}.")
            memory, lanes = int(_first(more, "memory", "0")), int(_first(more, "parallelism", "1"))
            costs = f"v=19$m={memory},t={iterations},p={lanes}"
            ends = f"{_text(salt).rstrip('=')}${_text(value).rstrip('=')}"
            return _checked(f"argon2$argon2{kind}${costs}${ends}")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as exc:
        raise RefusedError("hash_damaged", "The credential has another form.") from exc
    digest = {"pbkdf2": "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}.get(algorithm)
    if digest is None:
        raise RefusedError("hash_unknown", f"No hasher reads {algorithm[:32]!r}.")
    # SHA-1 makes blocks of 20 bytes, so 32 bytes cost two of them.
    if len(value) < KEY_BYTES:
        raise RefusedError("hash_damaged", f"The hash has fewer than {KEY_BYTES} bytes.")
    return _checked(f"pbkdf2_bytes${digest}${iterations}${_text(salt)}${_text(value[:KEY_BYTES])}")


def _first(parameters: Mapping[str, Any], name: str, default: str) -> str:
    """Return one parameter of Keycloak, which writes each as a list with one text."""
    value = parameters.get(name) or [default]
    return str(value[0] if isinstance(value, list) else value)


def _is_argon2_cheap(found: re.Match[str]) -> bool:
    memory, passes, lanes = (int(found[name]) for name in ("memory", "passes", "lanes"))
    return (
        memory <= MAX_ARGON2_MEMORY
        and memory * passes <= MAX_ARGON2_WORK
        and lanes <= MAX_ARGON2_LANES
        and memory >= 8 * lanes  # Argon2's own rule (RFC 9106 §3.1)
    )


def _is_bcrypt_cheap(found: re.Match[str]) -> bool:
    return 4 <= int(found["cost"]) <= MAX_BCRYPT_COST  # noqa: PLR2004 - bcrypt's own least


def _is_pbkdf2_cheap(found: re.Match[str]) -> bool:
    return int(found["iterations"]) <= MAX_PBKDF2_ITERATIONS


def _is_scrypt_cheap(found: re.Match[str]) -> bool:
    return _is_scrypt(int(found["n"]), int(found["r"]), int(found["p"]))


def _is_firebase_cheap(found: re.Match[str]) -> bool:
    memory, rounds = int(found["memory"]), int(found["rounds"])
    return memory <= 20 and _is_scrypt(1 << memory, rounds, 1)  # noqa: PLR2004 - keeps the shift small


def _is_scrypt(n: int, r: int, p: int) -> bool:
    """Return True if these parameters are possible (RFC 7914 §6) and bearable."""
    is_possible = n & (n - 1) == 0 and 1 < n.bit_length() <= 16 * r
    return is_possible and r <= MAX_SCRYPT_BLOCK and n * r * p <= MAX_SCRYPT_WORK


FORMS: dict[str, tuple[str, Callable[[re.Match[str]], bool]]] = {
    "argon2": (rf"argon2{_ARGON2}", _is_argon2_cheap),
    "argon2-nfkc": (rf"argon2-nfkc{_ARGON2}", _is_argon2_cheap),
    "bcrypt": (rf"bcrypt\${_BCRYPT}", _is_bcrypt_cheap),
    "bcrypt_sha256": (rf"bcrypt_sha256\${_BCRYPT}", _is_bcrypt_cheap),
    "pbkdf2_sha256": (
        rf"pbkdf2_sha256\$(?P<iterations>{_NUMBER})\$[^$]+\${_B64}",
        _is_pbkdf2_cheap,
    ),
    "pbkdf2_sha1": (rf"pbkdf2_sha1\$(?P<iterations>{_NUMBER})\$[^$]+\${_B64}", _is_pbkdf2_cheap),
    "pbkdf2_bytes": (
        rf"pbkdf2_bytes\$sha(?:1|256|512)\$(?P<iterations>{_NUMBER})\${_B64}\${_B64}",
        _is_pbkdf2_cheap,
    ),
    "scrypt": (
        rf"scrypt\$(?P<n>{_NUMBER})\$[^$]+\$(?P<r>{_NUMBER})\$(?P<p>{_NUMBER})\${_B64}",
        _is_scrypt_cheap,
    ),
    "firebase_scrypt": (
        rf"firebase_scrypt\$(?P<memory>{_NUMBER})\$(?P<rounds>{_NUMBER})\${_B64}\${_B64}",
        _is_firebase_cheap,
    ),
}
"""The form of each stored hash by the name of its hasher, and the check of its cost."""


def _checked(encoded: str) -> str:
    """Return the stored form if a hasher of ours reads it, at a bearable cost."""
    algorithm = encoded.partition("$")[0]
    if algorithm not in FORMS:
        raise RefusedError("hash_unknown", "No hasher reads this kind of hash.")
    form, is_cheap = FORMS[algorithm]
    found = re.fullmatch(form, encoded)
    if found is None:
        raise RefusedError("hash_damaged", f"This is no whole hash of the kind {algorithm}.")
    if not is_cheap(found):
        raise RefusedError("hash_too_costly", "One check of this hash would cost too much.")
    if len(encoded) > COLUMN:
        raise RefusedError("hash_too_long", f"The stored hash would exceed {COLUMN} characters.")
    return encoded


def _bytes(text: str) -> bytes:
    """Return the bytes of base64, standard or URL-safe, padded or not. Raises `RefusedError`."""
    plain = text.strip().replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (Base64Error, ValueError) as exc:
        raise RefusedError("hash_damaged", "The hash or its salt is not base64.") from exc


def _text(raw: bytes) -> str:
    return b64encode(raw).decode()
