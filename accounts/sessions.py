"""The signed-in device: open it, touch it, end it. The only door to `AuthSession`."""

import logging
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts import audit, revocations, session_store
from accounts.client_info import ClientInfo
from accounts.exceptions import InactiveUserError
from accounts.models import AuditEvent, AuthSession, User

TOUCH_EVERY = timedelta(minutes=5)

log = logging.getLogger(__name__)

Kind = AuthSession.Kind
Reason = AuthSession.RevokedReason


def open(  # noqa: A001 - called as sessions.open()
    user: User,
    *,
    kind: Kind,
    client: ClientInfo,
    amr: list[str],
    client_id: str = "first-party",
) -> AuthSession:
    """A new sign-in of `user`.

    Locks the user's row and checks it again: a password change or a deactivation that committed
    while the sign-in was under way wins. Raises `InactiveUserError`.
    """
    now = timezone.now()
    with transaction.atomic():
        current = User.objects.select_for_update().filter(pk=user.pk).first()
        if current is None or not current.is_active or current.password != user.password:
            raise InactiveUserError
        session = AuthSession(
            user=user,
            kind=kind,
            client_id=client_id,
            ip=client.ip,
            user_agent=client.user_agent,
            amr=amr,
            auth_time=now,
            created_at=now,
            last_seen_at=now,
            expires_at=now + settings.AUTH_SESSION_LIFETIME,
        )
        if kind == Kind.TOKEN:
            session.refresh_jti = uuid4().hex
            session.refreshed_at = now
            session.refresh_expires_at = min(
                now + settings.REFRESH_TOKEN_LIFETIME, session.expires_at
            )
        session.save(force_insert=True)
        audit.record(AuditEvent.Type.SESSION_OPENED, user=user, sid=session.pk, client=client)
    return session


def touch(session: AuthSession) -> bool:
    """Note that the device was seen, at most every five minutes. False: it was ended meanwhile."""
    now = timezone.now()
    if now - session.last_seen_at < TOUCH_EVERY:
        return True
    # The throttle is decided above, so that no row updated can only mean "ended".
    return bool(AuthSession.objects.filter(pk=session.pk, revoked_at=None).update(last_seen_at=now))


def revoke(
    session: AuthSession,
    *,
    reason: Reason,
    actor: User | None = None,
    client: ClientInfo | None = None,
) -> bool:
    """End this sign-in everywhere. False: it had ended before; nothing is recorded twice."""
    with transaction.atomic():
        ended = AuthSession.objects.filter(pk=session.pk, revoked_at=None).update(
            revoked_at=Now(), revoked_reason=reason
        )
        if not ended:
            return False
        audit.record(
            AuditEvent.Type.SESSION_REVOKED,
            user=session.user,
            sid=session.pk,
            client=client,
            reason=reason,
            actor=actor,
        )
        transaction.on_commit(lambda: _announce(session.pk), robust=True)
    return True


def revoke_all(
    user: User,
    *,
    reason: Reason,
    keep: UUID | None = None,
    actor: User | None = None,
    client: ClientInfo | None = None,
) -> int:
    """End every sign-in of `user`, except the one to `keep`. How many ended."""
    sessions = AuthSession.objects.for_user(user.pk).active()
    if keep is not None:
        sessions = sessions.exclude(pk=keep)
    with transaction.atomic():
        return sum(
            revoke(session, reason=reason, actor=actor, client=client)
            for session in sessions.select_related("user")
        )


def _announce(sid: UUID) -> None:
    """After the commit: the bell first, since access tokens live by it."""
    revocations.ring(sid)
    try:
        session_store.drop(sid)
    except session_store.STORE_ERRORS:
        # Nobody stays signed in by this: each request asks the row, which is committed.
        log.warning("session store unavailable, %s is left to expire", sid)
