"""Add and remove second factors: the row, the sign-ins that end, the audit event and the mail.

Each function is one transaction that locks the user's row, as `sessions.open` does. Call them only
after a fresh proof. They are the only writers of factors, at every door.
"""

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils.translation import override

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import EventType, FactorKind
from accounts.client_info import ClientInfo
from accounts.errors import ConflictError
from accounts.factors import registry
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
    still under way. All other sign-ins end, because none was asked for the second step. Raises `ConflictError` if the account has an app.
    """
    with transaction.atomic():
        _lock(user)
        if Authenticator.objects.filter(user=user, type=FactorKind.TOTP).exists():
            raise ConflictError
        app = totp.add(user, secret, step=step)
        has_codes = Authenticator.objects.filter(user=user, type=FactorKind.RECOVERY_CODES)
        plain = [] if has_codes.exists() else recovery_codes.add(user)[1]
        if session is not None:
            sessions.prove(session, amr=registry.amr_of(FactorKind.TOTP), client=client)
        reason = sessions.Reason.FACTOR_ADDED
        sessions.revoke_all(
            user, reason=reason, keep=session.pk if session else None, client=client
        )
        _tell(AuditEvent.Type.FACTOR_ADDED, user, FactorKind.TOTP, client=client)
    return app, plain


def remove_app(user: User, *, client: ClientInfo) -> bool:
    """Remove the app, and the recovery codes that stood in for it. Returns False without an app."""
    with transaction.atomic():
        _lock(user)
        removed, _ = Authenticator.objects.filter(user=user, type=FactorKind.TOTP).delete()
        if not removed:
            return False
        if not registry.factors_of(user):
            Authenticator.objects.filter(user=user).delete()
        _tell(AuditEvent.Type.FACTOR_REMOVED, user, FactorKind.TOTP, client=client)
    return True


def remove_all(user: User) -> bool:
    """Remove all factors of a person who lost them, and end all sign-ins. Returns False without any.

    For operators, who have made sure that this person asks.
    """
    with transaction.atomic():
        _lock(user)
        kinds = list(Authenticator.objects.filter(user=user).values_list("type", flat=True))
        Authenticator.objects.filter(user=user).delete()
        if not kinds:
            return False
        sessions.revoke_all(user, reason=sessions.Reason.ADMIN)
        for kind in FactorKind:
            if kind in kinds and registry.FACTORS[kind].is_enough:
                _tell(AuditEvent.Type.FACTOR_REMOVED, user, kind, client=ClientInfo())
    return True


def replace_recovery_codes(
    user: User, *, client: ClientInfo
) -> tuple[Authenticator, list[str]] | None:
    """Make new recovery codes; the old ones no longer work. Returns the row and the codes.

    Returns None if the account has no other factor, for which they could stand in.
    """
    with transaction.atomic():
        _lock(user)
        if not registry.factors_of(user):
            return None
        row, plain = recovery_codes.add(user)
        trail.record(AuditEvent.Type.RECOVERY_CODES_REPLACED, user=user, client=client)
        notices.recovery_codes_replaced(user, client=client)
    return row, plain


def _lock(user: User) -> None:
    User.objects.select_for_update().get(pk=user.pk)


def _tell(event: EventType, user: User, kind: FactorKind, *, client: ClientInfo) -> None:
    trail.record(event, user=user, client=client, reason=kind)
    notice = {
        AuditEvent.Type.FACTOR_ADDED: notices.factor_added,
        AuditEvent.Type.FACTOR_REMOVED: notices.factor_removed,
    }[event]
    with override(user.locale or None):
        name = str(kind.label)
    notice(user, factor=name, client=client)
