"""Stand in for allauth's class of this factor."""

from allauth.mfa.webauthn.internal import auth
from typing_extensions import override


class Wrapper(auth.WebAuthn):
    @property
    @override
    def is_passwordless(self) -> bool:
        return bool(self.instance.data["is_passkey"])
