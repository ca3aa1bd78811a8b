"""Create the demo accounts, for `make run` and the browser tests."""

import json
from argparse import ArgumentParser
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from typing_extensions import override

from accounts.people.models import User
from demo.accounts import ALL, DemoAccount

STAFF_MAY = ["view_user", "view_authsession", "change_authsession", "view_auditevent"]


class Command(BaseCommand):
    help = "Create the demo accounts (visitor, staff, admin) if they are missing. Needs DEMO=1."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print them as a JSON list.")

    @override
    def handle(self, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                "Demo accounts have public passwords: seed_demo works under DEMO=1 only, which "
                "`make run` sets."
            )
        with transaction.atomic():
            for account in ALL:
                _ensure(account)
        if options["json"]:
            self.stdout.write(json.dumps([_public(account) for account in ALL], indent=2))
        else:
            for account in ALL:
                self.stdout.write(f"{account.role:<8} {account.email}  {account.password}")


def _ensure(account: DemoAccount) -> None:
    """Create this account if it is missing. An existing account keeps its changes."""
    if User.objects.filter(email=account.email).exists():
        return
    user = User.objects.create_user(
        account.email,
        account.password,
        display_name=account.display_name,
        is_staff=account.is_staff,
        is_superuser=account.is_superuser,
    )
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    if account.is_staff and not account.is_superuser:
        support, _ = Group.objects.get_or_create(name="Support")
        support.permissions.set(Permission.objects.filter(codename__in=STAFF_MAY))
        user.groups.add(support)


def _public(account: DemoAccount) -> dict[str, str]:
    return {"email": account.email, "password": account.password, "role": account.role}
