from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from accounts.factors import changes
from accounts.people.managers import UserManager
from accounts.people.models import User


class Command(BaseCommand):
    help = (
        "Remove all second factors of a person who lost them, and end all sign-ins. Make sure first "
        "that it is this person who asks. The owner gets a mail."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        email = UserManager.normalize_email(options["email"])
        user = User.objects.filter(email=email).first()
        if user is None:
            raise CommandError(f"No account has the email {email}.")
        if not changes.remove_all(user):
            raise CommandError(f"{email} has no second factor.")
        self.stdout.write(f"Removed all second factors of {email}.")
