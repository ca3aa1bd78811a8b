"""Store users. A user has one email and one UUID."""

import uuid
from collections.abc import Iterable
from typing import Any, Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import make_password, verify_password
from django.contrib.auth.models import PermissionsMixin
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.people import names
from accounts.people.managers import UserManager


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
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Untick to disable the account.")
    )
    is_staff = models.BooleanField(
        _("staff"), default=False, help_text=_("May open the admin panel.")
    )
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    erase_at = models.DateTimeField(
        _("deletion pending until"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("The owner asked for it. A sign-in before this time keeps the account."),
    )

    objects = UserManager()
    _stored: dict[str, Any] = {}
    """Values in the database, as far as this instance knows. Assigned anew, never changed in place."""

    USERNAME_FIELD = EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_unique",
                violation_error_message=_("This email is already in use."),
            )
        ]
        indexes = [
            models.Index(fields=["email"], name="user_email"),
            models.Index(
                fields=["erase_at"],
                name="user_erase_at",
                condition=models.Q(erase_at__isnull=False),
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
        # One transaction with the receivers of `post_save`, which end sign-ins.
        with transaction.atomic(savepoint=False):
            super().save(update_fields=update_fields, **kwargs)
        self.note_stored(update_fields)

    def _loaded(self) -> dict[str, Any]:
        names = (field.attname for field in self._meta.concrete_fields)
        return {name: self.__dict__[name] for name in names if name in self.__dict__}

    def note_stored(self, names: Iterable[str] | None = None) -> None:
        """Note that the database has the current values of these columns, or of all loaded ones."""
        loaded = self._loaded()
        if names is None:
            self._stored = loaded
        else:
            known = {name: loaded[name] for name in names if name in loaded}
            self._stored = self._stored | known

    @override
    def check_password(self, raw_password: str | None) -> bool:
        """Return True if this is the password. Upgrades a hash that has old parameters.

        The upgrade replaces only the hash that was checked. If another request replaced it first,
        the password must fit the new hash: that request may have changed the password.
        """
        is_correct, must_upgrade = verify_password(raw_password, self.password)
        if not is_correct or not must_upgrade:
            return is_correct
        upgraded = make_password(raw_password)
        rows = type(self).objects.filter(pk=self.pk, password=self.password)
        if rows.update(password=upgraded):
            self.password = upgraded
            self.note_stored(["password"])
            return True
        self.refresh_from_db(fields=["password"])
        return verify_password(raw_password, self.password)[0]

    @override
    def clean(self) -> None:
        self.email = UserManager.normalize_email(self.email)


def user_display(user: User) -> str:
    """Return the name that pages and mails use for this user."""
    return user.display_name or user.email
