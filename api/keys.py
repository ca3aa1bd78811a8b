"""Signing keys by `kid`: make one, find one. Each `kid` is tied to one algorithm (RFC 8725 §3.1)."""

import hashlib
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings
from jwt.algorithms import get_default_algorithms

from accounts import encryption
from api.models import SigningKey

RELOAD_SECONDS = 5.0
"""How soon a process learns of a key that another one made or retired."""

_ORDERED_MEMBERS = {
    "EC": ["crv", "kty", "x", "y"],
    "OKP": ["crv", "kty", "x"],
    "RSA": ["e", "kty", "n"],
}
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

_GENERATE: dict[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
}


@dataclass(frozen=True)
class Key:
    """A key ready for use by PyJWT."""

    kid: str
    algorithm: str
    private: Any
    public: Any


@dataclass(frozen=True)
class Ring:
    """All keys that verify, and the one that signs."""

    current: Key
    by_kid: dict[str, Key]
    loaded_at: float


_ring: Ring | None = None
_lock = Lock()


def current() -> Key:
    """The key that signs new tokens."""
    return ring().current


def find(kid: str) -> Key | None:
    """The key of this `kid`, retired ones excepted. An unknown `kid` reads nothing anew."""
    return ring().by_kid.get(kid)


def ring() -> Ring:
    """This process's copy of the keys, read again every `RELOAD_SECONDS`."""
    global _ring  # noqa: PLW0603 - one copy a process
    ready = _ring
    if ready is not None and time.monotonic() - ready.loaded_at < RELOAD_SECONDS:
        return ready
    with _lock:
        if _ring is ready:
            _ring = _load(ready)
        assert _ring is not None  # noqa: S101 - _load never returns None
        return _ring


def forget() -> None:
    """Read the keys again at the next use."""
    global _ring  # noqa: PLW0603
    _ring = None


def generate(algorithm: str) -> SigningKey:
    """A fresh key, saved."""
    private = _GENERATE[algorithm]()
    public = private.public_key()
    private_pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    public_pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    row = SigningKey.objects.create(
        kid=thumbprint(algorithm, public),
        algorithm=algorithm,
        public_pem=public_pem,
        private_pem=encryption.encrypt(private_pem),
    )
    forget()
    return row


def thumbprint(algorithm: str, public: Any) -> str:
    """RFC 7638: the hash of the key's required members, in order."""
    jwk = get_default_algorithms()[algorithm].to_jwk(public, as_dict=True)
    members = {name: jwk[name] for name in _ORDERED_MEMBERS[jwk["kty"]]}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def ensure_after_migrate(using: str, **kwargs: Any) -> None:
    """A new database gets its first key."""
    if not SigningKey.objects.using(using).filter(retired_at=None).exists():
        generate(settings.SIGNING_ALGORITHM)


def _load(before: Ring | None) -> Ring:
    rows = list(SigningKey.objects.filter(retired_at=None).order_by("created_at", "kid"))
    if not rows:
        rows = [generate(settings.SIGNING_ALGORITHM)]
    known = before.by_kid if before else {}
    by_kid = {row.kid: known.get(row.kid) or _prepare(row) for row in rows}
    return Ring(by_kid[rows[-1].kid], by_kid, time.monotonic())


def _prepare(row: SigningKey) -> Key:
    algorithm = get_default_algorithms()[row.algorithm]
    return Key(
        kid=row.kid,
        algorithm=row.algorithm,
        private=algorithm.prepare_key(encryption.decrypt(row.private_pem)),
        public=algorithm.prepare_key(row.public_pem),
    )
