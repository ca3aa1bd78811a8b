"""Say in words where an IP address is, if the operator has a file that knows (`GEOIP_FILE`).

The file is a MaxMind database (`.mmdb`) of cities or countries: GeoLite2, DB-IP and IP2Location offer
one. Without it there are no places, and nothing else changes. No service is asked.
"""

import logging
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import maxminddb
from django.conf import settings
from django.utils.translation import get_language

log = logging.getLogger(__name__)

ERRORS = (OSError, ValueError, maxminddb.InvalidDatabaseError)


def place_of(ip: str | None) -> str:
    """Return the city and country of an address, e.g. `"Seoul, South Korea"`, or '' if unknown.

    The names are in the reader's language if the file has it, else in English. An unreadable file
    is logged, and means that no place is known: a page must not fail because of it.
    """
    if not (ip and settings.GEOIP_FILE):
        return ""
    try:
        address = str(_unmapped(ip_address(ip)))
        record = _record(settings.GEOIP_FILE, Path(settings.GEOIP_FILE).stat().st_mtime_ns, address)
    except ERRORS as exc:
        _complain(str(exc))
        return ""
    names = [_name(record.get(part)) for part in ("city", "country")]
    return ", ".join(name for name in names if name)


def fault(path: str) -> str:
    """Return what is wrong with the file, or ''. For a check at the start."""
    try:
        with maxminddb.open_database(path) as reader:
            kind = reader.metadata().database_type
    except OSError as exc:
        return f"it can't be read: {exc.strerror or exc}"
    except ERRORS:
        return "it isn't a MaxMind database"
    return (
        "" if any(word in kind for word in ("City", "Country")) else f"it is of the type {kind!r}"
    )


@lru_cache(maxsize=2)
def _reader(path: str, changed_at: int) -> maxminddb.Reader:
    return maxminddb.open_database(path)


@lru_cache(maxsize=4096)
def _record(path: str, changed_at: int, ip: str) -> dict[str, Any]:
    record = _reader(path, changed_at).get(ip)
    return record if isinstance(record, dict) else {}


@lru_cache(maxsize=16)
def _complain(fault: str) -> None:
    """Log this fault once in this process: a page may look up a hundred addresses."""
    log.warning("GEOIP_FILE can't be read: %s", fault)


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return getattr(address, "ipv4_mapped", None) or address


def _name(part: Any) -> str:
    names = part.get("names") if isinstance(part, dict) else None
    if not isinstance(names, dict):
        return ""
    language = get_language() or "en"
    return str(names.get(language) or names.get(language.split("-")[0]) or names.get("en") or "")
