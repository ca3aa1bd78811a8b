"""Make the proofs of sign-ins old, as after an hour without one."""

from datetime import timedelta

from django.utils import timezone

from accounts.signins.models import AuthSession


def let_proofs_age(hours=1):
    AuthSession.objects.update(auth_time=timezone.now() - timedelta(hours=hours))
