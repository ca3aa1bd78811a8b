"""Serve pages, API and admin under a WSGI server (`manage.py serve` runs Granian)."""

import gc
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

try:
    django = get_wsgi_application()
except ImproperlyConfigured as exc:
    # One line: a stack trace shows values of settings, and helps nobody.
    raise SystemExit(f"{str(exc).rstrip('.')}. See .env.example.") from None

from accounts import client_info
from config import bodies, incoming
from config.gate import answering, offered
from config.metrics import serving

# A server that imports this module runs no Django command, so Django runs no checks.
if unsafe := [error for error in checks.run_checks() if error.is_serious()]:
    raise SystemExit("\n".join(str(error) for error in unsafe))

client_info.warm()
serving.start("site")

has_gate = offered.is_offered()

# The objects that exist now live as long as the process, so the garbage collector can skip them.
gc.freeze()


def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Answer the most frequent requests by `gate`, and all else by Django."""
    if has_gate and (answer := answering.answer(environ, start_response)) is not None:
        return answer
    bodies.measure(environ, max_bytes=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    bodies.read_as_utf8(environ)
    incoming.prepare(environ)
    return django(environ, start_response)
