"""Write all accounts to a file that `import_users --from munjigi` reads (`docs/moving-in.md`)."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.errors import DecryptionError
from accounts.management import private_files
from accounts.moving import exporting
from accounts.moving.exporting import Choice
from accounts.moving.progress import Progress


class Command(BaseCommand):
    help = (
        "Write all accounts as JSON lines. The file is personal data: only its owner can read it."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="A new file, or - for standard output.")
        parser.add_argument(
            "--hashes", action="store_true", help="With hashes of passwords and recovery codes."
        )
        parser.add_argument(
            "--secrets",
            action="store_true",
            help="With the secrets of authenticator apps, in plain text.",
        )

    @override
    def handle(self, **options: Any) -> None:
        choice = Choice(has_hashes=options["hashes"], has_secrets=options["secrets"])
        more = [name for name in ("hashes", "secrets") if options[name]]
        trail.record(AuditEvent.Type.USERS_EXPORTED, note=", ".join(more))
        progress = Progress()
        count = 0
        try:
            with private_files.opened(options["file"], self.stdout, mode="x") as file:
                for count, line in enumerate(exporting.lines(choice), start=1):
                    file.write(line + "\n")
                    if count % exporting.PAGE == 0:
                        progress(count)
        except DecryptionError as exc:
            raise CommandError(f"An authenticator app can't be exported: {exc}") from exc
        finally:
            progress.end()
        if options["file"] != "-":
            self.stdout.write(f"Wrote {count} accounts to {options['file']}.")
