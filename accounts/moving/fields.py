"""Read single values of a row, and refuse those of a wrong type."""

import base64
import json
import re
from binascii import Error as Base64Error
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_date, parse_datetime

from accounts.moving.errors import RefusedError
from accounts.moving.formats.files import clean
from accounts.people import names

MILLISECONDS_FROM = 10_000_000_000
"""Seconds since 1970 up to the year 2286 are smaller."""
YEARS = range(1900, 2200)
MAX_TEXT = 4096
MAX_STORED = 64 * 1024
MIN_SECRET_BYTES = 10
FALSE, TRUE = {"false", "0", "no", "f", "n"}, {"true", "1", "yes", "t", "y"}
PROVIDERS = {"google", "kakao", "naver", "apple"}
_AFFIXES = re.compile(r"^(?:oidc[._-]|oauth_|oauth2[._-])|(?:\.com|-oauth2)$")


def text(row: dict[str, Any], name: str) -> str:
    """Return a text or a whole number as text; '' for null and a missing value.

    Raises `RefusedError` for other types, broken characters, and more than `MAX_TEXT` characters.
    """
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _wrong(name, "a text")
    found = clean(str(value)).strip()
    if len(found) > MAX_TEXT:
        raise RefusedError("too_long", f"{name} has more than {MAX_TEXT} characters.")
    return found


def flag(row: dict[str, Any], name: str, *, default: bool = False) -> bool:
    """Return a yes or no; also of the texts and numbers that databases write for it."""
    value = row.get(name)
    if value is None or value == "":
        return default
    plain = str(value).strip().lower()
    if plain in TRUE | FALSE:
        return plain in TRUE
    raise _wrong(name, "true or false")


def maybe_flag(row: dict[str, Any], name: str) -> bool | None:
    """Return a yes or no, or None if there is none."""
    value = row.get(name)
    return None if value is None or value == "" else flag(row, name)


def objects(row: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = row.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise _wrong(name, "a list of objects")
    return value


def texts(row: dict[str, Any], name: str) -> list[str]:
    """Return a list of texts and numbers as texts. A natural key, a list itself, counts by its first part."""
    value = row.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(name, "a list")
    firsts = [each[0] if isinstance(each, list) and each else each for each in value]
    return [text({name: each}, name) for each in firsts]


def mapping(row: dict[str, Any], name: str) -> dict[str, Any]:
    value = row.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(name, "an object")
    return value


def stored_mapping(row: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object that a JSON column of each database accepts."""
    value = mapping(row, name)
    written = json.dumps(value, ensure_ascii=False)
    clean(written.replace("\\u0000", "\x00"))
    if len(written) > MAX_STORED:
        raise RefusedError("too_long", f"{name} has more than {MAX_STORED} characters.")
    return value


def moment(row: dict[str, Any], name: str) -> datetime | None:
    """Return the time in this column: ISO 8601, or seconds or milliseconds since 1970.

    None if the column is empty, has another form, or means "never": .NET writes the years 1 and 9999 for
    that. In the time zone of a reader, or in UTC, such a time can be past the end of the calendar.
    """
    value = row.get(name)
    if isinstance(value, bool) or value is None or value == "":
        return None
    try:
        if isinstance(value, str) and not re.fullmatch(r"\d{9,14}", value):
            found = _parsed(value)
        else:
            number = float(value)
            seconds = number / 1000 if number > MILLISECONDS_FROM else number
            found = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return found if found and found.year in YEARS else None


def _parsed(value: str) -> datetime | None:
    text = re.sub(r"(?<=[+-]\d\d)$", ":00", value.strip())  # PostgreSQL writes +00
    found = parse_datetime(text.replace(" UTC", "Z"))
    if found is None:
        day = parse_date(text)
        found = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def name(*parts: str) -> str:
    """Return a display name of these parts, without invisible characters; '' if nothing is left."""
    return names.visible(" ".join(part for part in parts if part))[:80].strip()


def full_name(first: str, last: str) -> str:
    """Return a display name. If it is Hangul, the family name comes first and no space divides them."""
    if any("가" <= sign <= "힣" for sign in last):
        return name(last + first)
    return name(first, last)


def language(value: str) -> str:
    """Return `en` or `ko` for a language tag, or '' for another language."""
    found = re.split(r"[-_]", value.lower())[0]
    return found if found in {"en", "ko"} else ""


def identifier(value: str) -> UUID | None:
    """Return the UUID that this id is, or None."""
    try:
        return UUID(value) if re.fullmatch(r"[0-9a-fA-F-]{36}", value) else None
    except ValueError:
        return None


def provider(value: str) -> str:
    """Return our name of a provider, such as `google` for `google.com`; '' for others."""
    plain = _AFFIXES.sub("", _AFFIXES.sub("", value.lower().removeprefix("signinwith")))
    return plain if plain in PROVIDERS else ""


def totp_secret(value: str) -> str:
    """Return a TOTP secret in base32, padded. Raises `RefusedError`."""
    plain = re.sub(r"[\s=-]", "", value).upper()
    padded = plain + "=" * (-len(plain) % 8)
    try:
        raw = base64.b32decode(padded)
    except (Base64Error, ValueError) as exc:
        raise RefusedError("totp_unreadable", "The secret of the app is not base32.") from exc
    if len(raw) < MIN_SECRET_BYTES:
        raise RefusedError("totp_unreadable", "The secret of the app is too short.")
    return padded


def _wrong(name: str, wanted: str) -> RefusedError:
    return RefusedError("wrong_type", f"{name} must be {wanted}.")
