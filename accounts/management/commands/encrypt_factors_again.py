from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand
from typing_extensions import override

from accounts.factors.totp import codes


class Command(BaseCommand):
    help = (
        "Encrypt the secrets of all authenticator apps again, under the first key of "
        "DATA_ENCRYPTION_KEYS. Run it before you take an older key away."
    )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for row in Authenticator.objects.filter(type=Authenticator.Type.TOTP).iterator():
            codes.encrypt_again(row)
            count += 1
        self.stdout.write(f"Encrypted {count} secrets again.")
