"""Refuse a new password that is known from a leak (ASVS 6.2.12)."""

import hashlib
import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import get_default_password_validators
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.breaches import file, service
from accounts.federation.errors import ProviderError
from accounts.people.passwords import normalise

log = logging.getLogger(__name__)


class BreachedPasswordValidator:
    """Look a password up in `PASSWORD_BREACH_FILE`, then by `PASSWORD_BREACH_API`. Both are off by default.

    Only after all other rules, so that a refused password costs no call.

    Fails open: if neither the file nor the service can say, the password is accepted and a line is logged.
    Otherwise nobody could sign up or reset a password while a site that isn't ours is down. The other
    rules hold in any case.
    """

    def validate(self, password: str, user: Any = None) -> None:
        if not (settings.PASSWORD_BREACH_FILE or settings.PASSWORD_BREACH_API):
            return
        if self._is_refused_already(password, user):
            return
        hashed = hashlib.sha1(normalise(password).encode(), usedforsecurity=False)
        if _is_known(hashed.hexdigest().upper()):
            raise ValidationError(
                _("This password is in a list of leaked passwords. Use another one."),
                code="password_breached",
            )

    def get_help_text(self) -> str:
        return ""

    def _is_refused_already(self, password: str, user: Any) -> bool:
        for validator in get_default_password_validators():
            if not isinstance(validator, BreachedPasswordValidator):
                try:
                    validator.validate(password, user)
                except ValidationError:
                    return True
        return False


def _is_known(digest: str) -> bool:
    path = settings.PASSWORD_BREACH_FILE
    if path and _answer("file", lambda: file.has(path, digest)):
        return True
    return bool(settings.PASSWORD_BREACH_API) and _answer("service", lambda: service.has(digest))


def _answer(source: str, ask: Callable[[], bool]) -> bool:
    """Return the answer, or False if there is none: fail open, with a log line."""
    try:
        return ask()
    except (ProviderError, OSError, ValueError) as exc:
        log.warning("a new password was not looked up by the %s of leaks: %s", source, exc)
        return False
