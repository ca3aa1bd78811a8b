"""Refuse refresh tokens that the former site had on its blacklist (`docs/moving-in.md`)."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from accounts.moving import spent
from accounts.moving.errors import FileError
from accounts.moving.formats.files import lines, opened


class Command(BaseCommand):
    help = "Refuse these refresh tokens of the former site. Run it before you set LEGACY_TOKEN_KEY."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="A `jti` in each line, or - for standard input.")

    @override
    def handle(self, **options: Any) -> None:
        try:
            with opened(options["file"]) as file:
                spent.block(jti for _, line in lines(file) if (jti := (line or "").strip()))
        except FileError as exc:
            raise CommandError(str(exc)) from exc
