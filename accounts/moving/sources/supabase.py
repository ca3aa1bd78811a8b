"""Read Supabase's `auth` tables as JSON lines, one user in each line (`docs/moving-in.md` has the query)."""

from collections.abc import Iterator
from typing import Any, TextIO

from accounts.moving import fields, hashes
from accounts.moving.errors import RefusedError
from accounts.moving.formats import json_lines
from accounts.moving.formats.files import Row
from accounts.moving.options import Options
from accounts.moving.person import TOTP, Person

OWN = {"email", "phone"}
"""Identities that are no provider."""
NAMES = ("full_name", "name", "display_name", "user_name")


def rows(file: TextIO, options: Options) -> Iterator[Row]:
    return json_lines.rows(file)


def person(row: dict[str, Any], options: Options) -> Person:
    """Return the person. Raises `RefusedError` for a deleted and for an anonymous user."""
    if fields.text(row, "deleted_at"):
        raise RefusedError("deleted", "The account was deleted there.")
    if fields.flag(row, "is_anonymous"):
        raise RefusedError("anonymous", "The account is anonymous there.")
    external_id, meta = fields.text(row, "id"), fields.mapping(row, "raw_user_meta_data")
    found = Person(
        external_id=external_id,
        id=fields.identifier(external_id),
        email=fields.text(row, "email"),
        is_verified=fields.moment(row, "email_confirmed_at") is not None,
        name=fields.name(next((text for key in NAMES if (text := fields.text(meta, key))), "")),
        language=fields.language(fields.text(meta, "locale")),
        joined=fields.moment(row, "created_at"),
        last_login=fields.moment(row, "last_sign_in_at"),
        # A ban has an end, which may be far away. Nobody would lift it here.
        is_active=not fields.text(row, "banned_until"),
    )
    if not found.is_active:
        found.leave("ban", "The account is banned there, so it comes disabled.")
    if hashed := fields.text(row, "encrypted_password"):
        found.take_password(lambda: hashes.stored(hashed))
    for identity in fields.objects(row, "identities"):
        _connect(found, identity)
    for factor in fields.objects(row, "mfa_factors"):
        _take_factor(found, factor)
    if fields.text(row, "phone"):
        found.leave("phone", "A phone number.")
    return found


def _connect(found: Person, identity: dict[str, Any]) -> None:
    theirs = fields.text(identity, "provider")
    data = fields.mapping(identity, "identity_data")
    uid = fields.text(identity, "provider_id") or fields.text(data, "sub")
    if theirs not in OWN:
        found.connect(theirs, uid)


def _take_factor(found: Person, factor: dict[str, Any]) -> None:
    if fields.text(factor, "status") != "verified":
        return
    if fields.text(factor, "factor_type") == TOTP:
        found.take_app(lambda: fields.text(factor, "secret"))
    else:
        found.leave("factor", "A second factor that is no authenticator app.")
