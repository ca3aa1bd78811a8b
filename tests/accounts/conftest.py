"""Threads can't share SQLite's in-memory database: these tests get a file."""

from django.conf import settings
from django.db import connections

if connections["default"].vendor == "sqlite":
    connections["default"].settings_dict["TEST"]["NAME"] = str(settings.VAR_DIR / "test.sqlite3")
