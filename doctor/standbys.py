"""Check whether PostgreSQL can lose a commit that the site has acknowledged.

A lost commit is a loss of security: a sign-in that was ended is back, and so is a refresh token that was
exchanged.
"""

from django.db import DEFAULT_DB_ALIAS, connections

from accounts import replica
from config.database import addresses
from doctor.findings import Finding, error, ok, skipped, warning

LOST = "ended sign-ins and exchanged refresh tokens come back"
STANDBYS = """
SELECT CURRENT_SETTING('synchronous_commit'), CURRENT_SETTING('synchronous_standby_names'), COUNT(*)
FROM pg_stat_replication WHERE pid IS NOT NULL AND application_name NOT LIKE 'pg_basebackup%'
"""
WAITS = {"on", "remote_apply"}
"""Values of `synchronous_commit` for which a commit waits until a standby has it on disk. With
`remote_write` it waits until the standby has it in memory, which is lost if both machines stop."""


def check() -> Finding:
    """Warn if a crash or a fail-over can lose a commit, and if commits wait for nobody's answer."""
    mine = connections[DEFAULT_DB_ALIAS]
    if mine.vendor != "postgresql":
        return skipped("SQLite has no standby")
    with mine.cursor() as cursor:
        cursor.execute(STANDBYS)
        commit, names, count = cursor.fetchone()
    hosts = addresses(mine.settings_dict)
    if len(hosts) > 1 and "target_session_attrs" not in mine.settings_dict["OPTIONS"]:
        return warning(
            f"{len(hosts)} hosts, but no target_session_attrs: the site may talk to a standby",
            "Add target_session_attrs=read-write to DATABASE_URL.",
        )
    # A replica that nobody promotes needs no commit to wait for it.
    has_standby = len(hosts) > 1 or (count > 0 and replica.ALIAS not in connections.settings)
    return _judge(commit, names, standbys=count, has_standby=has_standby)


def _judge(commit: str, names: str, *, standbys: int, has_standby: bool) -> Finding:
    if commit == "off":
        text = f"synchronous_commit is off: after a crash, {LOST}"
        return warning(text, "Set synchronous_commit = on in PostgreSQL, also for the site's role.")
    if not names and not has_standby:
        return ok("one server, without a standby")
    if names and not standbys:
        return error(
            "each commit waits for a standby, and none is connected",
            "Start the standby, or empty synchronous_standby_names until it is back.",
        )
    if names and commit in WAITS:
        return ok(f"each commit waits for a standby ({names}); connected: {standbys}")
    text = f"commits don't wait for a standby: after a fail-over, {LOST}"
    if names:
        return warning(text, f"Set synchronous_commit = on in PostgreSQL; it is {commit}.")
    return warning(text, "Set synchronous_standby_names = 'ANY 1 (*)' on each server.")
