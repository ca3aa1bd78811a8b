"""Refresh tokens as SimpleJWT makes them, at the site that this one replaces."""

import time
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from accounts.moving.models import ExternalId

KEY = "the secret of the former site, which is long enough for each of its algorithms"
PATH = "/api/token/exchange/"


def key_pair() -> tuple[str, str]:
    """Return a private and a public key in PEM."""
    key = ec.derive_private_key(20_260_101, ec.SECP256R1())  # the same in each process
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def old_token(user_id=1, *, key=KEY, algorithm="HS256", age=60, without=(), **changes):
    """Return a refresh token of the former site."""
    now = int(time.time())
    claims = {"token_type": "refresh", "exp": now + 86400, "iat": now - age, "jti": uuid4().hex}
    claims |= {"user_id": user_id, **changes}
    for name in without:
        del claims[name]
    return jwt.encode(claims, key, algorithm=algorithm)


def came(user, external_id="1", source="django", **columns):
    """Note that this account came from the former site."""
    return ExternalId.objects.create(user=user, source=source, external_id=external_id, **columns)
