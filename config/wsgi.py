"""Pages, API and admin, for any WSGI server (`manage.py serve` runs Granian)."""

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

# A server that imports this module runs no command, and so no checks of its own.
if unsafe := [error for error in checks.run_checks() if error.is_serious()]:
    raise SystemExit("\n".join(str(error) for error in unsafe))

# What exists by now lives as long as the process: no need to look again whether it is garbage.
gc.freeze()


def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Django, told nothing of the caller's charset: forms and JSON are UTF-8 here.

    Django decodes the query while it builds the request, before any middleware: `charset=zlib`
    beside a query string would be a 500 without a page.
    """
    if forward_auth.answers(environ):
        return forward_auth.answer(environ, start_response)
    bodies.measure(environ, max_bytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    environ["CONTENT_TYPE"] = CHARSET.sub("", environ.get("CONTENT_TYPE") or "")
    return django(environ, start_response)
