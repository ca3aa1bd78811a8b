"""Make tokens as an attacker, a defect or another server would."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import jwt
from jwt.algorithms import get_default_algorithms

from api.keys import ring


def segment(data):
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(token, index):
    """Decode segment 0 (header) or 1 (payload) of a token."""
    text = token.split(".")[index]
    return json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def signed(header, payload):
    """Sign exactly this header and payload with the site's own key."""
    key = ring.current()
    message = f"{segment(header)}.{segment(payload)}"
    signature = get_default_algorithms()[key.algorithm].sign(message.encode(), key.private)
    return f"{message}.{segment(signature)}"


def changed(token, *, header=None, payload=None, without=()):
    """Change members of a token, and sign it again with the site's own key."""
    claims = part(token, 1) | (payload or {})
    for name in without:
        claims.pop(name)
    return signed(part(token, 0) | (header or {}), claims)


def hs256(token, secret):
    """Sign a token by HMAC with this secret. PyJWT itself refuses a PEM as secret."""
    header = part(token, 0) | {"alg": "HS256"}
    message = f"{segment(header)}.{token.split('.')[1]}"
    signature = hmac.digest(secret.encode(), message.encode(), hashlib.sha256)
    return f"{message}.{segment(signature)}"


def by_a_stranger(token, private_key, algorithm="ES256", **header):
    """Sign the same claims with a foreign key, but keep the `kid` of the site's key."""
    headers = part(token, 0) | header
    headers.pop("alg")
    return jwt.encode(part(token, 1), private_key, algorithm=algorithm, headers=headers)
