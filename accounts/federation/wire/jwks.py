"""Keep the providers' signing keys in this process.

A set is read again after an hour, and at most once a minute for an unknown `kid`, so that invented
`kid`s cannot make us call the provider. If the provider is down, the last set is used for a day.
"""

import logging
import os
import threading
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from accounts.federation.errors import ProviderError, ProviderUnavailableError, UnknownKeyError
from accounts.federation.wire import fetch, outage

log = logging.getLogger(__name__)

ALGORITHM = "RS256"
TTL_SECONDS = 3600
UNKNOWN_KID_SECONDS = 60
RETRY_SECONDS = 5
MAX_STALE_SECONDS = 24 * 3600
MIN_RSA_BITS = 2048

_sets: dict[str, "KeySet"] = {}


def key(uri: str, kid: str) -> RSAPublicKey:
    """Return the provider's key with this `kid`.

    Raises `UnknownKeyError`, or `ProviderUnavailableError` if the keys can't be read.
    """
    return _sets.setdefault(uri, KeySet(uri)).key(kid)


def forget() -> None:
    """Forget all keys, as after a fork: a thread of the parent may hold a lock."""
    _sets.clear()


os.register_at_fork(after_in_child=forget)


class KeySet:
    """The keys at one address. Times are seconds of the monotonic clock."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._keys: dict[str, RSAPublicKey] = {}
        self._read_at = float("-inf")
        self._tried_at = float("-inf")
        self._began_at: float | None = None
        self._has_failed = False
        self._lock = threading.Lock()

    def key(self, kid: str) -> RSAPublicKey:
        if self._age() >= TTL_SECONDS:
            self._read(at_most_every=RETRY_SECONDS)
        if self._age() >= MAX_STALE_SECONDS:
            raise ProviderUnavailableError("the signing keys can't be read")
        if kid not in self._keys:
            self._read(at_most_every=UNKNOWN_KID_SECONDS)
        if kid not in self._keys:
            # Perhaps the key that the provider has just begun to sign with.
            raise (
                ProviderUnavailableError("the signing keys can't be read")
                if self._has_failed
                else UnknownKeyError("unknown kid")
            )
        return self._keys[kid]

    def _age(self) -> float:
        return time.monotonic() - self._read_at

    def _read(self, *, at_most_every: float) -> None:
        """Read the keys, unless another thread does. Wait for that thread if there are no keys at all.

        Waits at most until its call is `outage.PATIENCE_SECONDS` old, as `outage` lets threads wait for a
        place: a thread that waits here waits for the provider, too.
        """
        if not self._lock.acquire(timeout=0 if self._keys else self._patience()):
            return
        try:
            if time.monotonic() - self._tried_at < at_most_every:
                return
            self._began_at = time.monotonic()
            self._has_failed = True
            self._keys = _keys_in(fetch.get(self.uri))
            self._has_failed = False
            self._read_at = self._tried_at = time.monotonic()
        except ProviderError as exc:
            # Counted from the end of the call: threads that waited for it must not call again.
            self._tried_at = time.monotonic()
            log.warning("the signing keys at %s can't be read: %s", self.uri, exc)
        finally:
            self._began_at = None
            self._lock.release()

    def _patience(self) -> float:
        """Return how many seconds to wait for the caller that reads the keys now."""
        now = time.monotonic()
        return max(0.0, (self._began_at or now) + outage.PATIENCE_SECONDS - now)


def _keys_in(document: dict[str, Any]) -> dict[str, RSAPublicKey]:
    """Return the RSA keys of 2048 bits or more for RS256, by `kid`. Skips all other keys.

    Raises `ProviderError` if no key remains.
    """
    listed = document.get("keys")
    keys = {}
    for entry in listed if isinstance(listed, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
            continue
        if entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig":
            continue
        if entry.get("alg", ALGORITHM) != ALGORITHM:
            continue
        try:
            public = jwt.PyJWK(entry, algorithm=ALGORITHM).key
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        if isinstance(public, RSAPublicKey) and public.key_size >= MIN_RSA_BITS:
            keys[entry["kid"]] = public
    if not keys:
        raise ProviderError("no usable key in the JWK Set")
    return keys
