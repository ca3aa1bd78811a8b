"""Manage the API keys of machines from the command line."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, no_translations
from django.utils import timezone
from typing_extensions import override

from accounts.management import durations
from accounts.people import names
from accounts.services import keys
from accounts.services.models import ApiKey, validate_scope


class Command(BaseCommand):
    help = "List, add and revoke the API keys with which machines get access tokens."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        actions.add_parser("list", help="List all keys.")
        add = actions.add_parser("add", help="Add a key and print its secret once.")
        add.add_argument("name", help="The machine that uses it.")
        add.add_argument(
            "--scope", action="append", default=[], help="A word such as orders:read. Repeatable."
        )
        add.add_argument("--expires", type=durations.days, metavar="DAYS", help="Default: never.")
        revoke = actions.add_parser("revoke", help="End a key and all its tokens.")
        revoke.add_argument("id", help="The id, as `list` prints it.")

    @override
    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['action']}")(options)

    def _list(self, options: dict[str, Any]) -> None:
        for key in ApiKey.objects.order_by("created_at"):
            used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
            self.stdout.write(f"{key.pk}  {key.state}  {key.prefix}…  used {used}  {key.name}")
            self.stdout.write(f"    {key.scope}")

    def _add(self, options: dict[str, Any]) -> None:
        lifetime = options["expires"]
        key = ApiKey(
            name=options["name"],
            scope=" ".join(options["scope"]),
            expires_at=timezone.now() + lifetime if lifetime else None,
        )
        try:
            key.clean_fields(exclude=["digest", "prefix"])
            names.validate(key.name)
            validate_scope(key.scope)
        except ValidationError as exc:
            raise CommandError("; ".join(exc.messages)) from exc
        secret = keys.add(key)
        self.stdout.write(f"Client id: {key.pk}")
        self.stdout.write(f"Its secret, which is shown only once: {secret}")

    def _revoke(self, options: dict[str, Any]) -> None:
        try:
            key = ApiKey.objects.filter(pk=options["id"]).first()
        except ValidationError as exc:
            raise CommandError("That is no id.") from exc
        if key is None or not keys.revoke(key):
            raise CommandError("No active key has this id.")
        self.stdout.write(f"Revoked {key.name}. Its tokens end within seconds.")
