"""Keep the personal part of an event beside the chain, so that it can be erased.

The chain does not cover personal values, but a digest of each group of them with a random salt. Two
states of a group in `AuditEvent.personal`:

- `{"salt": …}`: the row has the values. Their digest follows from salt and values.
- `{"digest": …, "by": …}`: the values and the salt are erased, so nobody can try values against the
  digest. `by` is the pseudonym of the erased person, which a `user.erased` event has, too.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from accounts.audit.models import AuditEvent

GROUPS: dict[str, tuple[str, ...]] = {
    "identifier": ("identifier",),
    "user": ("user_id",),
    "actor": ("actor_id",),
    "device": ("ip", "user_agent", "request_id"),
    "note": ("note",),
}
"""The groups of columns. A group is erased as a whole."""

BLANK: dict[str, Any] = {"user_id": None, "actor_id": None, "ip": None}
"""The values of erased columns. The others are ''; `identifier` is the pseudonym."""

BATCH = 200


def canonical(value: Any) -> bytes:
    """Return the JSON of RFC 8785 for a value without floating-point numbers."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sha256(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def salts() -> dict[str, dict[str, str]]:
    """Return a new `personal` for a row: a random salt for each group."""
    return {group: {"salt": secrets.token_hex(16)} for group in GROUPS}


def values(event: AuditEvent, group: str) -> dict[str, str | None]:
    """Return the personal values of one group, as the digest covers them."""
    found = {column: getattr(event, column) for column in GROUPS[group]}
    return {column: None if value is None else str(value) for column, value in found.items()}


def digest(event: AuditEvent, group: str) -> str:
    """Return the digest of one group of a row with salts.

    Raises `KeyError` if `personal` doesn't have the group.
    """
    part = event.personal[group]
    if "digest" in part:
        return str(part["digest"])
    return sha256(values(event, group) | {"salt": part["salt"]})


def is_erased(event: AuditEvent, group: str) -> bool:
    return "digest" in event.personal.get(group, {})


def has_values_of_an_erasure(event: AuditEvent, group: str) -> bool:
    """Return True if the columns of an erased group have no values but the pseudonym."""
    by = event.personal[group].get("by")
    return all(getattr(event, column) == _blank(column, by=str(by)) for column in GROUPS[group])


def erase(groups: Mapping[int, Iterable[str]], *, by: str) -> None:
    """Erase these groups of these rows (by id) for ever. `by` is the pseudonym of the person.

    A sealed row keeps the digests, so that the chain still verifies. Locks the rows, in the order
    of their ids, so that the worker doesn't seal values that are being erased.
    """
    keys = sorted(groups)
    with transaction.atomic():
        for at in range(0, len(keys), BATCH):
            rows = AuditEvent.objects.select_for_update().order_by("pk")
            events = list(rows.filter(pk__in=keys[at : at + BATCH]))
            for event in events:
                for group in groups[event.pk]:
                    _erase(event, group, by=by)
            columns = {column for each in GROUPS.values() for column in each}
            AuditEvent.objects.bulk_update(events, ["personal", *sorted(columns)])


def _erase(event: AuditEvent, group: str, *, by: str) -> None:
    if event.sealed_at is not None:
        event.personal[group] = {"digest": digest(event, group), "by": by}
    for column in GROUPS[group]:
        setattr(event, column, _blank(column, by=by))


def _blank(column: str, *, by: str) -> str | None:
    return by if column == "identifier" else BLANK.get(column, "")
