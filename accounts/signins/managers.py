"""Select the sign-ins of a user, and those that are active."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from accounts.signins.models import AuthSession  # noqa: F401 - named in the base class


class AuthSessionQuerySet(models.QuerySet["AuthSession"]):
    def active(self) -> "AuthSessionQuerySet":
        return self.filter(revoked_at=None, expires_at__gt=timezone.now())

    def for_user(self, user_id: UUID) -> "AuthSessionQuerySet":
        return self.filter(user_id=user_id)
