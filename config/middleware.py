"""Refuse oversized bodies before anything reads them."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from config import errors


class BodyLimitMiddleware:
    """413 for a body over `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes.

    Django checks that limit only where it parses the body itself: DRF's and allauth's JSON parsers
    read the stream. A body without Content-Length never reaches a WSGI application.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal():
            return errors.respond(request, errors.BAD_REQUEST)
        if int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return errors.respond(request, errors.BODY_TOO_LARGE)
        return self.get_response(request)
