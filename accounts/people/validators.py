"""Check new passwords by rules that Django doesn't have."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import password_validation
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from typing_extensions import override

from accounts.people.passwords import MAX_LENGTH, MIN_LENGTH, is_too_long, normalise


class PasswordLengthValidator:
    """Accept passwords of 10 to 128 characters, counted after normalisation. Raises `ValidationError` for others.

    Without the upper bound, hashing one password could take seconds. NIST SP 800-63B asks verifiers
    to accept 64 characters, so 128 is enough.
    """

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


MIN_OWN_LETTERS = 6
"""So many letters besides a word of the site make a password of its own."""
SIMILAR = str.maketrans("013457@$", "oieastas")
DECORATION = re.compile(r"^[\W\d_]+|[\W\d_]+$")


class CommonWordValidator(password_validation.CommonPasswordValidator):
    """Refuse a common password with digits or signs around it, or written twice.

    Django's list has 20,000 entries, of which 1,780 are long enough for this site. `password2026!`
    is none of them, and among the first that guessing programs try (ASVS 6.2.4).
    """

    @override
    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if is_too_long(password):
            return
        core = DECORATION.sub("", normalise(password).lower())
        half = core[: len(core) // 2]
        if core in self.passwords or (core == half * 2 and half in self.passwords):
            raise ValidationError(
                _("This password is too common, with or without what stands around it."),
                code="password_too_common",
            )


class ContextWordValidator:
    """Refuse a password that is little more than a word of this site: `Munjigi2026!` (ASVS 6.2.11)."""

    def __init__(self, words: Iterable[str]) -> None:
        labels = [label for word in words for label in _plain(word).split(".")]
        self.words = sorted({label for label in labels if len(label) > 2}, key=len, reverse=True)  # noqa: PLR2004 - `www`, `com`

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        for text in (_plain(password), _plain(password).translate(SIMILAR)):
            rest = text
            for word in self.words:
                rest = rest.replace(word, "")
            if rest != text and len(re.sub(r"[\W\d_]", "", rest)) < MIN_OWN_LETTERS:
                raise ValidationError(
                    _("This password is little more than the name of this site."),
                    code="password_context_word",
                )

    def get_help_text(self) -> str:
        return ""


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


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
