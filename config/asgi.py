"""Serve `/events` under an ASGI server (`manage.py events` runs uvicorn), and nothing else.

Pages, API and admin are `config.wsgi`'s.
"""

import gc
import os

import django
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

__all__ = ["application"]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

try:
    django.setup()
except ImproperlyConfigured as exc:
    # One line: a stack trace shows values of settings, and helps nobody.
    raise SystemExit(f"{str(exc).rstrip('.')}. See .env.example.") from None

from config.streams import application

# A server that imports this module runs no Django command, so Django runs no checks.
if unsafe := [error for error in checks.run_checks() if error.is_serious()]:
    raise SystemExit("\n".join(str(error) for error in unsafe))

# The objects that exist now live as long as the process, so the garbage collector can skip them.
gc.freeze()
