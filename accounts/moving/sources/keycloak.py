"""Read Keycloak's export of a realm: `kc.sh export`, as one file or as files of users."""

import base64
import json
from collections.abc import Iterator
from typing import Any, TextIO

from accounts.moving import fields, hashes
from accounts.moving.errors import RefusedError
from accounts.moving.formats import json_lists
from accounts.moving.formats.files import Row
from accounts.moving.options import Options
from accounts.moving.person import Person

APP = {"subType": "totp", "digits": 6, "period": 30, "algorithm": "HmacSHA1"}
"""The only kind of authenticator app that works here."""


def rows(file: TextIO, options: Options) -> Iterator[Row]:
    return json_lists.rows(file, "users")


def person(row: dict[str, Any], options: Options) -> Person:
    external_id = fields.text(row, "id")
    locales = fields.mapping(row, "attributes").get("locale")
    found = Person(
        external_id=external_id,
        id=fields.identifier(external_id),
        email=fields.text(row, "email"),
        is_verified=fields.flag(row, "emailVerified"),
        name=fields.full_name(fields.text(row, "firstName"), fields.text(row, "lastName")),
        language=fields.language(str(locales[0])) if isinstance(locales, list) and locales else "",
        joined=fields.moment(row, "createdTimestamp"),
        is_active=fields.flag(row, "enabled", default=True),
    )
    for credential in fields.objects(row, "credentials"):
        _take(found, credential)
    for identity in fields.objects(row, "federatedIdentities"):
        theirs, uid = fields.text(identity, "identityProvider"), fields.text(identity, "userId")
        found.connect(theirs, uid)
    if fields.text(row, "federationLink"):
        found.leave("federation", "The password is in another directory (federationLink).")
    if row.get("realmRoles") or row.get("clientRoles") or row.get("groups"):
        found.leave("groups", "Roles or groups.")
    return found


def _take(found: Person, credential: dict[str, Any]) -> None:
    kind = fields.text(credential, "type")
    if kind == "password":
        found.take_password(lambda: hashes.of_keycloak(credential))
    elif kind == "otp":
        found.take_app(lambda: _secret(credential))
    else:
        found.leave("factor", f"A credential of the type {kind[:32]}.")


def _secret(credential: dict[str, Any]) -> str:
    """Return the secret of an authenticator app in base32. Raises `RefusedError`."""
    try:
        secret = json.loads(fields.text(credential, "secretData"))
        how = json.loads(fields.text(credential, "credentialData"))
        if any(how.get(name, wanted) != wanted for name, wanted in APP.items()):
            raise RefusedError(
                "totp_unsupported", "The app has other settings than 6 digits, 30 s, SHA-1."
            )
        value = str(secret["value"])
        is_base32 = how.get("secretEncoding") == "BASE32"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise RefusedError("totp_unreadable", "The credential has another form.") from exc
    # Without an encoding, the characters of the text are the bytes of the secret.
    return value if is_base32 else base64.b32encode(value.encode()).decode()
