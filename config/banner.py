"""Format the table that `serve` prints: the addresses, and a suggested next step."""

import urllib.error
import urllib.request

from django.conf import settings


def site_answers() -> bool:
    """Return True if the site is ready. Asks `/readyz` over loopback, as a load balancer does."""
    return _answers(settings.PORT, "/readyz")


def events_answer() -> bool:
    """Return True if the process of `/events` is up."""
    return _answers(settings.EVENTS_PORT, "/livez")


def _answers(port: int, path: str) -> bool:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Host": settings.ALLOWED_HOSTS[0]}
    )
    try:
        with urllib.request.urlopen(request, timeout=2) as response:  # noqa: S310
            return bool(response.status == 200)  # noqa: PLR2004
    except (urllib.error.URLError, OSError):
        return False


def rows() -> list[tuple[str, str]]:
    """Return pairs of a name and a value: the site's addresses, and the policy for second factors."""
    site = settings.SITE_URL
    found = [("Site", site), ("Admin", f"{site}/admin/"), ("API docs", f"{site}/api/docs/")]
    if settings.DEMO and settings.MFA_REQUIRED_FOR == "nobody":
        found.append(("Second step", "not required; make run MFA_REQUIRED_FOR=staff requires it"))
    return found


def text(rows: list[tuple[str, str]], *, step: str) -> str:
    """Return these rows as a table, with `step` as the suggested next step."""
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {value}" for name, value in rows]
    rule = "─" * max(len(line) for line in lines)
    return "\n".join(
        [
            "",
            f"  {settings.SITE_NAME} is running. Ctrl-C stops it.",
            rule,
            *lines,
            rule,
            f"  Next: {step}",
            "",
        ]
    )
