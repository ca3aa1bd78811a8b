"""Check our migrations on PostgreSQL with django-migration-linter.

The old release still runs while the new one migrates. So a migration must not drop or rename a
table or column that the old release uses, nor add a column that the old release can't fill.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ["TEST_DATABASE"] = "postgres"
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import django  # noqa: E402 - after the environment

import tests.environment  # noqa: E402, F401 - starts PostgreSQL and sets its address

django.setup()

from django_migration_linter import MigrationLinter  # noqa: E402 - after the settings

EXEMPT: dict[str, str] = {}
"""Names of migrations that break a rule, each with the reason why the old release still works."""

linter = MigrationLinter(
    str(ROOT),
    include_apps=["accounts", "api"],
    ignore_name=EXEMPT,
    quiet=["ignore"],
    all_warnings_as_errors=True,
    no_cache=True,
)
linter.lint_all_migrations()
linter.print_summary()
sys.exit(linter.has_errors)
