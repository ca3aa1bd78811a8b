#!/usr/bin/env python
"""Django's command line: `.venv/bin/python manage.py help` lists every command."""

import os
import sys

try:
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
except ImportError:
    sys.exit(
        "This Python has no Django. Run .venv/bin/python manage.py …; `make run` makes that Python."
    )

from config import catalogue

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    catalogue.compile_changed()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as exc:
        # A missing variable, which its name tells better than a stack trace.
        sys.exit(f"{str(exc).rstrip('.')}. See .env.example.")
