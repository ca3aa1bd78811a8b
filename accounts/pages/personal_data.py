"""Write down all that the site knows of one user, as JSON, for the page and the API.

Names no secret: no hash, no `jti`, no session id. The rows are read in pieces, because sign-ins and
events have no upper limit.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import StreamingHttpResponse

from accounts.audit.models import AuditEvent
from accounts.people.models import User

CHUNK = 500
"""Rows that are read at once."""
FILE_NAME = "munjigi-data.json"
PROFILE = [
    *("id", "email", "display_name", "locale", "is_active", "is_staff", "is_superuser"),
    *("date_joined", "last_login", "erase_at"),
]
ADDRESSES = ["email", "verified", "primary"]
CONNECTIONS = ["provider", "uid", "date_joined", "last_login", "extra_data"]
FACTORS = ["type", "created_at", "last_used_at"]
SIGN_INS = [
    *("id", "kind", "client_id", "ip", "user_agent", "amr", "auth_time", "created_at"),
    *("last_seen_at", "expires_at", "revoked_at", "revoked_reason"),
]
EVENTS = ["created_at", "type", "identifier", "sid", "ip", "user_agent", "reason"]


def response(user: User) -> StreamingHttpResponse:
    """Answer with the file. Call only after a fresh proof."""
    return StreamingHttpResponse(
        written(user),
        content_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="{FILE_NAME}"',
            "Cache-Control": "private, no-store",
        },
    )


def written(user: User) -> Iterator[str]:
    """Yield the JSON in pieces."""
    # An administrator's address and device in an event aren't the user's.
    events = AuditEvent.objects.filter(user=user, actor=None)
    acted = AuditEvent.objects.filter(user=user).exclude(actor=None)
    by_others = [name for name in EVENTS if name not in {"ip", "user_agent"}]
    yield f'{{"profile":{_json({name: getattr(user, name) for name in PROFILE})}'
    lists: list[tuple[str, Iterable[dict[str, Any]]]] = [
        ("groups", user.groups.values("name")),
        ("addresses", user.emailaddress_set.order_by("pk").values(*ADDRESSES)),
        ("connections", user.socialaccount_set.order_by("pk").values(*CONNECTIONS)),
        ("factors", user.authenticator_set.order_by("pk").values(*FACTORS)),
        ("sign_ins", user.auth_sessions.values(*SIGN_INS).iterator(CHUNK)),
        ("events", events.values(*EVENTS).iterator(CHUNK)),
        ("events_by_administrators", acted.values(*by_others).iterator(CHUNK)),
    ]
    for name, rows in lists:
        yield f',"{name}":['
        for number, row in enumerate(rows):
            yield ("," if number else "") + _json(row)
        yield "]"
    yield "}\n"


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
