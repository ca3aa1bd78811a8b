"""Stand in for allauth's class of this factor."""

from typing import Any

from allauth.mfa.recovery_codes.internal import auth
from typing_extensions import override

from accounts.factors.recovery_codes import codes

PLAIN = "plain_codes"
"""Attribute of a row that was made in this request: its codes, which nobody can read later."""
HIDDEN = "-----"


class Wrapper(auth.RecoveryCodes):
    """Tell allauth how many codes there are. It sees the codes themselves once, when they are made."""

    @override
    def generate_codes(self) -> list[str]:
        return [HIDDEN] * (codes.left(self.instance) + self.instance.data["used"])

    @override
    def get_unused_codes(self) -> list[str]:
        hidden = [HIDDEN] * codes.left(self.instance)
        plain: list[str] = getattr(self.instance, PLAIN, hidden)
        return plain

    @override
    def validate_code(self, code: str) -> bool:
        return codes.is_shaped(code) and codes.spend(self.instance, code)

    @override
    def mark_as_viewed(self) -> None:
        """Write nothing: hashes can't be shown again."""

    @property
    @override
    def did_view(self) -> Any:
        return True
