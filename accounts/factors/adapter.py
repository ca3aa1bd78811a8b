"""Answer allauth's questions about second factors: secrets at rest, names, mails."""

from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from typing_extensions import override

from accounts import encryption
from accounts.factors import registry


class MFAAdapter(DefaultMFAAdapter):
    @override
    def encrypt(self, text: str) -> str:
        """Return the secret as it is stored. allauth's own adapter stores the plain text."""
        return encryption.encrypt(text)

    @override
    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret. Raises `DecryptionError` if its key was taken away."""
        return encryption.decrypt(encrypted_text)

    @override
    def get_totp_issuer(self) -> str:
        """Return the name that an authenticator app shows."""
        return settings.SITE_NAME

    @override
    def is_mfa_enabled(self, user: Any, types: Any = None) -> bool:
        """Return False for None, too: a user who is deleted while signing in."""
        if user is None or user.is_anonymous:
            return False
        kinds = registry.kinds_of(user)
        return bool(kinds if types is None else kinds.intersection(types))

    @override
    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Send nothing: `accounts.factors.changes` mails our own notices, in the transaction of the change."""
