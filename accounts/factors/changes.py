"""Add and remove second factors: the row, the sign-ins that end, the audit event and the mail.

Each function is one transaction that locks the user's row, as `sessions.open` does. Call them only
after a fresh proof. They are the only writers of factors, at every door.
"""

from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils.translation import override

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import EventType, FactorKind
from accounts.client_info import ClientInfo
from accounts.errors import ConflictError, SessionEndedError
from accounts.factors import registry
from accounts.factors.passkeys import enrolment as passkeys
from accounts.factors.passkeys.answers import NewCredential
from accounts.factors.recovery_codes import enrolment as recovery_codes
from accounts.factors.totp import enrolment as totp
from accounts.mail import notices
from accounts.people.models import User
from accounts.signins import sessions
from accounts.signins.models import AuthSession


def add_app(
    user: User, secret: str, *, step: int, session: AuthSession | None, client: ClientInfo
) -> tuple[Authenticator, list[str]]:
    """Add an authenticator app. Returns its row, and new recovery codes if there were none.

    A code of `step` has proved the app: it also proves `session`, which is None while a sign-in is
    still under way. Raises `ConflictError` if the account has an app, and as `_is_first` does.
    """
    with transaction.atomic():
        is_first = _is_first(user, session)
        if Authenticator.objects.filter(user=user, type=FactorKind.TOTP).exists():
            raise ConflictError
        app = totp.add(user, secret, step=step)
        plain = _added(user, FactorKind.TOTP, is_first=is_first, session=session, client=client)
    return app, plain


def add_passkey(
    user: User,
    new: NewCredential,
    *,
    name: str = "",
    session: AuthSession | None,
    client: ClientInfo,
) -> tuple[Authenticator, list[str]]:
    """Add a passkey or security key. Returns its row, and new recovery codes if there were none.

    `new` is what `answers.register` returns. It also proves `session`, which is None while a sign-in
    is still under way. Raises `PasskeyError` if some account has this credential, or this one too many,
    and as `_is_first` does.
    """
    with transaction.atomic():
        is_first = _is_first(user, session)
        row = passkeys.add(user, new, name=name, client=client)
        plain = _added(user, FactorKind.PASSKEY, is_first=is_first, session=session, client=client)
    return row, plain


def remove_app(user: User, *, client: ClientInfo) -> bool:
    """Remove the app, and the recovery codes that stood in for it. Returns False without an app."""
    return _remove(user, FactorKind.TOTP, client=client)


def remove_passkey(user: User, pk: int, *, client: ClientInfo) -> bool:
    """Remove a passkey as `remove_app` does. Returns False if this account has no such one.

    Tell the browser afterwards (`options.accepted`), so that it stops offering the passkey.
    """
    return _remove(user, FactorKind.PASSKEY, client=client, pk=pk)


def remove_all(user: User, *, actor: User | None) -> bool:
    """Remove all factors, and end all sign-ins. Returns False without any. Mails nothing.

    For `accounts.factors.resets`. `actor` is the operator who asked, or None for the command line.
    """
    with transaction.atomic():
        lock(user)
        kinds = list(Authenticator.objects.filter(user=user).values_list("type", flat=True))
        Authenticator.objects.filter(user=user).delete()
        if not kinds:
            return False
        sessions.revoke_all(user, reason=sessions.Reason.ADMIN, actor=actor)
        for kind in FactorKind:
            if kind in kinds and registry.FACTORS[kind].is_enough:
                trail.record(AuditEvent.Type.FACTOR_REMOVED, user=user, reason=kind, actor=actor)
    return True


def replace_recovery_codes(
    user: User, *, client: ClientInfo
) -> tuple[Authenticator, list[str]] | None:
    """Make new recovery codes; the old ones no longer work. Returns the row and the codes.

    Returns None if the account has no other factor, for which they could stand in.
    """
    with transaction.atomic():
        lock(user)
        if not registry.factors_of(user):
            return None
        row, plain = recovery_codes.add(user)
        trail.record(AuditEvent.Type.RECOVERY_CODES_REPLACED, user=user, client=client)
        notices.recovery_codes_replaced(user, client=client)
    return row, plain


def lock(user: User) -> User:
    """Lock the user's row until the transaction ends, and return it as it is now.

    `no_key` lets other transactions write rows that refer to the user, such as audit events.
    """
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _is_first(user: User, session: AuthSession | None) -> bool:
    """Lock the user's row, and return True if the account has no factor.

    Raises `SessionEndedError` if the password was changed meanwhile, and `ConflictError` if a sign-in
    is under way and the account got a factor, which that sign-in was not asked for.
    """
    current = lock(user)
    if current.password_version != user.password_version:
        raise SessionEndedError
    is_first = not registry.factors_of(current)
    if session is None and not is_first:
        raise ConflictError
    return is_first


def _added(
    user: User,
    kind: FactorKind,
    *,
    is_first: bool,
    session: AuthSession | None,
    client: ClientInfo,
) -> list[str]:
    """Do what follows from a new factor. Returns new recovery codes, or [] if there are some.

    The first factor ends all other sign-ins, because none was asked for the second step. Raises
    `SessionEndedError` if `session` has ended.
    """
    has_codes = Authenticator.objects.filter(user=user, type=FactorKind.RECOVERY_CODES)
    plain = [] if has_codes.exists() else recovery_codes.add(user)[1]
    if session is not None and not sessions.prove(
        session, amr=registry.amr_of(kind), client=client
    ):
        raise SessionEndedError
    if is_first:
        reason, keep = sessions.Reason.FACTOR_ADDED, session.pk if session else None
        sessions.revoke_all(user, reason=reason, keep=keep, client=client)
    _tell(AuditEvent.Type.FACTOR_ADDED, user, kind, client=client)
    return plain


def _remove(user: User, kind: FactorKind, *, client: ClientInfo, **which: Any) -> bool:
    with transaction.atomic():
        lock(user)
        removed, _ = Authenticator.objects.filter(user=user, type=kind, **which).delete()
        if not removed:
            return False
        if not registry.factors_of(user):
            Authenticator.objects.filter(user=user).delete()
        _tell(AuditEvent.Type.FACTOR_REMOVED, user, kind, client=client)
    return True


def _tell(event: EventType, user: User, kind: FactorKind, *, client: ClientInfo) -> None:
    trail.record(event, user=user, client=client, reason=kind)
    notice = {
        AuditEvent.Type.FACTOR_ADDED: notices.factor_added,
        AuditEvent.Type.FACTOR_REMOVED: notices.factor_removed,
    }[event]
    with override(user.locale or None):
        name = str(kind.label)
    notice(user, factor=name, client=client)
