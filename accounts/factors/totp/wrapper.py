"""Stand in for allauth's class of this factor."""

from allauth.mfa.totp.internal import auth
from typing_extensions import override

from accounts.factors.totp import codes


class Wrapper(auth.TOTP):
    @override
    def validate_code(self, code: str) -> bool:
        return codes.is_shaped(code) and codes.spend(self.instance, code)
