"""Check how long rows are kept, and that `/metrics` answers."""

import http.client
import ipaddress

from django.conf import settings

from config import retention
from config.metrics import serving
from doctor.findings import Area, Check, Finding, error, ok, skipped, warning
from doctor.http import ask

PROCESSES = "munjigi_processes{"
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - an address that somebody set
"""Addresses to listen on that nobody can call, each with the one to call instead."""


def area(*, seconds: float) -> Area:
    return Area((Check("retention", kept), Check("metrics", lambda: metrics(seconds=seconds))))


def kept() -> Finding:
    """Tell how long each kind of row is kept."""
    if fault := retention.dormancy_fault():
        return error(f"DORMANT_ACCOUNT_DAYS: {fault}", "Set more days, such as 365, or 0.")
    return ok("; ".join(f"{rule.name}: {rule.says()}" for rule in retention.RULES))


def metrics(*, seconds: float) -> Finding:
    """Check that the port answers, and count the processes that it answers for."""
    host, port = settings.METRICS_HOST, settings.METRICS_PORT
    if not port:
        return skipped("off: METRICS_PORT is 0")
    if _is_public(host):
        return error(
            f"METRICS_HOST={host} is a public address, and /metrics asks for no password",
            "Use 127.0.0.1 or a private address.",
        )
    named = ANY.get(host, host)
    origin = f"http://[{named}]:{port}" if ":" in named else f"http://{named}:{port}"
    try:
        answer = ask(origin, serving.PATH, seconds=seconds)
    except (OSError, http.client.HTTPException) as exc:
        return error(
            f"{origin} doesn't answer ({type(exc).__name__})",
            "Start the site on this machine with METRICS_PORT, and look for another program there.",
        )
    running = [line for line in answer.text.splitlines() if line.startswith(PROCESSES)]
    if not running:
        return warning(
            f"{origin} answers {answer.status} without our metrics",
            "Another program has the port: choose another METRICS_PORT.",
        )
    return ok(f"{origin}: {', '.join(sorted(map(_counted, running)))}")


def _counted(line: str) -> str:
    """Return "2 site" for the line of the role `site` with the value 2."""
    role, value = line.split('"')[1], line.rsplit(maxsplit=1)[-1]
    return f"{float(value):.0f} {role}"


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:  # a name
        return False
