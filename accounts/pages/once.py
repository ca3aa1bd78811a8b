"""Answer a form that is sent twice with the answer to the first time.

People click twice, or go back and reload. A page's form has a CSRF token that is masked anew each
time the form is shown. So an equal body from the same browser is the same form sent again. The
second request waits for the first and gets its answer, cookies included. Nothing is done twice.
"""

import hmac
import json
import threading
import time
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django_redis import get_redis_connection

from accounts import routes
from accounts.encryption import decrypt, encrypt
from accounts.errors import DecryptionError
from accounts.store import outage
from accounts.store.outage import STORE_ERRORS

KEPT_SECONDS = 10
"""Seconds that the answer is kept."""
RUNNING_SECONDS = 30
"""Seconds that a first request may run. After that an equal request runs again."""
WAIT_SECONDS = 3.0
"""How long to wait for the first request. Its server may have died: then this one acts."""
PAUSE_SECONDS = 0.05
MAX_BODY = 64 * 1024
RUNNING = b"running"

_waiters = threading.BoundedSemaphore(3)
"""Threads of this process that wait for a first request. Further ones act themselves."""


class OnceMiddleware:
    """Let each form act once, or again if the first request has no answer after `WAIT_SECONDS`.

    Place it before the session middleware, so that the kept answer has that middleware's cookies.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not _is_form(request):
            return self.get_response(request)
        name = _name(request)
        try:
            kept = _begin_or_wait(name)
        except STORE_ERRORS:
            # Fail open: without Redis no form of these does anything, and each says so itself.
            return self.get_response(request)
        if kept is not None:
            return kept
        response: HttpResponseBase | None = None
        try:
            response = self.get_response(request)
        finally:
            _finish(name, response)
        return response


def _is_form(request: HttpRequest) -> bool:
    """Return True if this is a page's form, which carries a masked CSRF token."""
    return (
        request.method == "POST"
        and settings.CSRF_COOKIE_NAME in request.COOKIES
        and not routes.is_machine(request)
        and b"csrfmiddlewaretoken" in request.body
    )


def _name(request: HttpRequest) -> str:
    """Return the key in Redis: an HMAC of the browser's cookies, the address and the body.

    The HMAC hides passwords in the body.
    """
    cookies = [settings.CSRF_COOKIE_NAME, settings.SESSION_COOKIE_NAME]
    parts = [request.get_full_path(), *(request.COOKIES.get(name, "") for name in cookies)]
    text = json.dumps(parts).encode() + request.body
    return "once:" + hmac.digest(settings.SESSION_ID_KEY.encode(), text, "sha256").hex()


def _begin_or_wait(name: str) -> HttpResponse | None:
    """Return the answer to an equal form, or None if this is the first one.

    Waits up to `WAIT_SECONDS` for a first request that still runs. Raises `STORE_ERRORS`.
    """
    redis = get_redis_connection("default")

    def begin() -> bytes | None:
        if redis.set(name, RUNNING, nx=True, ex=RUNNING_SECONDS):
            return None
        return cast("bytes | None", redis.get(name))

    value = outage.at_once(begin, outage.cache)
    if value is None:
        return None
    if value != RUNNING:
        return _unpacked(value)
    if not _waiters.acquire(blocking=False):
        return None
    try:
        ends = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < ends:
            time.sleep(PAUSE_SECONDS)
            value = outage.at_once(begin, outage.cache)
            if value is None:
                return None
            if value != RUNNING:
                return _unpacked(value)
    finally:
        _waiters.release()
    return None


def _finish(name: str, response: HttpResponseBase | None) -> None:
    """Keep the answer for `KEPT_SECONDS`.

    After a 5xx, delete the key: the form may be sent again.
    """
    redis = get_redis_connection("default")
    try:
        if isinstance(response, HttpResponse) and _is_worth_keeping(response):
            packed = _packed(response)
            outage.at_once(lambda: redis.set(name, packed, ex=KEPT_SECONDS), outage.cache)
        else:
            outage.at_once(lambda: redis.delete(name), outage.cache)
    except STORE_ERRORS:
        return  # the name expires by itself


def _is_worth_keeping(response: HttpResponse) -> bool:
    return response.status_code < 500 and len(response.content) <= MAX_BODY  # noqa: PLR2004


def _packed(response: HttpResponse) -> str:
    """Return the answer as encrypted text: it may hold a session cookie."""
    return encrypt(
        json.dumps(
            {
                "status": response.status_code,
                "headers": dict(response.items()),
                "cookies": response.cookies.output(header="").splitlines(),
                "body": response.content.decode("latin-1"),
            }
        )
    )


def _unpacked(value: bytes) -> HttpResponse | None:
    """Return the kept answer, or None if it can't be decrypted: then the form runs again."""
    try:
        kept = json.loads(decrypt(value.decode()))
    except DecryptionError:
        return None
    response = HttpResponse(kept["body"].encode("latin-1"), status=kept["status"])
    for header, text in kept["headers"].items():
        response.headers[header] = text
    for line in kept["cookies"]:
        response.cookies.update(SimpleCookie(line.strip()))
    return response
