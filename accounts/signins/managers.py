"""Select many sign-ins."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from accounts.signins.models import AuthSession


class AuthSessionQuerySet(models.QuerySet["AuthSession"]):
    def active(self) -> "AuthSessionQuerySet":
        return self.filter(revoked_at=None, expires_at__gt=timezone.now())

    def for_user(self, user_id: UUID) -> "AuthSessionQuerySet":
        return self.filter(user_id=user_id)

    def this_first(self, current: "AuthSession") -> "AuthSessionQuerySet":
        """Order: the current sign-in first, then the others by `last_seen_at`, the newest first."""
        is_current = models.Case(models.When(pk=current.pk, then=True), default=False)
        return self.annotate(is_current=is_current).order_by("-is_current", "-last_seen_at", "-id")
