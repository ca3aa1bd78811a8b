from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from accounts.client_info import ClientInfo
from accounts.factors import resets
from accounts.people.managers import UserManager
from accounts.people.models import User


class Command(BaseCommand):
    help = (
        "Remove all second factors of a person who lost them, and end all sign-ins, after the delay of "
        "MFA_RESET_DELAY_SECONDS. Make sure first that it is this person who asks. The owner gets a mail "
        "whose link stops it."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--reason", help="How you made sure that the owner asks. Required.")
        parser.add_argument(
            "--now",
            action="store_true",
            help="For emergencies: remove them at once, also if a reset is pending. Nobody can stop it.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be done.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        email = UserManager.normalize_email(options["email"])
        user = User.objects.filter(email=email).first()
        if user is None:
            raise CommandError(f"No account has the email {email}.")
        if options["dry_run"]:
            self.stdout.write(self._plan(user, is_now=options["now"]))
            return
        if not options["reason"] or len(options["reason"]) > resets.REASON_MAX:
            raise CommandError(
                f"--reason says how you made sure that the owner asks, in at most "
                f"{resets.REASON_MAX} characters."
            )
        if options["now"]:
            if not resets.carry_out_now(user, reason=options["reason"]):
                raise CommandError(f"{email} has no second factor.")
            self.stdout.write(f"Removed all second factors of {email}.")
            return
        asked = resets.ask(user, reason=options["reason"], actor=None, client=ClientInfo())
        if isinstance(asked, resets.Refusal):
            raise CommandError(f"{email}: {asked.label}")
        self.stdout.write(f"Will remove all second factors of {email} on {_when(asked.due_at)}.")

    def _plan(self, user: User, *, is_now: bool) -> str:
        if not resets.has_factor(user):
            raise CommandError(f"{user.email} has no second factor.")
        pending = resets.pending_of(user)
        if pending is not None and not is_now:
            return f"A reset of {user.email} is pending already, until {_when(pending.due_at)}."
        how = "at once" if is_now else "after the delay"
        return f"Would remove all second factors of {user.email} {how}."


def _when(moment: Any) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M %Z}"
