"""Show visitors when they may try again, on the page with the form."""

from typing import Any

from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.forms.utils import ErrorDict
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from structlog.contextvars import bind_contextvars

from accounts.errors import TooManyRequestsError
from accounts.pages import waits

MINUTE = 60
TOO_MANY = 429
TOO_OFTEN = gettext_lazy("Too many attempts. Try again in %(wait)s.")


def in_words(seconds: int) -> str:
    """Return the time in words, e.g. "40 seconds" or "5 minutes". Rounds minutes up."""
    if seconds < MINUTE:
        return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}
    minutes = -(-seconds // MINUTE)
    return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": minutes}


def in_sentence(text: str | Promise, seconds: int) -> SafeString:
    """Return the text with the time to wait in the place of `%(wait)s`. A script counts down."""
    wait = format_html('<time data-countdown="{}">{}</time>', seconds, in_words(seconds))
    return format_html(str(text).replace("%(wait)s", "{}"), wait)


def refusal(
    error: TooManyRequestsError, text: str | Promise, *, code: str = "too_many_requests"
) -> ValidationError:
    """Return a form's error with the time to wait in the place of `%(wait)s`."""
    return ValidationError(in_sentence(text, error.retry_seconds or MINUTE), code=code)


class CountsGuesses:
    """Make a form of a password show when to try again, after too many wrong passwords."""

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
    """Make a view answer 429 with its page, if a rate limit refuses the form.

    The page shows the typed values again, but no password, and says when to try again.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        view: Any = self
        try:
            response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]  # a FormView's
        except TooManyRequestsError as error:
            seconds: int | None = error.retry_seconds or MINUTE
        else:
            seconds = waits.noted(request)
            is_shown = isinstance(response, TemplateResponse)
            if response.status_code != TOO_MANY or is_shown or seconds is None:
                return response
        form = view.get_form()
        # Don't validate the form: that may count a try.
        form._errors, form.cleaned_data = ErrorDict(), {}  # noqa: SLF001
        refused = TooManyRequestsError(seconds)
        form.add_error(None, refusal(refused, TOO_OFTEN))
        page: HttpResponse = view.render_to_response(view.get_context_data(form=form))
        return _refused(page, refused.retry_seconds or MINUTE)

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        view: Any = self
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]  # a FormView's
        seconds = getattr(form, "retry_seconds", None) or waits.noted(view.request)
        return _refused(response, seconds) if seconds else response


def _refused(response: HttpResponse, seconds: int) -> HttpResponse:
    response.status_code = TOO_MANY
    bind_contextvars(reason=TooManyRequestsError.code)  # for the request's log line
    response.headers["Retry-After"] = str(seconds)
    return response
