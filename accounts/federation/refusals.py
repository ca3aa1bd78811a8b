"""Pages that say why a sign-in by a provider did not work, and lead on.

allauth shows one page for all reasons, with 401. It asks the adapter first, which calls `answer`.
"""

from collections.abc import Mapping
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from django.http import HttpRequest
from django.shortcuts import render

from accounts.federation.errors import ProviderUnavailableError
from accounts.federation.wire import outage

PAGE = "socialaccount/authentication_error.html"


def answer(
    request: HttpRequest,
    provider: Any,
    exception: BaseException | None,
    *,
    state: Mapping[str, Any] | None,
) -> None:
    """Raise `ImmediateHttpResponse` with a page of ours, or return for allauth's own answer.

    `state` is the attempt's, or None if none was found. A headless attempt gets allauth's answer,
    which sends the browser back to its frontend.
    """
    if state is not None and state.get("headless"):
        return
    if isinstance(exception, ProviderUnavailableError):
        error = {"provider": provider, "exception": exception}
        response = render(request, PAGE, {"auth_error": error}, status=503)
        response["Retry-After"] = str(int(outage.LONGEST_PAUSE_SECONDS))
        response["Cache-Control"] = "no-store"
        raise ImmediateHttpResponse(response)
