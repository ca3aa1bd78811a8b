"""Read `manage.py dumpdata` of another Django site, as JSON or JSON lines, with the tables of allauth."""

import base64
import binascii
from collections.abc import Iterator
from typing import Any, TextIO

from accounts.moving import fields, hashes
from accounts.moving.errors import FileError, RefusedError
from accounts.moving.formats import joins, json_lines, json_lists
from accounts.moving.formats.files import Row
from accounts.moving.options import Options
from accounts.moving.person import TOTP, Person

PARTS = {
    "account.emailaddress": "address",
    "socialaccount.socialaccount": "connection",
    "mfa.authenticator": "factor",
    "otp_totp.totpdevice": "device",
    "authtoken.token": "token",
}
"""Models with a field `user`, and our name of their rows."""
NAMES = ("display_name", "full_name", "name", "nickname")
PK = "pk"
GROUPS = "group_names"


def rows(file: TextIO, options: Options) -> Iterator[Row]:
    """Join the rows of one user. Other models than users, groups and `PARTS` are ignored."""
    groups: dict[str, str] = {}
    with joins.database() as database:
        joined = joins.Joins(database)
        has_users = False
        for row in _entries(file):
            content = row.content
            if isinstance(content, RefusedError):
                yield row
                continue
            try:
                has_users |= _sort(joined, groups, row.number, content)
            except RefusedError as exc:
                yield Row(row.number, exc)
        if not has_users:
            raise FileError("The file has no users: no entry has the fields email and password.")
        for row in joined.rows():
            if isinstance(row.content, dict):
                row.content[GROUPS] = groups
            yield row


def _entries(file: TextIO) -> Iterator[Row]:
    """Yield the entries of both formats. Only the lists of JSON begin with `[`."""
    start = file.read(1)
    while start.isspace():
        start = file.read(1)
    if start == "[":
        return json_lists.rows(_Again(start, file), "")  # type: ignore[arg-type]  # it only reads
    return json_lines.rows(_Again(start, file))  # type: ignore[arg-type]  # it only reads


class _Again:
    """A file whose first sign was read already."""

    def __init__(self, start: str, file: TextIO) -> None:
        self._start, self._file = start, file

    def read(self, size: int) -> str:
        start, self._start = self._start, ""
        return start + self._file.read(size - len(start))

    def readline(self, size: int) -> str:
        start, self._start = self._start, ""
        return start + self._file.readline(size - len(start))


def _sort(
    joined: joins.Joins, groups: dict[str, str], number: int, content: dict[str, Any]
) -> bool:
    """Keep this entry where it belongs. Returns True for a user."""
    model, key = fields.text(content, "model").lower(), fields.text(content, PK)
    values = fields.mapping(content, "fields")
    if model == "auth.group":
        groups[key] = fields.text(values, "name")
    elif kind := PARTS.get(model):
        user = values.get("user")
        name = user[0] if isinstance(user, list) and user else user  # --natural-foreign
        joined.add_part(str(name), number, kind, values)
    elif "password" in values and "last_login" in values:
        joined.add_person(key or fields.text(values, "username"), number, values | {PK: key})
        return True
    return False


def person(row: dict[str, Any], options: Options) -> Person:
    parts = row[joins.PARTS]
    external_id = fields.text(row, PK) or fields.text(row, "username")
    found = Person(
        external_id=external_id,
        id=fields.identifier(external_id),
        email=fields.text(row, "email"),
        name=_name(row),
        language=fields.language(fields.text(row, "language") or fields.text(row, "locale")),
        joined=fields.moment(row, "date_joined"),
        last_login=fields.moment(row, "last_login"),
        is_active=fields.flag(row, "is_active", default=True),
        is_staff=fields.flag(row, "is_staff"),
        is_superuser=fields.flag(row, "is_superuser"),
    )
    _take_address(found, parts.get("address", []))
    hashed = fields.text(row, "password")
    if hashed and not hashed.startswith("!"):
        found.take_password(lambda: hashes.stored(hashed))
    for entry in parts.get("connection", []):
        theirs, uid = fields.text(entry, "provider"), fields.text(entry, "uid")
        found.connect(theirs, uid)
    _take_factors(found, parts)
    _take_groups(found, row)
    return found


def _name(row: dict[str, Any]) -> str:
    chosen = next((text for key in NAMES if (text := fields.text(row, key))), "")
    first, last = fields.text(row, "first_name"), fields.text(row, "last_name")
    return fields.name(chosen) or fields.full_name(first, last)


def _take_address(found: Person, entries: list[dict[str, Any]]) -> None:
    """Take the primary address, or a verified one if that isn't. Addresses decide, if there are any."""
    if not entries:
        return
    states = {fields.text(each, "email").lower(): fields.flag(each, "verified") for each in entries}
    primary = next(
        (fields.text(each, "email") for each in entries if fields.flag(each, "primary")), ""
    )
    found.email = primary or found.email
    if not states.get(found.email.lower()):
        found.email = next((email for email, proved in states.items() if proved), found.email)
    found.is_verified = states.get(found.email.lower(), False)
    if any(proved for email, proved in states.items() if email != found.email.lower()):
        found.leave("address", "Further verified addresses.")


def _take_factors(found: Person, parts: dict[str, list[dict[str, Any]]]) -> None:
    for entry in parts.get("factor", []):
        if fields.text(entry, "type") == TOTP:
            data = fields.mapping(entry, "data")
            found.take_app(lambda data=data: fields.text(data, "secret"))  # type: ignore[misc]  # bound in the loop
        else:
            found.leave("factor", f"A second factor of the type {fields.text(entry, 'type')[:32]}.")
    for device in parts.get("device", []):
        if not fields.flag(device, "confirmed", default=True):
            continue
        if (device.get("digits", 6), device.get("step", 30)) != (6, 30):
            found.leave("totp_unsupported", "The app has other settings than 6 digits and 30 s.")
            continue
        found.take_app(lambda device=device: _secret_of(device))  # type: ignore[misc]  # bound in the loop


def _secret_of(device: dict[str, Any]) -> str:
    """Return the secret of django-otp's device, which is in hexadecimal digits, in base32."""
    try:
        raw = binascii.unhexlify(fields.text(device, "key"))
    except (binascii.Error, ValueError) as exc:
        raise RefusedError("totp_unreadable", "The secret of the app is not hexadecimal.") from exc
    return base64.b32encode(raw).decode()


def _take_groups(found: Person, row: dict[str, Any]) -> None:
    names = row[GROUPS]
    found.groups = [names.get(key, key) for key in fields.texts(row, "groups")]
    if row.get("user_permissions"):
        found.leave("permissions", "Permissions of one user. Give them to a group here.")
