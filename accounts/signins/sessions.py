"""Open, touch and end sign-ins. No other module writes `AuthSession` rows, except `rotation`, `openings` and `sign_outs`."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts import statements
from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import RevokeReason
from accounts.bell import Topic, bell
from accounts.client_info import ClientInfo
from accounts.errors import InactiveUserError
from accounts.mail import notices
from accounts.people.models import User
from accounts.signins import openings, sign_outs
from accounts.signins.models import AuthSession, TrustedBrowser
from accounts.store import index, outage

if TYPE_CHECKING:
    from django.db.models import QuerySet

BATCH = 5000
"""Most ids in one statement: databases limit its parameters."""

log = logging.getLogger(__name__)

Kind = AuthSession.Kind
Reason = RevokeReason
OWN_ENDS = {Reason.LOGOUT, Reason.UNFINISHED}
"""The reasons that leave the trusted browsers trusted."""


def open(  # noqa: A001, PLR0913 - called as sessions.open(); facts of one sign-in
    user: User,
    *,
    kind: Kind,
    client: ClientInfo,
    amr: list[str],
    through: tuple[str, str] | None = None,
    lacks_second_step: bool = False,
    proved_at: datetime | None = None,
    sid: UUID | None = None,
) -> AuthSession:
    """Open a sign-in of `user` and return its row, with the id `sid` if its browser's session gives one.

    `through` is the connection (provider, uid) that proved it, if any. With `lacks_second_step` it
    is no fresh proof. `proved_at` is the time of the proof, by default now.

    Locks the user's row, writes `last_login` and reads the row into `user`, so that callers go on with
    the current rights. Keeps an account that was to be deleted (`erasure`).

    Raises `InactiveUserError` if meanwhile the password was changed, the account was disabled or
    deleted, or the connection was ended.
    """
    now = timezone.now()
    session = AuthSession(
        pk=sid or uuid4(),
        user=user,
        kind=kind,
        ip=client.ip,
        user_agent=client.user_agent,
        amr=amr,
        lacks_second_step=lacks_second_step,
        auth_time=min(proved_at or now, now),
        created_at=now,
        last_seen_at=now,
        expires_at=now + settings.AUTH_SESSION_LIFETIME,
    )
    if kind == Kind.TOKEN:
        session.refresh_jti = uuid4().hex
        session.refreshed_at = now
        session.refresh_expires_at = min(now + settings.REFRESH_TOKEN_LIFETIME, session.expires_at)
    # Only a later statement sees whether the connection was ended while this one waited for the lock.
    if through is None and openings.at_once(session, user=user, client=client):
        _tell_opened(session)
        return session
    with transaction.atomic():
        if not User.objects.enter(user, at=now):
            raise InactiveUserError
        if through and not _is_connected(user, *through):
            raise InactiveUserError
        statements.insert(session)
        trail.record(
            AuditEvent.Type.LOGIN_SUCCEEDED, user=user, sid=session.pk, client=client, amr=amr
        )
        _tell_opened(session)
        if user.erase_at is not None:
            keep_account(user, sid=session.pk, client=client)
            session.is_account_kept = True
    return session


def _tell_opened(session: AuthSession) -> None:
    opened = f"{session.pk} {session.user_id}"
    transaction.on_commit(lambda: bell.publish(Topic.OPENED, [opened]), robust=True)


def open_for_key(key_id: UUID, *, expires_at: datetime) -> AuthSession:
    """Open the one sign-in of an API key, under the key's id. It has no user."""
    return AuthSession.objects.create(
        pk=key_id,
        kind=Kind.SERVICE,
        client_id=str(key_id),
        expires_at=expires_at,
    )


def keep_account(
    user: User, *, sid: UUID | None, client: ClientInfo, is_reported: bool = False
) -> None:
    """Cancel the deletion of this account. Call only while the user's row is locked.

    `sid` is the sign-in that cancels it; with `is_reported`, the owner's report does.
    """
    user.erase_at = None
    user.save(update_fields=["erase_at"])
    trail.record(AuditEvent.Type.DELETION_CANCELLED, user=user, sid=sid, client=client)
    notices.deletion_cancelled(user, is_reported=is_reported, client=client)


def _is_connected(user: User, provider: str, uid: str) -> bool:
    return user.socialaccount_set.filter(provider=provider, uid=uid).exists()


def touch(sid: UUID, *, user_id: UUID) -> bool:
    """Set `last_seen_at` to now. Call at most once per `touch_seconds` (`store.engine`).

    Returns False if no row was updated, which means the sign-in has ended.
    """
    rows = AuthSession.objects.filter(pk=sid, user_id=user_id, revoked_at=None)
    return bool(rows.update(last_seen_at=timezone.now()))


def prove(session: AuthSession, *, amr: list[str], client: ClientInfo) -> bool:
    """Record that the user has proved this sign-in again. Returns False if it has ended.

    Tokens that are made from now on have the new `auth_time` and `amr`. The earlier methods stay:
    `revoke_opened_by` needs to know which provider opened the sign-in.
    """
    with transaction.atomic():
        row = AuthSession.objects.active().select_for_update().filter(pk=session.pk).first()
        if row is None:
            return False
        row.auth_time = timezone.now()
        row.amr = list(dict.fromkeys([*row.amr, *amr]))
        row.lacks_second_step = False  # `pages.proofs` accepted a factor, if there is one
        row.save(update_fields=["auth_time", "amr", "lacks_second_step"])
        trail.record(
            AuditEvent.Type.SESSION_PROVED, user=row.user, sid=row.pk, client=client, amr=amr
        )
    return True


def revoke(
    session: AuthSession,
    *,
    reason: Reason,
    actor: User | None = None,
    client: ClientInfo | None = None,
    note: str = "",
) -> bool:
    """End this sign-in everywhere. `note` has the words of the operator `actor`.

    If it is a browser's, and the browser does not sign out itself, the account trusts no browser any more:
    a thief may have copied the cookie of one, and its row does not tell which sign-ins it has opened. Deletes
    the trust twice, as `revoke_all` does.

    Returns True, or False without a record if it had ended before.
    """
    trusted = _trust_that_ends_with(session, reason)
    with transaction.atomic():
        trusted.delete()
        ended = AuthSession.objects.filter(pk=session.pk, revoked_at=None).update(
            revoked_at=Now(), revoked_reason=reason
        )
        trusted.delete()
        if not ended:
            return False
        trail.record(
            AuditEvent.Type.SESSION_REVOKED,
            user=session.user,
            sid=session.pk,
            client=client,
            reason=reason,
            actor=actor,
            note=note,
        )
        sid = session.pk
        transaction.on_commit(lambda: _announce([sid]), robust=True)
    return True


def _trust_that_ends_with(session: AuthSession, reason: Reason) -> "QuerySet[TrustedBrowser]":
    if reason in OWN_ENDS or session.kind != Kind.BROWSER or session.user_id is None:
        return TrustedBrowser.objects.none()
    return TrustedBrowser.objects.filter(user_id=session.user_id)


def sign_out(sid: UUID, *, client: ClientInfo, user: User | None = None) -> bool:
    """End this sign-in of a person by its own act, and with `user` only if it is active and of that user.

    It costs less than `revoke` (`sign_outs`). Never ends the sign-in of an API key.

    Returns True, or False without a record if there is no such sign-in, or it had ended before.
    """
    if sign_outs.end(sid, client=client, user=user) is None:
        return False
    transaction.on_commit(lambda: _announce([sid]), robust=True)
    return True


def revoke_all(  # noqa: PLR0913 - as `revoke`, and the one to keep
    user: User,
    *,
    reason: Reason,
    keep: UUID | None = None,
    actor: User | None = None,
    client: ClientInfo | None = None,
    note: str = "",
) -> int:
    """End every sign-in of `user` except `keep`. Returns the number of sign-ins that ended.

    The system that the account came from says nothing more about it (`ExternalId`).

    Also ends the trust in all browsers (`trusted_browsers`). Deletes it twice: the first deletion makes
    a sign-in by trust at the same time fail or be seen below (`trusted_browsers.use`), the second one
    finds a browser that is trusted at the same time. Costs a few SQL statements and two Redis calls
    for each thousand sign-ins.
    """
    with transaction.atomic():
        _end_former(user)
        trusted = TrustedBrowser.objects.filter(user_id=user.pk)
        trusted.delete()
        sids = [sid for sid, _ in _live(user) if sid != keep]
        _end(sids, user=user, reason=reason, actor=actor, client=client, note=note)
        trusted.delete()
        if sids:
            transaction.on_commit(lambda: _announce(sids), robust=True)
    return len(sids)


def _end_former(user: User) -> None:
    """End what the system that the account came from may still say, under the lock on the user's row.

    An exchange of an old token at the same time (`moving.spent`) is over then, and its sign-in ends with the
    others, or it is refused.
    """
    came = user.external_ids.all()
    if came.exists():
        User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()
        came.update(waits_for_password=False, takes_tokens=False)


def revoke_opened_by(
    provider: str,
    user: User,
    *,
    reason: Reason,
    keep: UUID | None = None,
    client: ClientInfo | None = None,
) -> int:
    """End the sign-ins of `user` that this provider opened, except `keep`. Returns the number that ended.

    Also ends the trust in all browsers, twice as `revoke_all` does.
    """
    with transaction.atomic():
        trusted = TrustedBrowser.objects.filter(user_id=user.pk)
        trusted.delete()
        sids = [sid for sid, amr in _live(user) if provider in amr and sid != keep]
        _end(sids, user=user, reason=reason, client=client)
        trusted.delete()
        if sids:
            transaction.on_commit(lambda: _announce(sids), robust=True)
    return len(sids)


def _live(user: User) -> "QuerySet[AuthSession, tuple[UUID, list[str]]]":
    """Select the sids and `amr` of the active sign-ins, and lock them.

    Always in the same order, which prevents deadlocks.
    """
    live = AuthSession.objects.for_user(user.pk).active().select_for_update().order_by("pk")
    return live.values_list("pk", "amr")


def _end(  # noqa: PLR0913 - as `revoke_all`
    sids: list[UUID],
    *,
    user: User,
    reason: Reason,
    actor: User | None = None,
    client: ClientInfo | None = None,
    note: str = "",
) -> None:
    for start in range(0, len(sids), BATCH):
        AuthSession.objects.filter(pk__in=sids[start : start + BATCH]).update(
            revoked_at=Now(), revoked_reason=reason
        )
    trail.record_each(
        sids,
        AuditEvent.Type.SESSION_REVOKED,
        user=user,
        client=client,
        reason=reason,
        actor=actor,
        note=note,
    )


def _announce(sids: list[UUID]) -> None:
    """Tell all processes, then delete the sessions in Redis. Call after the commit.

    The bell comes first, because access tokens depend on it.
    """
    bell.publish(Topic.SESSIONS, sids)
    try:
        index.drop(*sids)
    except outage.STORE_ERRORS:
        # This keeps nobody signed in: see `store.engine`.
        log.warning("session store unavailable, %s sessions are left to expire", len(sids))
