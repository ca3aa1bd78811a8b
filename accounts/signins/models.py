"""Store sign-ins, one row for each."""

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.audit.vocabulary import RevokeReason, method_label
from accounts.client_info import DeviceMixin
from accounts.people.models import User
from accounts.signins.managers import AuthSessionQuerySet

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class AuthSession(DeviceMixin, models.Model):
    """One sign-in of one user on one device: a line in "Signed-in devices".

    Its id is the OIDC `sid`. A `token` sign-in also has the state of its refresh token. The row holds
    no usable credential: a `jti` is worthless without a signature.
    """

    class Kind(models.TextChoices):
        BROWSER = "browser", _("Browser")
        TOKEN = "token", _("App or API client")
        SERVICE = "service", _("API key")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The row outlives its user until the last access token has expired, so that every process still
    # learns of its end.
    user = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        db_index=False,  # `auth_session_user` begins with it
        related_name="auth_sessions",
        verbose_name=_("user"),
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    client_id = models.CharField(_("client"), max_length=64, default="first-party")
    ip = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    user_agent = models.CharField(_("user agent"), max_length=512, blank=True)
    amr = models.JSONField(_("authentication methods"), default=list, help_text="RFC 8176")
    auth_time = models.DateTimeField(_("last proof"), default=timezone.now)
    # True if a trusted browser opened it without the second step. It is no fresh proof until
    # `sessions.prove` clears this.
    lacks_second_step = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(_("signed in"), default=timezone.now)
    last_seen_at = models.DateTimeField(_("last seen"), default=timezone.now)
    expires_at = models.DateTimeField(_("ends at the latest"))
    revoked_at = models.DateTimeField(_("ended"), null=True, blank=True)
    revoked_reason = models.CharField(
        _("why it ended"), max_length=32, choices=RevokeReason.choices, blank=True
    )
    refresh_jti = models.CharField(max_length=32, blank=True)
    previous_refresh_jti = models.CharField(max_length=32, blank=True)
    refreshed_at = models.DateTimeField(_("tokens refreshed"), null=True, blank=True)
    refresh_expires_at = models.DateTimeField(_("refresh token ends"), null=True, blank=True)
    # First use of the current refresh token that did not rotate it. A rotation clears it.
    refresh_used_at = models.DateTimeField(null=True, blank=True)
    # How often the previous token got the current one again, without a retry key.
    refresh_repeats = models.PositiveSmallIntegerField(default=0)
    # HMAC of the retry key that the last rotation was asked with, or '' (`rotation.hmacs_of`).
    retry_key_hmac = models.CharField(max_length=64, blank=True)

    is_account_kept = False
    """True on the instance that `sessions.open` returns, if this sign-in cancelled a deletion."""

    second_step_due_at: datetime | None = None
    """Set on the instance that `open_session` returns, if the account needs a factor from then on."""

    objects = AuthSessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="token") | ~Q(refresh_jti=""), name="auth_session_token_has_jti"
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
            # The panel's list, newest first, with its filters and its search.
            models.Index(fields=["-created_at", "-id"], name="auth_session_created"),
            models.Index(fields=["kind", "-created_at", "-id"], name="auth_session_kind"),
            models.Index(
                fields=["revoked_reason", "-created_at", "-id"],
                name="auth_session_reason",
                condition=~Q(revoked_reason=""),
            ),
            models.Index(
                fields=["ip", "-created_at", "-id"],
                name="auth_session_ip",
                condition=Q(ip__isnull=False),
            ),
            models.Index(
                fields=["revoked_at"],
                name="auth_session_revoked",
                condition=Q(revoked_at__isnull=False),
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.device} ({self.get_kind_display()})"

    @classmethod
    def unread(cls, sid: uuid.UUID, user: User) -> "AuthSession":
        """Return this user's sign-in without a query.

        The first access to another column reads the row.

        That access raises `DoesNotExist` if the row is gone by then.
        """
        session = cls.from_db(None, ["id", "user_id"], [sid, user.pk])
        session.user = user
        return session

    @override
    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Read all deferred columns at once."""
        if kwargs.get("fields") and self.get_deferred_fields() >= set(kwargs["fields"]):
            kwargs["fields"] = self.get_deferred_fields()
        super().refresh_from_db(*args, **kwargs)

    @property
    def sid(self) -> uuid.UUID:
        """Return the OIDC `sid`: the id of this sign-in in tokens, messages and paths."""
        return self.pk

    @property
    def methods(self) -> "list[StrOrPromise]":
        """Return the ways in which the user proved this sign-in, in the reader's language."""
        return [method_label(value) for value in self.amr]

    @property
    def is_active(self) -> bool:
        return self.revoked_at is None and self.expires_at > timezone.now()


class TrustedBrowser(DeviceMixin, models.Model):
    """A browser in which the owner of an account wants no second step for some days.

    The row is deleted when the trust ends. It holds a hash of the token in the browser's cookie.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="trusted_browsers")
    # SHA-256 of the token. The token has 256 random bits, so this needs no salt.
    digest = models.CharField(max_length=64, unique=True)
    # The state of the account's password and factors. If it changes, the trust is void.
    fingerprint = models.CharField(max_length=64)
    # The last sign-in in this browser.
    sid = models.UUIDField()
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=512, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("trusted browser")
        verbose_name_plural = _("trusted browsers")
        indexes = [models.Index(fields=["created_at"], name="trusted_browser_created")]

    @override
    def __str__(self) -> str:
        return f"{self.device} ({self.user_id})"

    @property
    def expires_at(self) -> datetime:
        return self.created_at + timedelta(days=settings.MFA_TRUSTED_BROWSER_DAYS)
