"""Serve pages, API and admin under a WSGI server (`manage.py serve` runs Granian)."""

import gc
import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from config import bodies

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

CHARSET = re.compile(r";\s*charset=[^;]*", re.IGNORECASE)

try:
    django = get_wsgi_application()
except ImproperlyConfigured as exc:
    # One line: a stack trace shows values of settings, and helps nobody.
    raise SystemExit(f"{exc}. See .env.example.") from None

from api import forward_auth  # noqa: E402 - needs the models
from config.metrics import recording, serving  # noqa: E402 - as above

# A server that imports this module runs no Django command, so Django runs no checks.
if unsafe := [error for error in checks.run_checks() if error.is_serious()]:
    raise SystemExit("\n".join(str(error) for error in unsafe))

serving.start("site")
verify: recording.WSGIApplication = forward_auth.answer
if settings.METRICS_PORT:
    verify = recording.timed(verify, route="api:verify")

# The objects that exist now live as long as the process, so the garbage collector can skip them.
gc.freeze()


def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Answer `/api/verify` by `forward_auth`, and all else by Django. Accepts UTF-8 only.

    Removes the charset that the caller names: Django decodes the query before any middleware runs,
    so for `charset=zlib` and a query string it would answer 500 without a page.
    """
    if forward_auth.answers(environ):
        return verify(environ, start_response)
    bodies.measure(environ, max_bytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    environ["CONTENT_TYPE"] = CHARSET.sub("", environ.get("CONTENT_TYPE") or "")
    return django(environ, start_response)
