"""Find the caller's address behind reverse proxies. Knows no Django, raises nothing."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any


def client_ip(meta: Mapping[str, Any], *, trusted_proxies: int) -> str | None:
    """Return the address that the outermost trusted proxy saw, or None if there is none.

    Each proxy adds the address of its caller to the end of `X-Forwarded-For`, so entries further
    to the left are the caller's own words. An entry that is no address (`unknown`, `_hidden`, RFC
    7239 §6) says nothing: the proxy's own address counts then. `Forwarded` is ignored: a proxy that
    doesn't know it passes a forged one on.
    """
    peer = _address(str(meta.get("REMOTE_ADDR") or ""))
    header = str(meta.get("HTTP_X_FORWARDED_FOR") or "")
    if not trusted_proxies or not header.strip():
        return peer
    entries = header.split(",")
    return _address(entries[-min(trusted_proxies, len(entries))]) or peer


def _address(entry: str) -> str | None:
    """Read `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`, quoted or not."""
    text = entry.strip().strip('"').strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
