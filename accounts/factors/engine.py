"""Put our checks into allauth's engine where it has no setting for them."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.utils import timezone


def install() -> None:
    """Call once, before the first request."""
    Authenticator.record_usage = _record_usage  # type: ignore[method-assign]


def _record_usage(self: Any) -> None:
    """Note the time of use. Does nothing if the factor was removed meanwhile."""
    Authenticator.objects.filter(pk=self.pk).update(last_used_at=timezone.now())
