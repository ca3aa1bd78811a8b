"""Store users. A user has one email and one UUID."""

import logging
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Self

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import make_password, verify_password
from django.contrib.auth.models import PermissionsMixin
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.people import names
from accounts.people.managers import UserManager

log = logging.getLogger(__name__)


class Locale(models.TextChoices):
    UNSET = "", _("As the browser asks")
    ENGLISH = "en", "English"
    KOREAN = "ko", "한국어"


_ABSENT = object()


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The email is the only login; the UUID is the `sub` of every token."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(
        _("email"), error_messages={"unique": _("This email is already in use.")}
    )
    display_name = models.CharField(
        _("display name"),
        max_length=80,
        blank=True,
        validators=[names.validate],
    )
    locale = models.CharField(
        _("language"), max_length=5, choices=Locale, blank=True, default=Locale.UNSET
    )
    extras = models.JSONField(_("further profile"), default=dict, blank=True, editable=False)
    """The values of `PROFILE_FIELDS`, by name. Assigned anew, never changed in place."""
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Untick to disable the account.")
    )
    is_staff = models.BooleanField(
        _("staff"), default=False, help_text=_("May open the admin panel.")
    )
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    password_version = models.UUIDField(default=uuid.uuid4, editable=False)
    """Changes with the password. An upgrade of its hash keeps it, so that it ends no sign-in."""

    erase_at = models.DateTimeField(
        _("deletion pending until"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("The owner asked for it. A sign-in before this time keeps the account."),
    )

    locked_until = models.DateTimeField(
        _("locked until"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("The worker enables the account then. Empty: until an operator unlocks it."),
    )

    objects = UserManager()
    _stored: dict[str, Any] = {}
    """Values in the database, as far as this instance knows. Assigned anew, never changed in place."""

    is_password_told = False
    """True while `save_password` saves."""

    USERNAME_FIELD = EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        permissions = [
            ("lock_user", "Can lock and unlock users"),
            ("lift_limits", "Can lift rate limits of users"),
            ("mail_user", "Can send links to users"),
            ("propose_email", "Can propose an email for users"),
            ("export_user", "Can download the data of users"),
            ("grant_rights", "Can grant rights to users"),
            ("propose_superuser", "Can propose superusers"),
        ]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_unique",
                violation_error_message=_("This email is already in use."),
            )
        ]
        indexes = [
            models.Index(fields=["email"], name="user_email"),
            # The panel's list, newest first; the filters whose accounts are few have their own.
            models.Index(fields=["-date_joined", "-id"], name="user_joined"),
            models.Index(
                fields=["-date_joined", "-id"], name="user_staff", condition=models.Q(is_staff=True)
            ),
            models.Index(
                fields=["-date_joined", "-id"],
                name="user_superuser",
                condition=models.Q(is_superuser=True),
            ),
            models.Index(
                fields=["-date_joined", "-id"],
                name="user_disabled",
                condition=models.Q(is_active=False),
            ),
            models.Index(
                fields=["erase_at"],
                name="user_erase_at",
                condition=models.Q(erase_at__isnull=False),
            ),
            models.Index(
                fields=["locked_until"],
                name="user_locked_until",
                condition=models.Q(locked_until__isnull=False),
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.email

    @classmethod
    @override
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        user = super().from_db(*args, **kwargs)
        user.note_stored()
        return user

    @override
    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Self] | None = None,
    ) -> None:
        names = None if fields is None else list(fields)
        super().refresh_from_db(using=using, fields=names, from_queryset=from_queryset)
        self.note_stored(names)

    @override
    def save(self, *, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Write only the columns that were changed on this instance.

        A slow form would otherwise undo a deactivation that was saved in the meantime.

        So `update_fields` in `pre_save` and `post_save` names the columns that change. It is None
        if they are unknown: for a new user, and for `loaddata`, which doesn't call this method.
        """
        if update_fields is not None:
            update_fields = list(update_fields)
        elif not self._state.adding and not kwargs.get("force_insert"):
            now = self._loaded()
            update_fields = [name for name in now if now[name] != self._stored.get(name, _ABSENT)]
        if update_fields is not None and "password" in update_fields:
            self.password_version = uuid.uuid4()
            update_fields.append("password_version")
        # One transaction with the receivers of `post_save`, which end sign-ins.
        with transaction.atomic(savepoint=False):
            super().save(update_fields=update_fields, **kwargs)
        self.note_stored(update_fields)

    def save_password(self) -> None:
        """Save a new password. The caller ends the sign-ins and writes the audit event.

        After a plain `save` of a new password, the receivers of `post_save` do both.
        """
        self.is_password_told = True
        try:
            self.save(update_fields=["password"])
        finally:
            self.is_password_told = False

    def _loaded(self) -> dict[str, Any]:
        own, fields = self.__dict__, self._meta.concrete_fields
        return {field.attname: own[field.attname] for field in fields if field.attname in own}

    def note_stored(self, names: Iterable[str] | None = None) -> None:
        """Note that the database has the current values of these columns, or of all loaded ones."""
        loaded = self._loaded()
        if names is None:
            self._stored = loaded
        else:
            known = {name: loaded[name] for name in names if name in loaded}
            self._stored = self._stored | known

    def take(self, fields: "Sequence[models.Field[Any, Any]]", values: Sequence[Any]) -> None:
        """Take these values of the columns, which the database has."""
        for field, value in zip(fields, values, strict=True):
            setattr(self, field.attname, value)
        self.note_stored()

    @override
    def check_password(self, raw_password: str | None) -> bool:
        """Return True if this is the password. Upgrades a hash of another kind or with old parameters.

        The upgrade replaces only the hash that was checked. If another request replaced it first,
        the password must fit the new hash: that request may have changed the password.
        """
        is_correct, must_upgrade = self._verify(raw_password)
        if not is_correct or not must_upgrade:
            return is_correct
        upgraded = make_password(raw_password)
        rows = type(self).objects.filter(pk=self.pk, password=self.password)
        if rows.update(password=upgraded, password_version=models.F("password_version")):
            self.password = upgraded
            self.note_stored(["password"])
            return True
        try:
            self.refresh_from_db(fields=["password", "password_version"])
        except type(self).DoesNotExist:
            return False
        return self._verify(raw_password)[0]

    @override
    async def acheck_password(self, raw_password: str | None) -> bool:
        """Do as `check_password`. Django's own upgrade would count as a new password."""
        return await sync_to_async(self.check_password)(raw_password)

    def _verify(self, raw_password: str | None) -> tuple[bool, bool]:
        """Return whether this is the password, and whether its hash must be upgraded.

        A damaged hash fits no password. It takes as long as a wrong one.
        """
        try:
            return verify_password(raw_password, self.password)
        except (ValueError, AssertionError, OverflowError):  # what Django's hashers raise
            log.exception("the password hash of %s can't be read", self.pk)
            make_password(raw_password)
            return False, False

    @override
    def get_session_auth_hash(self) -> str:
        """Return the proof, in a session, that the password is still the same.

        Django takes it from the hash, so that an upgrade of the hash would end all other sessions.
        """
        return self._proof_of_password(None)

    @override
    def get_session_auth_fallback_hash(self) -> Iterable[str]:
        return map(self._proof_of_password, settings.SECRET_KEY_FALLBACKS)

    def _proof_of_password(self, secret: str | None) -> str:
        text, salt = self.password_version.hex, "accounts.people.models.User"
        return salted_hmac(salt, text, secret=secret, algorithm="sha256").hexdigest()

    @override
    def clean(self) -> None:
        self.email = UserManager.normalize_email(self.email)


def user_display(user: User) -> str:
    """Return the name that pages and mails use for this user."""
    return user.display_name or user.email
