"""Generate keys, and write them as JWKs (RFC 7517). Uses no database and no settings."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

PUBLIC_MEMBERS = {
    "EC": ["crv", "kty", "x", "y"],
    "OKP": ["crv", "kty", "x"],
    "RSA": ["e", "kty", "n"],
}
"""For each key type: the members that RFC 7638 hashes, and the only ones that we publish."""

GENERATE: dict[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=3072),
}


@dataclass(frozen=True)
class Fresh:
    """A new key: its id and both parts in PEM."""

    kid: str
    public_pem: str
    private_pem: str = field(repr=False)


def generate(algorithm: str) -> Fresh:
    """Return a new key for `ES256`, `EdDSA` (Ed25519) or `RS256` (3072 bits).

    Its `kid` never begins with a dash, because a command line would take it for an option.
    """
    private = GENERATE[algorithm]()
    public = private.public_key()
    kid = thumbprint(algorithm, public)
    if kid.startswith("-"):
        return generate(algorithm)
    return Fresh(
        kid=kid,
        public_pem=public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode(),
        private_pem=private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )


def public_members(kid: str, algorithm: str, public: Any) -> dict[str, str]:
    """Return the key's entry in the JWK Set."""
    return {**_members(algorithm, public), "kid": kid, "use": "sig", "alg": algorithm}


def thumbprint(algorithm: str, public: Any) -> str:
    """Return a hash of the key's required members (RFC 7638), the `kid`."""
    canonical = json.dumps(_members(algorithm, public), separators=(",", ":"), sort_keys=True)
    return urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def _members(algorithm: str, public: Any) -> dict[str, str]:
    members = get_default_algorithms()[algorithm].to_jwk(public, as_dict=True)
    return {name: members[name] for name in PUBLIC_MEMBERS[members["kty"]]}
