#!/usr/bin/env python
"""Django's command line: `python manage.py help` lists every command."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from config import catalogue

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    catalogue.compile_changed()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as exc:
        # A missing variable, which its name tells better than a stack trace.
        sys.exit(f"{exc}. See .env.example.")
