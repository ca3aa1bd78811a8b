"""Set up the database: PostgreSQL, or SQLite on a laptop."""

from config import database
from config.settings.base import VAR_DIR, env

DATABASES = {
    "default": database.configure(
        env.str("DATABASE_URL", default="") or f"sqlite:///{VAR_DIR / 'db.sqlite3'}"
    )
}
# Silences the check for TLS to PostgreSQL on another machine.
DATABASE_NETWORK_IS_PRIVATE = env.bool("DATABASE_NETWORK_IS_PRIVATE", default=False)
