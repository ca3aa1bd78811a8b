"""One row for each thing that happened to an account."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.client_info import DeviceMixin
from accounts.people.models import User


class AuditEvent(DeviceMixin, models.Model):
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
