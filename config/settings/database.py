"""Set up the database: PostgreSQL, or SQLite on a laptop."""

from config import database
from config.settings.base import VAR_DIR, env

# own: each process keeps its connections. pgbouncer: PgBouncer does, in transaction mode.
DATABASE_POOLING = env.str("DATABASE_POOLING", default="") or "own"
# Behind PgBouncer this needs PgBouncer 1.21 or newer with max_prepared_statements above 0.
DATABASE_PREPARED_STATEMENTS = env.bool("DATABASE_PREPARED_STATEMENTS", default=False)
DATABASES = {
    "default": database.configure(
        env.str("DATABASE_URL", default="") or f"sqlite:///{VAR_DIR / 'db.sqlite3'}",
        pooling=DATABASE_POOLING,
        prepared=DATABASE_PREPARED_STATEMENTS,
    )
}
# A replica for the panel's lists, its search and the export of the audit log. Nothing else reads it.
REPLICA_MAX_LAG_SECONDS = env.float("REPLICA_MAX_LAG_SECONDS", default=60.0)
if _replica := env.str("REPLICA_DATABASE_URL", default=""):
    DATABASES["replica"] = database.replica(_replica)
# Silences the check for TLS to PostgreSQL on another machine.
DATABASE_NETWORK_IS_PRIVATE = env.bool("DATABASE_NETWORK_IS_PRIVATE", default=False)
