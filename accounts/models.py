"""Which devices are signed in, and what happened."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.client_info import device_name, is_mobile
from accounts.managers import AuthSessionQuerySet
from accounts.people.models import Locale, User

__all__ = ["AuditEvent", "AuthSession", "Locale", "OutgoingMail", "Unlinking", "User"]


class AuthSession(models.Model):
    """One sign-in of one user on one device: a line in "Signed-in devices".

    Its id is the OIDC `sid`. A `token` sign-in also carries its refresh token's state; no usable
    credential rests here: a `jti` is worthless without a signature.
    """

    class Kind(models.TextChoices):
        BROWSER = "browser", _("Browser")
        TOKEN = "token", _("App or API client")

    class RevokedReason(models.TextChoices):
        ADMIN = "admin", _("Ended by an administrator")
        DEACTIVATED = "deactivated", _("Account disabled")
        DELETED = "deleted", _("Account deleted")
        LOGOUT = "logout", _("Signed out")
        OTHER_DEVICE = "other_device", _("Ended from another device")
        PASSWORD_CHANGED = "password_changed", _("Password changed")
        PASSWORD_RESET = "password_reset", _("Password reset")
        PROVIDER = "provider", _("Ended by a connected account")
        REUSED = "reused", _("A used refresh token came back")
        RIGHTS_CHANGED = "rights_changed", _("Rights changed")
        UNFINISHED = "unfinished", _("Could not be finished")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Outlives its user until the last access token has expired: its end must still be told.
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="auth_sessions")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    client_id = models.CharField(max_length=64, default="first-party")
    ip = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    user_agent = models.CharField(max_length=512, blank=True)
    amr = models.JSONField(default=list, help_text="RFC 8176 authentication methods")
    auth_time = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(_("signed in"), default=timezone.now)
    last_seen_at = models.DateTimeField(_("last seen"), default=timezone.now)
    expires_at = models.DateTimeField(_("ends at the latest"))
    revoked_at = models.DateTimeField(_("ended"), null=True, blank=True)
    revoked_reason = models.CharField(
        _("why it ended"), max_length=32, choices=RevokedReason, blank=True
    )
    refresh_jti = models.CharField(max_length=32, blank=True)
    previous_refresh_jti = models.CharField(max_length=32, blank=True)
    refreshed_at = models.DateTimeField(null=True, blank=True)
    refresh_expires_at = models.DateTimeField(null=True, blank=True)

    objects = AuthSessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="browser") | ~Q(refresh_jti=""), name="auth_session_token_has_jti"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_reason="")
                | Q(revoked_at__isnull=False) & ~Q(revoked_reason=""),
                name="auth_session_revoked_has_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="auth_session_user"),
            models.Index(fields=["expires_at"], name="auth_session_expires"),
            models.Index(
                fields=["revoked_at"],
                name="auth_session_revoked",
                condition=Q(revoked_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device} ({self.get_kind_display()})"

    @classmethod
    def unread(cls, sid: uuid.UUID, user: User) -> "AuthSession":
        """This user's sign-in, without a query. Whoever asks for more than ids reads the row then.

        Raises `DoesNotExist` if it is gone by that time.
        """
        session = cls.from_db(None, ["id", "user_id"], [sid, user.pk])
        session.user = user
        return session

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Columns that weren't read are read together."""
        if kwargs.get("fields") and self.get_deferred_fields() >= set(kwargs["fields"]):
            kwargs["fields"] = self.get_deferred_fields()
        super().refresh_from_db(*args, **kwargs)

    @property
    def sid(self) -> uuid.UUID:
        """Its name in tokens, messages and paths."""
        return self.pk

    @property
    def device(self) -> str:
        return device_name(self.user_agent)

    @property
    def is_mobile(self) -> bool:
        return is_mobile(self.user_agent)

    @property
    def is_active(self) -> bool:
        return self.revoked_at is None and self.expires_at > timezone.now()


class AuditEvent(models.Model):
    """Something that happened to an account. Rows outlive their user and are never changed."""

    class Type(models.TextChoices):
        EMAIL_CHANGED = "email.changed", _("Email changed")
        EMAIL_VERIFIED = "email.verified", _("Email verified")
        LOGIN_FAILED = "login.failed", _("Sign-in failed")
        LOGIN_SUCCEEDED = "login.succeeded", _("Signed in")
        PASSWORD_CHANGED = "password.changed", _("Password changed")
        PASSWORD_RESET = "password.reset", _("Password reset")
        REFRESH_TOKEN_REUSED = "refresh_token.reused", _("Refresh token reused")
        SESSION_OPENED = "session.opened", _("Sign-in opened")
        SESSION_REVOKED = "session.revoked", _("Sign-in ended")
        SOCIAL_ALERTED = "social.alerted", _("Warning from a connected account")
        SOCIAL_CONNECTED = "social.connected", _("Account connected")
        SOCIAL_DISCONNECTED = "social.disconnected", _("Account disconnected")
        SOCIAL_UNLINKED = "social.unlinked", _("Account disconnected at the provider")
        USER_SIGNED_UP = "user.signed_up", _("Signed up")

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(_("when"), default=timezone.now)
    type = models.CharField(_("what"), max_length=32, choices=Type)
    user = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="audit_events"
    )
    identifier = models.CharField(
        _("account"), max_length=254, blank=True, help_text=_("The email as it was, or as typed.")
    )
    sid = models.UUIDField(_("sign-in"), null=True, blank=True)
    ip = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    user_agent = models.CharField(max_length=512, blank=True)
    reason = models.CharField(_("why"), max_length=32, blank=True)
    actor = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("done by"),
        help_text=_("Somebody else than the account's owner."),
    )

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="audit_user"),
            models.Index(fields=["-created_at", "-id"], name="audit_created"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.identifier}"

    @property
    def device(self) -> str:
        return device_name(self.user_agent)

    @property
    def is_mobile(self) -> bool:
        return is_mobile(self.user_agent)


class OutgoingMail(models.Model):
    """A message waiting for the worker; deleted once it is sent.

    Mail carries codes and reset links, so the message rests encrypted.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.TextField(help_text="The message, encrypted under DATA_ENCRYPTION_KEYS")
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.id)


class Unlinking(models.Model):
    """A connection that ended here and whose provider isn't told yet; deleted once it is."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.CharField(max_length=32)
    secret = models.TextField(help_text="Whose, and by which token: under DATA_ENCRYPTION_KEYS")
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.id)
