"""Check new passwords by rules that Django doesn't have."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MIN_LENGTH = 10
MAX_LENGTH = 128


class PasswordLengthValidator:
    """Accept passwords of 10 to 128 characters. Raises `ValidationError` for others.

    Without the upper bound, hashing one password could take seconds. NIST SP 800-63B asks verifiers
    to accept 64 characters, so 128 is enough.
    """

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if len(password) < MIN_LENGTH:
            raise ValidationError(
                _("Use at least %(min)d characters."),
                code="password_too_short",
                params={"min": MIN_LENGTH},
            )
        if len(password) > MAX_LENGTH:
            raise ValidationError(
                _("Use at most %(max)d characters."),
                code="password_too_long",
                params={"max": MAX_LENGTH},
            )

    def get_help_text(self) -> str:
        return _("At least %(min)d characters. A few unrelated words work well.") % {
            "min": MIN_LENGTH
        }
