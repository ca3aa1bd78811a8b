"""Keep this process's copy of the signing keys: the key that signs, and the keys that verify.

Each `kid` has one algorithm (RFC 8725 §3.1). A key is published before it signs, so that services
that verify tokens have the key in time. It stays published until the last token that it signed has
expired. So a rotation refuses no valid token.
"""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from threading import Lock
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from jwt.algorithms import get_default_algorithms

from accounts import encryption
from api.keys import jwk
from api.keys.models import SigningKey

RELOAD_SECONDS = 15.0
"""After this time a process reads the keys again if the bell's thread has not done so."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Key:
    """A key ready for use by PyJWT."""

    kid: str
    algorithm: str
    private: Any
    public: Any
    jwk: dict[str, str]
    active_at: datetime


@dataclass(frozen=True)
class Ring:
    """All keys whose tokens are accepted, oldest first.

    `loaded_at` is in seconds (monotonic clock).
    """

    keys: tuple[Key, ...]
    by_kid: dict[str, Key]
    loaded_at: float

    def current(self) -> Key:
        """Return the newest key that is active already; if none is, the oldest."""
        now = timezone.now()
        return next((key for key in reversed(self.keys) if key.active_at <= now), self.keys[0])


_ring: Ring | None = None
_lock = Lock()


def current() -> Key:
    """Return the key that signs new tokens. Raises as `held` does."""
    return held().current()


def find(kid: str) -> Key | None:
    """Return the key of this `kid` if its tokens are still accepted, otherwise None.

    An unknown `kid` causes no query of its own. Raises as `held` does.
    """
    return held().by_kid.get(kid)


def held() -> Ring:
    """Return this process's copy of the keys, read again if it is older than `RELOAD_SECONDS`.

    Raises `DatabaseError` if the database is down and there is no copy yet.
    """
    ready = _ring
    if ready is not None and time.monotonic() - ready.loaded_at < RELOAD_SECONDS:
        return ready
    return reload()


def reload() -> Ring:
    """Read the keys again and return them. If the database is down, returns the old copy.

    Raises `DatabaseError` if there is no old copy.
    """
    global _ring  # noqa: PLW0603 - one copy a process
    with _lock:
        before = _ring
        try:
            _ring = _load(before)
        except DatabaseError:
            if before is None:
                raise
            log.warning("signing keys could not be read again, the known ones serve on")
            _ring = Ring(before.keys, before.by_kid, time.monotonic())
    return _ring


def forget() -> None:
    """Drop this process's copy: the next use reads the keys again."""
    global _ring  # noqa: PLW0603
    _ring = None


def verifying(now: datetime | None = None) -> list[SigningKey]:
    """Return the rows of the keys that verify tokens, the next key included, oldest first."""
    now = now or timezone.now()
    rows = list(SigningKey.objects.filter(retired_at=None))
    keep = max(settings.ACCESS_TOKEN_LIFETIME, settings.REFRESH_TOKEN_LIFETIME)
    superseded = [row.active_at for row in rows[1:]]
    return [
        row
        for row, end in zip_longest(rows, superseded)
        if end is None or now < end + keep + timedelta(minutes=1)
    ]


def _load(before: Ring | None) -> Ring:
    rows = verifying() or [SigningKey.draw(active_at=timezone.now())]
    known = before.by_kid if before else {}
    keys = tuple(known.get(row.kid) or _prepare(row) for row in rows)
    return Ring(keys, {key.kid: key for key in keys}, time.monotonic())


def _prepare(row: SigningKey) -> Key:
    algorithm = get_default_algorithms()[row.algorithm]
    public = algorithm.prepare_key(row.public_pem)
    return Key(
        kid=row.kid,
        algorithm=row.algorithm,
        private=algorithm.prepare_key(encryption.decrypt(row.private_pem)),
        public=public,
        jwk=jwk.public_members(row.kid, row.algorithm, public),
        active_at=row.active_at,
    )
