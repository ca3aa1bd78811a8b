"""Show visitors when they may try again, on the page with the form."""

from typing import Any

from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from structlog.contextvars import bind_contextvars

from accounts.errors import TooManyRequestsError

MINUTE = 60


def in_words(seconds: int) -> str:
    """Return the time in words, e.g. "40 seconds" or "5 minutes". Rounds minutes up."""
    if seconds < MINUTE:
        return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}
    minutes = -(-seconds // MINUTE)
    return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": minutes}


def in_sentence(text: str, seconds: int) -> SafeString:
    """Return the text with the time to wait in the place of `%(wait)s`. A script counts down."""
    wait = format_html('<time data-countdown="{}">{}</time>', seconds, in_words(seconds))
    return format_html(text.replace("%(wait)s", "{}"), wait)


def refusal(error: TooManyRequestsError, text: str) -> ValidationError:
    """Return a form's error with the time to wait in the place of `%(wait)s`."""
    sentence = in_sentence(text, error.retry_seconds or MINUTE)
    return ValidationError(sentence, code="too_many_requests")


class CountsGuesses:
    """Make a form say when to try again, after too many wrong passwords."""

    retry_seconds: int | None = None

    def clean_guess(self, clean: Any) -> Any:
        """Return the result of `clean`, a check of a password.

        Turns `TooManyRequestsError` into a `ValidationError` that says when to try again.
        """
        try:
            return clean()
        except TooManyRequestsError as error:
            self.retry_seconds = error.retry_seconds
            text = _("Too many wrong passwords. Try again in %(wait)s, or reset your password.")
            raise refusal(error, text) from error


class SaysWhen:
    """Make a view answer 429 with `Retry-After` if its form was refused by a rate limit."""

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]  # a FormView's
        if seconds := getattr(form, "retry_seconds", None):
            response.status_code = 429
            bind_contextvars(reason=TooManyRequestsError.code)  # for the request's log line
            response.headers["Retry-After"] = str(seconds)
        return response
