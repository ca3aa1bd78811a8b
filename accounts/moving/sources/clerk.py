"""Read the CSV of Clerk's dashboard (Settings, Export users)."""

import re
from collections.abc import Iterator
from typing import Any, TextIO

from accounts.moving import fields, hashes
from accounts.moving.formats import csv_tables
from accounts.moving.formats.files import Row
from accounts.moving.options import Options
from accounts.moving.person import Person

PREFIXES = {"pbkdf2_sha256_django": "pbkdf2_sha256$", "bcrypt_sha256_django": "bcrypt_sha256$"}
"""Forms of Django that may lack the name of their hasher."""


def rows(file: TextIO, options: Options) -> Iterator[Row]:
    return csv_tables.rows(file, needed={"id", "primary_email_address"})


def person(row: dict[str, Any], options: Options) -> Person:
    primary = fields.text(row, "primary_email_address")
    verified = _list(row, "verified_email_addresses")
    found = Person(
        external_id=fields.text(row, "id"),
        email=primary or next(iter(verified), ""),
        name=fields.full_name(fields.text(row, "first_name"), fields.text(row, "last_name")),
        joined=fields.moment(row, "created_at"),
        is_active=not fields.flag(row, "banned"),
    )
    found.is_verified = found.email.lower() in {each.lower() for each in verified}
    if digest := fields.text(row, "password_digest"):
        prefix = PREFIXES.get(fields.text(row, "password_hasher"), "")
        whole = digest if digest.startswith(prefix) else prefix + digest
        found.take_password(lambda: hashes.stored(whole))
    if secret := fields.text(row, "totp_secret"):
        found.take_app(lambda: secret)
    if {each.lower() for each in verified} - {found.email.lower()}:
        found.leave("address", "Further verified addresses.")
    if fields.text(row, "primary_phone_number") or fields.text(row, "verified_phone_numbers"):
        found.leave("phone", "A phone number.")
    return found


def _list(row: dict[str, Any], name: str) -> list[str]:
    return [part for part in re.split(r"[,|;\s]+", fields.text(row, name)) if part]
