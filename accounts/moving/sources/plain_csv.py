"""Read a CSV file in our own form, for systems that have no module here.

`docs/moving-in.md` lists its columns.
"""

from collections.abc import Iterator
from typing import Any, TextIO

from accounts.moving import fields, hashes
from accounts.moving.formats import csv_tables
from accounts.moving.formats.files import Row
from accounts.moving.options import Options
from accounts.moving.person import Person


def rows(file: TextIO, options: Options) -> Iterator[Row]:
    return csv_tables.rows(file, needed={"id", "email"})


def person(row: dict[str, Any], options: Options) -> Person:
    external_id = fields.text(row, "id")
    found = Person(
        external_id=external_id,
        id=fields.identifier(external_id),
        email=fields.text(row, "email"),
        is_verified=fields.maybe_flag(row, "verified"),
        name=fields.name(fields.text(row, "name")),
        language=fields.language(fields.text(row, "language")),
        joined=fields.moment(row, "created"),
        is_active=fields.flag(row, "active", default=True),
        is_staff=fields.flag(row, "staff"),
    )
    if hashed := fields.text(row, "password_hash"):
        found.take_password(lambda: hashes.stored(hashed))
    for provider in sorted(fields.PROVIDERS):
        if uid := fields.text(row, provider):
            found.connect(provider, uid)
    if secret := fields.text(row, "totp_secret"):
        found.take_app(lambda: secret)
    return found
