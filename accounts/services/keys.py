"""Add and revoke API keys, and check their secrets."""

import hashlib
import hmac
import secrets
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.audit import trail
from accounts.audit.vocabulary import EventType, RevokeReason
from accounts.client_info import ClientInfo
from accounts.people.models import User
from accounts.services.models import ApiKey
from accounts.signins import sessions
from accounts.signins.models import AuthSession

PREFIX = "mk_"
"""The beginning of each secret, by which scanners of source code find one that leaked."""
SHOWN = 8
USE_SECONDS = 60
"""Least seconds between two writes of `last_used_at`, except by requests at the same time."""
NEVER = timedelta(days=100 * 365)


def add(key: ApiKey, *, by: User | None = None, client: ClientInfo | None = None) -> str:
    """Save a new key, and return its secret, which nobody sees again."""
    secret = PREFIX + secrets.token_urlsafe(32)
    key.digest, key.prefix, key.created_by = _digest(secret), secret[:SHOWN], by
    key.scope = " ".join(dict.fromkeys(key.words))
    with transaction.atomic():
        key.save(force_insert=True)
        sessions.open_for_key(key.pk, expires_at=key.expires_at or timezone.now() + NEVER)
        trail.record(
            EventType.API_KEY_ADDED, identifier=_named(key), sid=key.pk, actor=by, client=client
        )
    return secret


def revoke(key: ApiKey, *, by: User | None = None, client: ClientInfo | None = None) -> bool:
    """End this key and all its tokens. Returns False if it had ended before."""
    with transaction.atomic():
        if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
            return False
        session = AuthSession.objects.filter(pk=key.pk).first()
        if session is not None:  # an expired one is deleted some time later
            sessions.revoke(session, reason=RevokeReason.KEY_REVOKED, actor=by, client=client)
        trail.record(
            EventType.API_KEY_REVOKED, identifier=_named(key), sid=key.pk, actor=by, client=client
        )
    return True


def check(client_id: str, secret: str) -> ApiKey | None:
    """Return the active key with this id and secret, or None. Notes the use, about once a minute.

    A key that is revoked while the note waits for its row is refused: a token made later than the end
    could outlive the memory of that end.
    """
    try:
        key = ApiKey.objects.filter(pk=UUID(client_id)).first()
    except ValueError:
        return None
    expected = key.digest if key is not None else ""
    if not hmac.compare_digest(_digest(secret), expected) or key is None or not key.is_active:
        return None
    return key if _note_use(key) else None


def _note_use(key: ApiKey) -> bool:
    """Write the time, if the last write is `USE_SECONDS` ago. Returns False if the key has ended meanwhile."""
    now = timezone.now()
    if key.last_used_at and now - key.last_used_at < timedelta(seconds=USE_SECONDS):
        return True
    return bool(ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(last_used_at=now))


def _named(key: ApiKey) -> str:
    return f"{key.name} ({key.prefix}…)"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
