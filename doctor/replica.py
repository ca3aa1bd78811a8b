"""Check the replica for the panel's lists: it answers, follows the primary, and how far it is behind."""

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from accounts import replica
from doctor.findings import Finding, error, ok, skipped, warning

LEAD = "Set REPLICA_DATABASE_URL to a replica of the primary, or remove it."


def check() -> Finding:
    if replica.ALIAS not in connections.settings:
        return skipped("REPLICA_DATABASE_URL is empty: the panel reads the primary")
    try:
        lag = replica.behind()
    except replica.NoReplicaError:
        return warning("the server follows no primary, so the panel reads the primary", LEAD)
    except (DatabaseError, InterfaceError) as exc:
        return error(f"{exc}", LEAD)
    finally:
        connections[replica.ALIAS].close()
    most = settings.REPLICA_MAX_LAG_SECONDS
    if lag > most:
        text = f"{lag:.0f} s behind, more than {most:.0f}: the panel reads the primary"
        return warning(text, "Look at the replica's load and its network.")
    return ok(f"{lag:.0f} s behind")
