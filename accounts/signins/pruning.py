"""Delete sign-ins that ended long ago. The audit log keeps what happened."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.signins.models import AuthSession

BATCH = 1000


def ended() -> QuerySet[AuthSession]:
    """Select the sign-ins that ended or expired more than `SIGN_IN_RETENTION_DAYS` ago.

    The time counts as at least the lifetime of an access token, because other processes learn of an
    end from the row.
    """
    keep = timedelta(days=settings.SIGN_IN_RETENTION_DAYS)
    before = timezone.now() - max(keep, settings.ACCESS_TOKEN_LIFETIME + timedelta(minutes=5))
    return AuthSession.objects.filter(
        Q(revoked_at__lt=before) | Q(expires_at__lt=before)
    ).order_by()


def prune() -> Iterator[int]:
    """Delete these sign-ins in batches of `BATCH`, found by index. Yields the size of each batch."""
    while keys := list(ended().values_list("pk", flat=True)[:BATCH]):
        AuthSession.objects.filter(pk__in=keys).delete()
        yield len(keys)
