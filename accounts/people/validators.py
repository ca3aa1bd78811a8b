"""Check new passwords by rules that Django doesn't have.

Every door runs them by Django's `validate_password`. `accounts.breaches` adds the look-up of leaked passwords.
"""

import re
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import password_validation
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from typing_extensions import override

from accounts.people import common
from accounts.people.korean_keys import typed
from accounts.people.passwords import (
    MAX_LENGTH,
    MIN_LENGTH,
    comparable,
    is_too_long,
    normalise,
)


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


class CommonPasswordValidator:
    """Refuse a common password, also with digits or signs around it (`common.is_common`)."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if not is_too_long(password) and common.is_common(password):
            raise ValidationError(
                _("This password is too common, with or without what stands around it."),
                code="password_too_common",
            )

    def get_help_text(self) -> str:
        return ""


MIN_OWN_LETTERS = 6
"""So many letters besides the words below make a password of its own. A Hangul syllable counts as its keys."""
MIN_WORD = 3
"""Keys of the shortest word that counts. Shorter ones are in too many other words."""
NO_WORDS = {"com", "net", "org", "www", "example"}
"""Parts of host names that say nothing about their owner."""


class ContextWordValidator:
    """Refuse a password that is little more than a word of this site or of the user (ASVS 6.2.11).

    `Munjigi2026!` is refused on the site Munjigi, and so is `hong-1234567` for hong@example.com. The words: those of the site
    (`words`), the parts of the email and of the display name. A Korean word counts as written and as typed
    in the keyboard's English mode.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = set[str]().union(*(_words_in(word) for word in words))

    def validate(self, password: str, user: Any = None) -> None:
        if is_too_long(password):
            return
        words = self.words | (_words_of(user) if user is not None else set())
        text = comparable(password)
        if any(_is_little_more(form, words) for form in (text, text.translate(common.LOOKALIKES))):
            raise ValidationError(
                _("This password is little more than your name, your email or this site's name."),
                code="password_context_word",
            )

    def get_help_text(self) -> str:
        return ""


def _words_of(user: Any) -> set[str]:
    local, _at, domain = (getattr(user, "email", None) or "").partition("@")
    texts = (local, domain.rpartition(".")[0], getattr(user, "display_name", None) or "")
    return set[str]().union(*(_words_in(text) for text in texts))


def _words_in(text: str) -> set[str]:
    """Return the words of a text, and the text as one word: `hana.kim` gives three."""
    parts = re.split(r"[\W\d_]+", comparable(text))
    return {
        word
        for word in (*parts, "".join(parts))
        if len(word) > 1 and len(typed(word)) >= MIN_WORD and word not in NO_WORDS
    }


def _is_little_more(text: str, words: set[str]) -> bool:
    rest = text
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "").replace(typed(word), "")
    return rest != text and len(re.sub(r"[\W\d_]", "", typed(rest))) < MIN_OWN_LETTERS


class UserAttributeSimilarityValidator(password_validation.UserAttributeSimilarityValidator):
    """Compare the normalised password. Django calls all validators, so skip one that is too long."""

    @override
    def validate(self, password: str, user: Any = None) -> None:
        if not is_too_long(password):
            super().validate(normalise(password), user)
