"""Read the rows of passkeys. allauth's `Authenticator` keeps them; the entries of `data` are ours."""

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from allauth.mfa.models import Authenticator
from django.db.models import TextField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestedCredentialData, AuthenticatorData

from accounts.audit.vocabulary import FactorKind
from accounts.people.models import User

if TYPE_CHECKING:
    from django.db.models import QuerySet

MAX = 20
"""Most passkeys and security keys of one account."""
NAME_MAX = 60
ENTRIES: dict[str, type] = {
    **dict.fromkeys(("name", "credential_id", "attested"), str),
    **dict.fromkeys(("changes", "sign_count"), int),
    **dict.fromkeys(("is_passkey", "is_syncable", "is_synced"), bool),
    "transports": list,
}
"""The entries of `data`, each with its type."""
UNREADABLE = (
    *(ArithmeticError, AttributeError, LookupError, RecursionError),
    *(TypeError, ValueError, struct.error),
)
"""What fido2 raises for bytes that are no credential."""


def of(user: User) -> list[Authenticator]:
    """Return the rows of this account's passkeys and security keys, oldest first."""
    rows = Authenticator.objects.filter(user=user, type=FactorKind.PASSKEY)
    return list(rows.order_by("created_at", "pk"))


def find(credential_id: bytes) -> Authenticator | None:
    """Return the row of this credential, of any account."""
    row: Authenticator | None = named(credential_id).first()
    return row


def named(credential_id: bytes) -> "QuerySet[Authenticator]":
    """Select the row of this credential, which an index finds."""
    rows = Authenticator.objects.filter(type=FactorKind.PASSKEY).select_related("user")
    # As the index of migration 0002 has it.
    by_id = rows.alias(credential_id=Cast(KT("data__credential_id"), TextField()))
    found: QuerySet[Authenticator] = by_id.filter(credential_id=websafe_encode(credential_id))
    return found


def data_of(
    auth_data: AuthenticatorData, *, name: str, is_passkey: bool, transports: list[str]
) -> dict[str, Any]:
    """Return what a row stores of a new credential. It has no secret: the key is the public one."""
    attested = auth_data.credential_data
    assert attested is not None  # noqa: S101 - the caller looked
    return {
        "name": name,
        "credential_id": websafe_encode(attested.credential_id),
        "attested": websafe_encode(bytes(attested)),
        "transports": transports,
        "is_passkey": is_passkey,
        "changes": 0,
        "sign_count": auth_data.counter,
        "is_syncable": auth_data.is_backup_eligible(),
        "is_synced": auth_data.is_backed_up(),
    }


def is_whole(data: Mapping[str, Any]) -> bool:
    """Return True if a row can store this. Ask for data that comes from a file."""
    if not all(type(data.get(name)) is kind for name, kind in ENTRIES.items()):
        return False
    try:
        attested = AttestedCredentialData(websafe_decode(data["attested"]))
        is_named = websafe_encode(attested.credential_id) == data["credential_id"]
    except UNREADABLE:
        return False
    has_numbers = min(data["changes"], data["sign_count"]) >= 0
    has_texts = all(isinstance(each, str) for each in data["transports"])
    return is_named and has_numbers and has_texts and len(data["name"]) <= NAME_MAX


def replace(row: Authenticator, data: dict[str, Any], **fields: Any) -> bool:
    """Write `data` in place of what `row` was read with. Returns False if it has changed since."""
    unchanged = Authenticator.objects.filter(pk=row.pk, data__changes=row.data["changes"])
    return bool(unchanged.update(data=data | {"changes": row.data["changes"] + 1}, **fields))


def id_of(row: Authenticator) -> bytes:
    return bytes(websafe_decode(row.data["credential_id"]))


def attested_of(row: Authenticator) -> AttestedCredentialData:
    """Return the credential's id and public key, as fido2 takes them."""
    return AttestedCredentialData(websafe_decode(row.data["attested"]))


def handle_of(user: User) -> bytes:
    """Return the opaque name under which devices know the account: its UUID, nothing personal."""
    return user.pk.bytes
