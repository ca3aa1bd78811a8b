"""Write down all that the site knows of one user, as JSON, for the page and the API.

Names no secret: no hash, no `jti`, no session id. The rows are read in pieces, because sign-ins and
events have no upper limit.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import F, QuerySet
from django.http import StreamingHttpResponse

from accounts import brand
from accounts.audit.models import AuditEvent
from accounts.factors.models import GracePeriod
from accounts.invitations.models import Invitation
from accounts.operators.models import BulkTarget
from accounts.people.models import User

CHUNK = 500
"""Rows that are read at once."""
FILE_NAME = f"{brand.product_token().lower()}-data.json"
PROFILE = [
    *("id", "email", "display_name", "locale", "extras", "is_active", "is_staff", "is_superuser"),
    *("date_joined", "last_login", "erase_at", "locked_until"),
]
ADDRESSES = ["email", "verified", "primary"]
CONNECTIONS = ["provider", "uid", "date_joined", "last_login", "extra_data"]
EXTERNAL_IDS = ["source", "external_id", "created_at"]
FACTORS = ["type", "created_at", "last_used_at"]
GRACE = ["started_at"]
INVITATION = ["email", "locale", "created_at", "sent_at", "expires_at", "accepted_at"]
BULK_ACTS = {name: F(f"run__{name}") for name in ("act", "reason", "created_at")}
PERMISSIONS = {"app": F("content_type__app_label")}
PROPOSALS = ["reason", "created_at", "ended_at", "outcome"]
NOTES = ["text", "created_at"]
MAILS = ["kind", "created_at", "sent_at", "failed_at"]
RESETS = ["reason", "created_at", "due_at", "ended_at", "outcome"]
REPORTS = ["about", "sid", "created_at", "closed_at", "note"]
TRUSTED_BROWSERS = ["ip", "user_agent", "created_at", "last_used_at"]
SIGN_INS = [
    *("id", "kind", "client_id", "ip", "user_agent", "amr", "auth_time", "created_at"),
    *("last_seen_at", "expires_at", "revoked_at", "revoked_reason"),
]
EVENTS = [
    "created_at",
    "type",
    "identifier",
    "sid",
    "ip",
    "user_agent",
    "reason",
    "note",
    "amr",
    "request_id",
]


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
    by_others = [name for name in EVENTS if name not in {"ip", "user_agent", "request_id"}]
    yield f'{{"profile":{_json({name: getattr(user, name) for name in PROFILE})}'
    lists: list[tuple[str, Iterable[dict[str, Any]]]] = [
        ("groups", user.groups.values("name")),
        ("permissions", _permissions_of(user)),
        ("addresses", user.emailaddress_set.order_by("pk").values(*ADDRESSES)),
        ("connections", user.socialaccount_set.order_by("pk").values(*CONNECTIONS)),
        ("invitation", Invitation.objects.filter(user=user).values(*INVITATION)),
        ("external_ids", user.external_ids.order_by("pk").values(*EXTERNAL_IDS)),
        ("factors", user.authenticator_set.order_by("pk").values(*FACTORS)),
        ("email_proposals", user.email_proposals.values(*PROPOSALS, "email", "proved_at")),
        ("superuser_proposals", user.superuser_proposals.values(*PROPOSALS)),
        ("bulk_acts", _bulk_acts_on(user)),
        ("notes", user.operator_notes.values(*NOTES)),
        ("mails", user.sent_mails.order_by("created_at").values(*MAILS)),
        ("factor_resets", user.factor_resets.values(*RESETS)),
        ("grace_periods", GracePeriod.objects.filter(user=user).values(*GRACE)),
        ("reports", user.reports.values(*REPORTS)),
        ("trusted_browsers", user.trusted_browsers.values(*TRUSTED_BROWSERS)),
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


def _permissions_of(user: User) -> QuerySet[Any, Any]:
    return user.user_permissions.order_by("pk").values("codename", **PERMISSIONS)


def _bulk_acts_on(user: User) -> QuerySet[Any, Any]:
    rows = BulkTarget.objects.filter(user=user).order_by("pk")
    return rows.values("state", "why", **BULK_ACTS)


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
