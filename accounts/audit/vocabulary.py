"""List the events, reasons and methods of the audit log: one entry for each value in the rows.

Pages and the admin read labels, tones and icons from here. To add an event or a reason, add its
entry, the Korean text of its label, and a test. Never change a value: rows hold it.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Self

from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Entry(StrEnum):
    """A value of a column, with the label that people see."""

    label: "StrOrPromise"

    def __new__(cls, value: str, *row: object) -> Self:  # noqa: ARG004 - `__init__` takes the row
        entry = str.__new__(cls, value)
        entry._value_ = value
        return entry

    def __init__(self, value: str, label: "StrOrPromise") -> None:
        self.label = label

    @classmethod
    def choices(cls) -> "list[tuple[str, StrOrPromise]]":
        """Return the choices of a model field as pairs of value and label.

        Migrations name this method instead of the values, so a new value needs no migration.
        """
        return [(entry.value, entry.label) for entry in cls]


class Tone(StrEnum):
    """The look of an event on a page: a class in the style sheet."""

    CALM = "calm"
    ALARMING = "alarming"


class EventType(Entry):
    """The event types, as `noun.past_tense`. The icon is a template in `templates/icons`."""

    icon: str
    tone: Tone

    def __init__(
        self, value: str, label: "StrOrPromise", icon: str, tone: Tone = Tone.CALM
    ) -> None:
        super().__init__(value, label)
        self.icon = icon
        self.tone = tone

    ACCOUNT_LOCKED = (
        "account.locked",
        _("Account locked by an administrator"),
        "alert",
        Tone.ALARMING,
    )
    ACCOUNT_UNLOCKED = "account.unlocked", _("Account unlocked"), "check"
    ACTIVITY_DENIED = "activity.denied", _("Reported: not me"), "alert", Tone.ALARMING
    API_KEY_ADDED = "api_key.added", _("API key added"), "key"
    API_KEY_REVOKED = "api_key.revoked", _("API key revoked"), "key", Tone.ALARMING
    CODE_REFUSED = "code.refused", _("Wrong email codes"), "alert", Tone.ALARMING
    DATA_EXPORTED = (
        "data.exported",
        _("Data downloaded by an administrator"),
        "download",
        Tone.ALARMING,
    )
    DELETION_CANCELLED = "deletion.cancelled", _("Account deletion cancelled"), "check"
    DELETION_REQUESTED = (
        "deletion.requested",
        _("Account deletion requested"),
        "alert",
        Tone.ALARMING,
    )
    EMAIL_CHANGED = "email.changed", _("Email changed"), "mail"
    EMAIL_LOST = "email.lost", _("Email taken by its owner"), "mail", Tone.ALARMING
    EMAIL_PROPOSAL_STOPPED = "email.proposal_stopped", _("Change of email stopped"), "mail"
    EMAIL_PROPOSED = (
        "email.proposed",
        _("Change of email proposed by an administrator"),
        "mail",
        Tone.ALARMING,
    )
    EMAIL_VERIFIED = "email.verified", _("Email verified"), "mail"
    FACTOR_ADDED = "factor.added", _("Second factor added"), "shield"
    FACTOR_REMOVED = "factor.removed", _("Second factor removed"), "shield", Tone.ALARMING
    FACTOR_RESET_DONE = (
        "factor_reset.done",
        _("Second factors reset by an administrator"),
        "shield",
        Tone.ALARMING,
    )
    FACTOR_RESET_REQUESTED = (
        "factor_reset.requested",
        _("Reset of second factors requested"),
        "shield",
        Tone.ALARMING,
    )
    FACTOR_RESET_STOPPED = "factor_reset.stopped", _("Reset of second factors stopped"), "shield"
    INVITATION_REVOKED = "invitation.revoked", _("Invitation revoked"), "mail"
    INVITATION_SENT = "invitation.sent", _("Invitation sent"), "mail"
    LIMITS_LIFTED = "limits.lifted", _("Limits lifted by an administrator"), "check"
    LOGIN_FAILED = "login.failed", _("Sign-in failed"), "alert", Tone.ALARMING
    LOGIN_SUCCEEDED = "login.succeeded", _("Signed in"), "check"
    NAME_CHANGED = "name.changed", _("Name changed"), "person"
    PASSWORD_CHANGED = "password.changed", _("Password changed"), "key"
    PASSWORD_RESET = "password.reset", _("Password reset"), "key"
    PASSWORD_RESET_REQUESTED = "password.reset_requested", _("Password reset requested"), "mail"
    PROFILE_CHANGED = "profile.changed", _("Profile changed"), "person"
    RECOVERY_CODE_USED = "recovery_code.used", _("Recovery code used"), "shield", Tone.ALARMING
    RECOVERY_CODES_REPLACED = "recovery_codes.replaced", _("New recovery codes made"), "shield"
    REFRESH_TOKEN_REUSED = "refresh_token.reused", _("Refresh token reused"), "alert", Tone.ALARMING
    REPORT_CLOSED = "report.closed", _("Report closed by an administrator"), "check"
    REPORT_REOPENED = "report.reopened", _("Report opened again by an administrator"), "alert"
    RIGHTS_CHANGED = "rights.changed", _("Rights changed"), "key", Tone.ALARMING
    SESSION_PROOF_REFUSED = (
        "session.proof_refused",
        _("Confirmation failed"),
        "alert",
        Tone.ALARMING,
    )
    SESSION_PROVED = "session.proved", _("Confirmed again"), "check"
    SESSION_REVOKED = "session.revoked", _("Sign-in ended"), "exit"
    SOCIAL_ALERTED = "social.alerted", _("Warning from a connected account"), "alert", Tone.ALARMING
    SOCIAL_CONNECTED = "social.connected", _("Account connected"), "link"
    SOCIAL_DISCONNECTED = "social.disconnected", _("Account disconnected"), "link"
    SOCIAL_UNLINKED = "social.unlinked", _("Account disconnected at the provider"), "link"
    SUPERUSER_PROPOSED = (
        "superuser.proposed",
        _("Proposed as a superuser"),
        "key",
        Tone.ALARMING,
    )
    SUPERUSER_REFUSED = "superuser.refused", _("Proposal of a superuser stopped"), "key"
    TRUSTED_BROWSER_ADDED = "trusted_browser.added", _("Browser trusted"), "shield"
    TRUSTED_BROWSER_ENDED = "trusted_browser.ended", _("Browser no longer trusted"), "shield"
    USER_ADDED = "user.added", _("Account made by an administrator"), "person"
    USER_ADOPTED = "user.adopted", _("Account given to the owner of its email"), "person"
    USER_DELETED = "user.deleted", _("Account deleted"), "exit", Tone.ALARMING
    USER_ERASED = "user.erased", _("Account erased"), "exit"
    USER_IMPORTED = "user.imported", _("Account brought from another system"), "person"
    USER_SIGNED_UP = "user.signed_up", _("Signed up"), "person"
    USERS_EXPORTED = "users.exported", _("Accounts exported"), "exit", Tone.ALARMING
    WEBHOOK_ADDED = "webhook.added", _("Webhook endpoint added"), "link"
    WEBHOOK_CHANGED = "webhook.changed", _("Webhook endpoint changed"), "link"
    WEBHOOK_REMOVED = "webhook.removed", _("Webhook endpoint removed"), "link"
    WEBHOOK_SECRET_ROTATED = "webhook.secret_rotated", _("Webhook secret renewed"), "key"
    WEBHOOK_STARTED = "webhook.started", _("Webhook endpoint started again"), "link"
    WEBHOOK_STOPPED = "webhook.stopped", _("Webhook endpoint stopped"), "alert", Tone.ALARMING


class RevokeReason(Entry):
    """The reason for the end of a sign-in: the `reason` of `session.revoked`."""

    ADMIN = "admin", _("Ended by an administrator")
    DEACTIVATED = "deactivated", _("Account disabled")
    DELETED = "deleted", _("Account deleted")
    DENIED = "denied", _("The owner reported: not me")
    DELETION_REQUESTED = "deletion_requested", _("Account deletion requested")
    FACTOR_ADDED = "factor_added", _("A second factor was added")
    KEY_REVOKED = "key_revoked", _("API key revoked")
    LOCKED = "locked", _("Account locked by an administrator")
    LOGOUT = "logout", _("Signed out")
    OTHER_DEVICE = "other_device", _("Ended from another device")
    PASSWORD_CHANGED = "password_changed", _("Password changed")
    PASSWORD_RESET = "password_reset", _("Password reset")
    PROVIDER = "provider", _("Ended by a connected account")
    REFRESH_LOST = "refresh_lost", _("The answer to a token refresh was lost")
    REUSED = "reused", _("A refresh token was used twice")
    RIGHTS_CHANGED = "rights_changed", _("Rights changed")
    UNFINISHED = "unfinished", _("The sign-in could not be completed")


class LoginFailure(Entry):
    """The reason for refused credentials: the `reason` of `login.failed`. No answer contains it.

    `session.proof_refused` and `password.reset_requested` have some of these reasons, too.
    """

    CLONED_PASSKEY = "cloned_passkey", _("A passkey that may be a copy")
    PROVIDER_TOKEN_REFUSED = "provider_token_refused", _("The provider's token was refused")
    UNKNOWN_USER = "unknown_user", _("No such account")
    USER_INACTIVE = "user_inactive", _("Account disabled")
    WRONG_CODE = "wrong_code", _("Wrong code")
    WRONG_PASSKEY = "wrong_passkey", _("Passkey refused")
    WRONG_PASSWORD = "wrong_password", _("Wrong password")
    WRONG_SECOND_STEP = "wrong_second_step", _("Wrong code in the second step")


class ProofFailure(Entry):
    """The reason why a provider's answer proved nothing: the `reason` of `session.proof_refused`."""

    NOT_ASKED_AGAIN = "not_asked_again", _("The provider did not ask again")
    OTHER_ACCOUNT = "other_account", _("Another account at the provider")


class Deletion(Entry):
    """The reason why an account was deleted: the `reason` of `user.deleted`.

    `dormant` is one of `deletion.requested`, and `unverified` one of `user.erased`.
    """

    ADDRESS_PROVED = "address_proved", _("Somebody else proved its email")
    BY_ADMINISTRATOR = "by_administrator", _("Deleted by an administrator")
    DORMANT = "dormant", _("Not used for a long time")
    SIGNED_UP_AGAIN = "signed_up_again", _("Somebody signed up again with its email")
    UNVERIFIED = "unverified", _("Its email was never verified")


class Alert(Entry):
    """A provider's report about a connected account: the `reason` of `social.alerted`."""

    ACCOUNT_DISABLED = "account_disabled", _("Account disabled at the provider")
    CREDENTIAL_CHANGE = "credential_change", _("Its password may have leaked")
    CREDENTIAL_CHANGED = "credential_changed", _("Password changed at the provider")
    HIJACKING = "hijacking", _("Taken over by somebody else")
    SESSIONS_REVOKED = "sessions_revoked", _("Signed out at the provider")
    TOKENS_REVOKED = "tokens_revoked", _("Access withdrawn at the provider")


class Right(Entry):
    """A change of rights by an administrator: the `reason` of `rights.changed`."""

    STAFF_GRANTED = "staff_granted", _("Staff: granted")
    STAFF_WITHDRAWN = "staff_withdrawn", _("Staff: withdrawn")
    SUPERUSER_GRANTED = "superuser_granted", _("Superuser: granted")
    SUPERUSER_WITHDRAWN = "superuser_withdrawn", _("Superuser: withdrawn")
    ACCESS_GRANTED = "access_granted", _("Account enabled")
    ACCESS_WITHDRAWN = "access_withdrawn", _("Account disabled by an administrator")
    GROUPS_CHANGED = "groups_changed", _("Groups changed")


class Denied(Entry):
    """What the owner says somebody else did: the `reason` of `activity.denied`."""

    CONNECTION = "denied_connection", _("A connected account")
    EMAIL = "denied_email", _("The email")
    FACTOR = "denied_factor", _("The second step")
    HALF_SIGN_IN = "denied_half_sign_in", _("A sign-in that stopped at the second step")
    PASSWORD = "denied_password", _("The password")
    SIGN_IN = "denied_sign_in", _("A sign-in")


class FactorKind(Entry):
    """A kind of second factor: the reason of `factor.added` and `factor.removed`."""

    PASSKEY = "webauthn", _("Passkey")
    TOTP = "totp", _("Authenticator app")
    RECOVERY_CODES = "recovery_codes", _("Recovery codes")


class ResetStop(Entry):
    """The way in which an order of an operator was stopped.

    The reason of `factor_reset.stopped` and `email.proposal_stopped`.
    """

    BY_LINK = "by_link", _("By the link in the mail")
    BY_OPERATOR = "by_operator", _("By an administrator")
    BY_OWNER = "by_owner", _("By the signed-in owner")
    BY_REPORT = "by_report", _("By the owner's report")
    BY_LOCK = "by_lock", _("By a lock of the account")
    BY_REPLACEMENT = "by_replacement", _("Replaced by one without a delay")
    NOT_ALLOWED = "not_allowed", _("The administrator lost the right to ask for it")


class Unlock(Entry):
    """The way in which a locked account was unlocked: the reason of `account.unlocked`."""

    BY_OPERATOR = "unlocked_by_operator", _("By an administrator")
    BY_TIME = "unlocked_by_time", _("The time of the lock is over")


class WebhookStop(Entry):
    """The reason why a webhook endpoint was stopped: the reason of `webhook.stopped`."""

    FAILING = "webhook_failing", _("It failed for days")
    GONE = "webhook_gone", _("It answered 410 Gone")
    OPERATOR = "webhook_operator", _("Stopped by an administrator")


class Method(Entry):
    """A way in which a user proves a sign-in: a value of `amr` (RFC 8176).

    For a sign-in by a provider, `amr` has the provider's id instead.
    """

    PASSWORD = "pwd", _("Password")
    CODE = "otp", _("One-time code")
    SECOND_STEP = "mfa", _("Second step")
    HARDWARE_KEY = "hwk", _("Passkey")
    KEY = "pop", _("Passkey")
    LEGACY_TOKEN = "legacy_token", _("Token of the former site")
    PRESENCE = "user", _("Confirmed on the device")


# Rows may hold values of another release: look them up with `.get`.
EVENT_TYPES: dict[str, EventType] = {entry.value: entry for entry in EventType}
DENIED: dict[str, Denied] = {entry.value: entry for entry in Denied}
METHODS: dict[str, Method] = {entry.value: entry for entry in Method}
REASONS: dict[str, Entry] = {
    entry.value: entry
    for group in (
        *(RevokeReason, LoginFailure, ProofFailure),
        *(Deletion, Alert, Right, FactorKind, Denied, ResetStop, Unlock, WebhookStop),
    )
    for entry in group
}
"""All reasons. Their values differ, so that a label needs no event."""


def reason_label(value: str) -> "StrOrPromise":
    """Return the label of a reason.

    A reason that isn't listed is a provider's id: return its name.
    """
    entry = REASONS.get(value)
    return entry.label if entry else provider_name(value)


def method_label(value: str) -> "StrOrPromise":
    """Return the label of a method.

    A method that isn't listed is a provider's id: return its name.
    """
    entry = METHODS.get(value)
    return entry.label if entry else provider_name(value)


def provider_name(provider: str) -> str:
    """Return the provider's name in the reader's language, or '' for ''."""
    return gettext(capfirst(provider)) if provider else ""
