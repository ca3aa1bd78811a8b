"""Check new passwords by rules that Django doesn't have."""

from typing import Any

from django.contrib.auth import password_validation
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from typing_extensions import override

from accounts.people.passwords import MAX_LENGTH, MIN_LENGTH, is_too_long, normalise


class PasswordLengthValidator:
    """Accept passwords of 10 to 128 characters, counted after normalisation."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if is_too_long(password):
            raise ValidationError(
                _("Use at most %(max)d characters."),
                code="password_too_long",
                params={"max": MAX_LENGTH},
            )
        if len(normalise(password)) < MIN_LENGTH:
            raise ValidationError(
                _("Use at least %(min)d characters."),
                code="password_too_short",
                params={"min": MIN_LENGTH},
            )

    def get_help_text(self) -> str:
        return _("At least %(min)d characters. A few unrelated words work well.") % {
            "min": MIN_LENGTH
        }


class UserAttributeSimilarityValidator(password_validation.UserAttributeSimilarityValidator):
    """Compare the normalised password. Django calls all validators, so skip one that is too long."""

    @override
    def validate(self, password: str, user: Any = None) -> None:
        if not is_too_long(password):
            super().validate(normalise(password), user)


class CommonPasswordValidator(password_validation.CommonPasswordValidator):
    """Look for the normalised password, so that full-width letters hide none of the list."""

    @override
    def validate(self, password: str, user: Any = None) -> None:
        if not is_too_long(password):
            super().validate(normalise(password), user)
