"""Read `aws cognito-idp list-users`. Cognito never gives hashes and secrets of apps."""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from accounts.moving import fields
from accounts.moving.errors import RefusedError
from accounts.moving.formats import json_lists
from accounts.moving.formats.files import Row
from accounts.moving.options import Options
from accounts.moving.person import Person


def rows(file: TextIO, options: Options) -> Iterator[Row]:
    return json_lists.rows(file, "Users")


def person(row: dict[str, Any], options: Options) -> Person:
    values = {
        fields.text(each, "Name"): fields.text(each, "Value")
        for each in fields.objects(row, "Attributes")
    }
    external_id = values.get("sub") or fields.text(row, "Username")
    found = Person(
        external_id=external_id,
        id=fields.identifier(external_id),
        email=values.get("email", ""),
        is_verified=fields.flag(values, "email_verified"),
        name=fields.name(values.get("name", ""))
        or fields.full_name(values.get("given_name", ""), values.get("family_name", "")),
        language=fields.language(values.get("locale", "")),
        joined=fields.moment(row, "UserCreateDate"),
        is_active=fields.flag(row, "Enabled", default=True),
    )
    for identity in _identities(values.get("identities", "")):
        theirs, uid = fields.text(identity, "providerName"), fields.text(identity, "userId")
        found.connect(theirs, uid)
    if values.get("phone_number"):
        found.leave("phone", "A phone number.")
    if row.get("UserMFASettingList") or row.get("MFAOptions"):
        found.leave("factor", "A second factor. Cognito exports no secret of it.")
    if any(name.startswith("custom:") for name in values):
        found.leave("claims", "Custom attributes.")
    return found


def _identities(text: str) -> list[dict[str, Any]]:
    try:
        value = json.loads(text) if text else []
    except ValueError as exc:
        raise RefusedError("wrong_type", "identities must be a list of objects.") from exc
    return fields.objects({"identities": value}, "identities")
