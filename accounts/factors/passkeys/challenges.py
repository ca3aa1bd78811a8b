"""Make challenges that are good once, for five minutes, for one purpose and one account.

Redis keeps them under a hash, not a session: so pages, the API and the headless API share them.
"""

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django_redis import get_redis_connection

from accounts.store import outage

if TYPE_CHECKING:
    from accounts.people.models import User

SECONDS = 5 * 60
BYTES = 32


class Purpose(StrEnum):
    """What an answer is for. An answer for one purpose proves nothing for another."""

    SIGN_IN = "sign_in"
    SECOND_STEP = "second_step"
    FRESH_PROOF = "fresh_proof"
    REGISTER = "register"


@dataclass(frozen=True)
class Asked:
    """The facts that the server keeps of a challenge."""

    purpose: str
    user_id: str
    """The account that must answer, or '' if the answer names it."""
    demands_verification: bool
    """True if the device must check its owner, by PIN, fingerprint or face."""
    is_passkey: bool = False
    """True if the credential to register shall sign in by itself."""


def issue(
    purpose: Purpose,
    user: "User | None",
    *,
    demands_verification: bool,
    is_passkey: bool = False,
) -> bytes:
    """Return a new challenge. Raises `StoreUnavailableError` after waiting for Redis."""
    challenge = secrets.token_bytes(BYTES)
    user_id = str(user.pk) if user else ""
    asked = Asked(purpose.value, user_id, demands_verification, is_passkey)
    value = json.dumps(asdict(asked))
    redis = get_redis_connection("default")
    outage.patiently(lambda: redis.set(_key(challenge), value, ex=SECONDS), outage.cache)
    return challenge


def spend(challenge: bytes, purpose: Purpose, user: "User | None") -> Asked | None:
    """Use this challenge up, and return its facts. Of two requests, one wins.

    Returns None if it was used, has expired, or was made for another purpose or account. Raises
    `StoreUnavailableError` after waiting for Redis: then nothing is proved. If Redis' answer is
    lost, the challenge is used up.
    """
    redis = get_redis_connection("default")
    value = outage.patiently(lambda: redis.getdel(_key(challenge)), outage.cache)
    if value is None:
        return None
    asked = Asked(**json.loads(value))
    is_meant = (asked.purpose, asked.user_id) == (purpose.value, str(user.pk) if user else "")
    return asked if is_meant else None


def _key(challenge: bytes) -> str:
    return f"passkeys:challenge:{hashlib.sha256(challenge).hexdigest()}"
