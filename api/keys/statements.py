"""Sign statements that are no tokens, and read them: the checkpoints of the audit log.

They have a `typ` of their own, so no endpoint takes one for a token, and they never expire. A key that
is retired or no longer published still verifies them.
"""

import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt import PyJWS, get_unverified_header
from jwt.exceptions import InvalidTokenError

from accounts import encryption
from accounts.errors import DecryptionError
from api.keys import jwk, ring
from api.keys.models import SigningKey

TYP = "audit-checkpoint+jws"


class KeySigner:
    """Signs with the current key, and reads what any key of this site has signed."""

    def sign(self, claims: dict[str, Any]) -> str:
        key = ring.current()
        payload = json.dumps(claims, separators=(",", ":")).encode()
        headers = {"kid": key.kid, "typ": TYP}
        return PyJWS().encode(payload, key.private, algorithm=key.algorithm, headers=headers)

    def reader(self) -> Callable[[str], dict[str, Any]]:
        """Return a function that reads statements, and keeps the keys that it has met.

        It raises `ValueError`, with the reason as its text, unless a key of this site signed.
        """
        known: dict[str, tuple[str, Any]] = {}

        def read(statement: str) -> dict[str, Any]:
            try:
                header = get_unverified_header(statement)
                kid = str(header.get("kid", ""))
                if header.get("typ") != TYP:
                    raise ValueError("it is no checkpoint")
                if kid not in known:
                    known[kid] = _public(kid)
                algorithm, public = known[kid]
                payload = PyJWS().decode(statement, public, algorithms=[algorithm])
                claims = json.loads(payload)
            except InvalidTokenError as exc:
                raise ValueError("its signature is wrong") from exc
            if not isinstance(claims, dict):
                raise ValueError("its statement is no object")  # noqa: TRY004 - as documented
            return claims

        return read


def _public(kid: str) -> tuple[str, Any]:
    """Return algorithm and public key.

    The public key follows from the encrypted private one: a row that somebody inserted without
    `DATA_ENCRYPTION_KEYS` verifies nothing.
    """
    row = SigningKey.objects.filter(pk=kid).first()
    if row is None:
        raise ValueError("its signing key is unknown")
    try:
        private = load_pem_private_key(encryption.decrypt(row.private_pem).encode(), None)
    except DecryptionError as exc:
        raise ValueError(f"its signing key {kid} can't be decrypted") from exc
    public = private.public_key()
    if jwk.thumbprint(row.algorithm, public) != kid:
        raise ValueError(f"its signing key {kid} was changed")
    return row.algorithm, public
