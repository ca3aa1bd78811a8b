"""Find the language that a request asks for, and store the one that a visitor chooses."""

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import get_language_from_request, get_supported_language_variant
from django.views import i18n

from accounts.pages import expired

FIELD = i18n.LANGUAGE_QUERY_PARAMETER


def asked_for(request: HttpRequest) -> str:
    """Return the language as Django finds it. `ko_KR`, which some apps send, means `ko-KR`."""
    for values, name in (
        (request.META, "HTTP_ACCEPT_LANGUAGE"),
        (request.COOKIES, settings.LANGUAGE_COOKIE_NAME),
    ):
        if "_" in values.get(name, ""):
            values[name] = values[name].replace("_", "-")
    return get_language_from_request(request)


def set_language(request: HttpRequest) -> HttpResponseBase:
    """Set the language as Django does, also for `ko_KR` or `ko-KR`. Ignores other languages."""
    form = request.POST.copy()
    try:
        code = form.get(FIELD, "").replace("_", "-").lower()
        form[FIELD] = get_supported_language_variant(code)
    except LookupError:
        form.pop(FIELD, None)
    if not expired.is_whole(form.get(REDIRECT_FIELD_NAME, "")):
        form.pop(REDIRECT_FIELD_NAME, None)
    request.POST = form  # type: ignore[assignment]  # a copy of the same
    response: HttpResponseBase = i18n.set_language(request)
    return response
