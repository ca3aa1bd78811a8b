"""List the keys that sign tokens, rotate them, or retire a compromised one."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from api.keys import ring, rotation
from api.keys.models import SigningKey


class Command(BaseCommand):
    help = "List, rotate or retire the keys that sign tokens."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="All keys and what each is doing.")
        listing.add_argument("--json", action="store_true", help="As a JSON list.")
        rotate = actions.add_parser(
            "rotate", help="Publish the next key now; it signs after SIGNING_KEY_LEAD_SECONDS."
        )
        rotate.add_argument(
            "--now",
            action="store_true",
            help="Sign with it at once: services that cached the JWK Set refuse its tokens until "
            "they fetch it again.",
        )
        rotate.add_argument("--dry-run", action="store_true", help="Only say what would happen.")
        retire = actions.add_parser(
            "retire", help="Refuse every token this key signed, from now on (compromised key)."
        )
        retire.add_argument("kid", help="As listed; where it begins with a dash: -- KID.")
        retire.add_argument("--dry-run", action="store_true", help="Only say what would happen.")

    @override
    def handle(self, **options: Any) -> None:
        getattr(self, f"_{options['action']}")(options)

    def _list(self, options: dict[str, Any]) -> None:
        rows = [_described(row) for row in SigningKey.objects.all()]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        for row in rows:
            self.stdout.write(
                f"{row['kid']}  {row['algorithm']:<5}  {row['state']:<10}  signs from {row['active_at']}"
            )

    def _rotate(self, options: dict[str, Any]) -> None:
        lead = "now" if options["now"] else f"in {settings.SIGNING_KEY_LEAD.total_seconds():.0f} s"
        if options["dry_run"]:
            self.stdout.write(
                f"Would publish a new {settings.SIGNING_ALGORITHM} key that signs {lead}."
            )
            return
        row = rotation.rotate(at_once=options["now"])
        if row is None:
            raise CommandError("Another process is rotating: see `signing_keys list`.")
        self.stdout.write(f"Published {row.kid}; it signs {lead}.")

    def _retire(self, options: dict[str, Any]) -> None:
        row = SigningKey.objects.filter(pk=options["kid"], retired_at=None).first()
        if row is None:
            raise CommandError(f"No live key {options['kid']}: see `signing_keys list`.")
        if options["dry_run"]:
            self.stdout.write(
                f"Would retire {row.kid}: API clients whose tokens it signed must sign in again."
            )
            return
        rotation.retire(row.kid)
        self.stdout.write(f"Retired {row.kid}. Its tokens are refused within 5 s everywhere.")


def _described(row: SigningKey) -> dict[str, str]:
    verifying = {key.kid for key in ring.verifying()}
    if row.retired_at is not None:
        state = "retired"
    elif row.active_at > timezone.now():
        state = "next"
    elif row.kid == ring.current().kid:
        state = "signing"
    else:
        state = "verifying" if row.kid in verifying else "expired"
    return {
        "kid": row.kid,
        "algorithm": row.algorithm,
        "state": state,
        "active_at": row.active_at.isoformat(timespec="seconds"),
    }
