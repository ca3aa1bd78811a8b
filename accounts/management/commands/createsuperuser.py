"""Create an administrator, as Django does, and write that into the audit log."""

from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.db import transaction
from typing_extensions import override

from accounts.audit import trail
from accounts.audit.vocabulary import EventType
from accounts.people.models import User


class Command(createsuperuser.Command):
    @override
    def handle(self, *args: Any, **options: Any) -> None:
        admins = User.objects.filter(is_superuser=True)
        with transaction.atomic():
            known = set(admins.values_list("pk", flat=True))
            super().handle(*args, **options)
            for user in admins.exclude(pk__in=known):
                trail.record(EventType.USER_ADDED, user=user)
