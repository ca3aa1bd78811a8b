"""Store API keys. The row has only a hash of the secret."""

import re
import uuid

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.people.models import User

INTROSPECT = "introspect"
"""The scope of a key that may ask for tokens and for ended sign-ins, as an entry of `API_CLIENTS` may."""
MAX_SCOPE = 500
OURS = re.compile(r"admin|role:.*")
"""Words that only people have: staff, and groups."""
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*")


def validate_scope(scope: str) -> None:
    """Raise `ValidationError` unless these are words that a key may have."""
    for word in scope.split():
        if OURS.fullmatch(word) or not WORD.fullmatch(word):
            raise ValidationError(_("A key can't have %(word)s."), params={"word": repr(word)})


class ApiKey(models.Model):
    """A key with which a machine gets short access tokens. Its id is `client_id`, `sub` and `sid` of them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=80, help_text=_("The machine that uses it."))
    scope = models.CharField(
        _("scope"),
        max_length=MAX_SCOPE,
        blank=True,
        validators=[validate_scope],
        help_text=_("Words such as orders:read, with spaces between them."),
    )
    # SHA-256 of the secret. The secret has 256 random bits, so this needs no salt and no slow hash.
    digest = models.CharField(max_length=64, editable=False)
    prefix = models.CharField(_("secret begins with"), max_length=12, editable=False)
    created_by = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("added by"),
    )
    created_at = models.DateTimeField(_("added"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-created_at", "id"]

    @override
    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        is_over = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not is_over

    @property
    def words(self) -> list[str]:
        return self.scope.split()

    @property
    def state(self) -> str:
        if self.revoked_at:
            return gettext("Revoked")
        return gettext("Active") if self.is_active else gettext("Expired")
