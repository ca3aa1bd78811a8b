"""Invite people by mail, list the invitations, and revoke them."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, no_translations
from typing_extensions import override

from accounts.invitations import invitations
from accounts.invitations.models import Invitation
from accounts.management import durations
from accounts.people.managers import UserManager


class Command(BaseCommand):
    help = "Invite these addresses. Each gets a mail with a link that works once."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "email", nargs="*", help="An address. Inviting it again mails a new link."
        )
        parser.add_argument(
            "--expires", type=durations.days, metavar="DAYS", help="Days in which the links work."
        )
        languages = [code for code, _name in settings.LANGUAGES]
        parser.add_argument("--language", choices=languages, default=settings.LANGUAGE_CODE)
        other = parser.add_mutually_exclusive_group()
        other.add_argument("--list", action="store_true", help="List all invitations.")
        other.add_argument("--revoke", action="store_true", help="Make the links useless.")

    @override
    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        emails = [UserManager.normalize_email(email) for email in options["email"]]
        if options["list"]:
            self._list()
        elif not emails:
            raise CommandError("Name at least one address.")
        elif options["revoke"]:
            self._revoke(emails)
        else:
            self._invite(emails, options["expires"], options["language"])

    def _list(self) -> None:
        for each in Invitation.objects.order_by("created_at"):
            self.stdout.write(
                f"{each.state:<9} until {each.expires_at:%Y-%m-%d %H:%M}  {each.email}"
            )

    def _revoke(self, emails: list[str]) -> None:
        for email in emails:
            found = Invitation.objects.unused().filter(email=email).first()
            is_done = found is not None and invitations.revoke(found)
            self.stdout.write(f"{'revoked' if is_done else 'no open invitation'}: {email}")

    def _invite(self, emails: list[str], lifetime: timedelta | None, language: str) -> None:
        """Invite all addresses, or none if one of them is wrong."""
        for email in emails:
            try:
                invitations.validate(email)
            except ValidationError as exc:
                raise CommandError(f"{email!r} is no address. Nobody was invited.") from exc
        if invitations.are_useless():
            raise CommandError("SIGN_UP is closed, so no link would work. Nobody was invited.")
        for email in emails:
            if invitations.has_account(email):
                self.stdout.write(f"has an account already: {email}")
                continue
            invitation = invitations.invite(email, lifetime=lifetime, locale=language)
            self.stdout.write(f"invited until {invitation.expires_at:%Y-%m-%d %H:%M}: {email}")
