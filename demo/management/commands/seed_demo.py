"""Create the demo accounts and an endpoint of webhooks, for `make run` and the browser tests."""

import json
from argparse import ArgumentParser
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from typing_extensions import override

from accounts.operators import roles
from accounts.people.models import User
from accounts.webhooks import endpoints
from accounts.webhooks.events import EVENTS
from accounts.webhooks.models import WebhookEndpoint
from demo import webhooks
from demo.accounts import ALL, DemoAccount

RECEIVER = "/demo/webhooks/receive/"


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
            _ensure_endpoint()
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
        user.groups.add(Group.objects.get(name=roles.SUPPORT))


def _ensure_endpoint() -> None:
    """Let the demo's own receiver get all events. The port may be another one than last time."""
    url = f"{settings.SITE_URL}{RECEIVER}"
    if not WebhookEndpoint.objects.filter(url__endswith=RECEIVER).update(url=url):
        row = WebhookEndpoint(url=url, description="Demo", events=list(EVENTS))
        webhooks.keep_secret(endpoints.add(row))


def _public(account: DemoAccount) -> dict[str, str]:
    return {"email": account.email, "password": account.password, "role": account.role}
