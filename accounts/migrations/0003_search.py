"""Index parts of words, for the panel's search: `kim` finds `mina.kim@example.com`.

PostgreSQL only. `pg_trgm` is a trusted extension: the owner of the database may add it. If it can't
be added, the search works without the index, and is slow with many users.
"""

import logging

from django.db import DatabaseError, migrations, transaction

log = logging.getLogger(__name__)

COLUMNS = {"user_email_parts": "email", "user_name_parts": "display_name"}


def add(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError:
        log.warning("pg_trgm can't be added: the panel's search is slow with many users")
        return
    for name, column in COLUMNS.items():
        # The expression of Django's `icontains`. With `fastupdate`, each search would also read the
        # list of changes that are not yet in the index.
        schema_editor.execute(
            f"CREATE INDEX {name} ON accounts_user USING gin (UPPER({column}) gin_trgm_ops) "
            "WITH (fastupdate = off)"
        )


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in COLUMNS:
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_unique_passkeys")]

    operations = [migrations.RunPython(add, remove)]
