"""List the events that services can subscribe to: the one table of public names.

To add an event, add its entry, the Korean text of its label, and its row in `docs/webhooks.md`.
"""

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from accounts.audit.vocabulary import Entry, EventType

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

TEST = "webhook.test"
"""The type of a test event, which every endpoint gets."""


class Event(Entry):
    """The public events, each with the types of the audit log that cause it."""

    causes: tuple[EventType, ...]

    def __init__(self, value: str, label: "StrOrPromise", *causes: EventType) -> None:
        super().__init__(value, label)
        self.causes = causes

    USER_CREATED = "user.created", _("Account made"), EventType.USER_SIGNED_UP, EventType.USER_ADDED
    USER_UPDATED = (
        "user.updated",
        _("Email, name, profile or rights changed"),
        EventType.ACCOUNT_LOCKED,
        EventType.ACCOUNT_UNLOCKED,
        EventType.EMAIL_CHANGED,
        EventType.EMAIL_LOST,
        EventType.EMAIL_VERIFIED,
        EventType.NAME_CHANGED,
        EventType.PROFILE_CHANGED,
        EventType.RIGHTS_CHANGED,
        EventType.USER_ADOPTED,
    )
    USER_DELETION_REQUESTED = (
        "user.deletion_requested",
        _("Account deletion requested"),
        EventType.DELETION_REQUESTED,
    )
    USER_DELETION_CANCELLED = (
        "user.deletion_cancelled",
        _("Account deletion cancelled"),
        EventType.DELETION_CANCELLED,
    )
    USER_DELETED = (
        "user.deleted",
        _("Account deleted"),
        EventType.USER_DELETED,
        EventType.USER_ERASED,
    )
    SESSION_OPENED = "session.opened", _("Signed in"), EventType.LOGIN_SUCCEEDED
    SESSION_REVOKED = "session.revoked", _("Sign-in ended"), EventType.SESSION_REVOKED
    LOGIN_FAILED = "login.failed", _("Sign-in failed"), EventType.LOGIN_FAILED
    REFRESH_TOKEN_REUSED = (
        "refresh_token.reused",
        _("Refresh token reused"),
        EventType.REFRESH_TOKEN_REUSED,
    )
    PASSWORD_CHANGED = (
        "password.changed",
        _("Password changed or reset"),
        EventType.PASSWORD_CHANGED,
        EventType.PASSWORD_RESET,
    )
    FACTOR_ADDED = "factor.added", _("Second factor added"), EventType.FACTOR_ADDED
    FACTOR_REMOVED = (
        "factor.removed",
        _("Second factor removed"),
        EventType.FACTOR_REMOVED,
        EventType.FACTOR_RESET_DONE,
    )
    RECOVERY_CODE_USED = (
        "recovery_code.used",
        _("Recovery code used"),
        EventType.RECOVERY_CODE_USED,
    )
    SOCIAL_CONNECTED = "social.connected", _("Account connected"), EventType.SOCIAL_CONNECTED
    SOCIAL_DISCONNECTED = (
        "social.disconnected",
        _("Account disconnected"),
        EventType.SOCIAL_DISCONNECTED,
        EventType.SOCIAL_UNLINKED,
    )
    SOCIAL_ALERTED = (
        "social.alerted",
        _("Warning from a connected account"),
        EventType.SOCIAL_ALERTED,
    )
    ACTIVITY_DENIED = "activity.denied", _("Reported: not me"), EventType.ACTIVITY_DENIED


EVENTS: dict[str, Event] = {event.value: event for event in Event}
CAUSED: dict[str, Event] = {cause.value: event for event in Event for cause in event.causes}
"""The public event of each type of the audit log that has one."""
