"""Show the caller's own account: the members of `GET /api/me/`."""

from datetime import UTC
from typing import Any

from accounts.people import profile_fields
from accounts.people.models import User
from accounts.signins import roles


def members(user: User) -> dict[str, Any]:
    """Return what `MeSerializer` declares. Written out, because DRF's fields take longer than the row."""
    return {
        "id": str(user.pk),
        "email": user.email,
        "display_name": user.display_name,
        "locale": user.locale,
        "extras": profile_fields.shown(user.extras),
        "date_joined": user.date_joined.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "roles": roles.of(user),
    }
