"""Find the language that a request asks for."""

from django.http import HttpRequest
from django.utils.translation import get_language_from_request


def asked_for(request: HttpRequest) -> str:
    """Return the language as Django finds it. `ko_KR`, which some apps send, means `ko-KR`."""
    header = request.META.get("HTTP_ACCEPT_LANGUAGE", "")
    if "_" in header:
        request.META["HTTP_ACCEPT_LANGUAGE"] = header.replace("_", "-")
    return get_language_from_request(request)
