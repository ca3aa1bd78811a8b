"""Make credentials for a service that introspects tokens."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from api import clients


class Command(BaseCommand):
    help = "Draw a secret for a client and print its entry for API_CLIENTS. Stores nothing."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="Letters, digits, - and _")

    @override
    def handle(self, **options: Any) -> None:
        name = options["name"]
        if not name.replace("-", "").replace("_", "").isalnum():
            raise CommandError("A client's name has letters, digits, - and _ only.")
        secret = clients.fresh_secret()
        self.stdout.write(f"Give the service   {name}:{secret}   (HTTP Basic; shown once)")
        self.stdout.write(f"Add to API_CLIENTS {name}={clients.digest(secret)}")
