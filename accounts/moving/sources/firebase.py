"""Read `firebase auth:export users.json --format=json`, with the hash parameters of the project."""

import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from typing import Any, TextIO

from accounts.moving import fields, hashes
from accounts.moving.errors import FileError
from accounts.moving.formats import json_lists
from accounts.moving.formats.files import Row
from accounts.moving.hashes import FirebaseParameters
from accounts.moving.options import Options
from accounts.moving.person import Person

OWN = {"password", "phone"}
"""Entries of `providerUserInfo` that are no provider."""
_SETTING = re.compile(
    r"""["']?(base64_signer_key|base64_salt_separator|rounds|mem_cost)["']?\s*[:=]\s*["']?([^\s"',}]*)"""
)


def parameters(content: str) -> FirebaseParameters:
    """Return the parameters in this text: the console's `hash_config`, or the same as JSON.

    Raises `FileError`.
    """
    found = dict(_SETTING.findall(content))
    try:
        return FirebaseParameters(
            signer_key=b64decode(found["base64_signer_key"], validate=True),
            separator=b64decode(found["base64_salt_separator"], validate=True),
            rounds=int(found["rounds"]),
            memory=int(found["mem_cost"]),
        )
    except (KeyError, ValueError, Base64Error) as exc:
        raise FileError(
            "The hash parameters need base64_signer_key, base64_salt_separator, rounds and mem_cost, "
            "as the Firebase console shows them under Authentication, Users, Password hash parameters."
        ) from exc


def rows(file: TextIO, options: Options) -> Iterator[Row]:
    return json_lists.rows(file, "users")


def person(row: dict[str, Any], options: Options) -> Person:
    found = Person(
        external_id=fields.text(row, "localId"),
        email=fields.text(row, "email"),
        is_verified=fields.flag(row, "emailVerified"),
        name=fields.name(fields.text(row, "displayName")),
        joined=fields.moment(row, "createdAt"),
        last_login=fields.moment(row, "lastSignedInAt"),
        is_active=not fields.flag(row, "disabled"),
    )
    if hashed := fields.text(row, "passwordHash"):
        if options.firebase is None:
            found.leave("hash_unknown", "The hash needs --hash-parameters.")
        else:
            salt, project = fields.text(row, "salt"), options.firebase
            found.take_password(lambda: hashes.of_firebase(hashed, salt, project))
    for entry in fields.objects(row, "providerUserInfo"):
        _connect(found, entry)
    if fields.text(row, "phoneNumber"):
        found.leave("phone", "A phone number.")
    if fields.objects(row, "mfaInfo"):
        found.leave("factor", "A second factor. Firebase exports no secret of it.")
    if _claims(fields.text(row, "customAttributes")):
        found.leave("claims", "Custom claims, such as roles.")
    return found


def _connect(found: Person, entry: dict[str, Any]) -> None:
    theirs, uid = fields.text(entry, "providerId"), fields.text(entry, "rawId")
    if theirs not in OWN:
        found.connect(theirs, uid)


def _claims(text: str) -> bool:
    try:
        return bool(text and json.loads(text))
    except ValueError:
        return True
