"""Rules for new passwords that Django doesn't ship."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MIN_LENGTH = 10
MAX_LENGTH = 128


class PasswordLengthValidator:
    """10 to 128 characters.

    The upper bound keeps one request from buying seconds of hashing; it is far above the 64 that
    NIST SP 800-63B asks verifiers to accept.
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
