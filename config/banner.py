"""The table that `make run` prints: where everything is, who can sign in, what to try first."""

import urllib.error
import urllib.request

from django.conf import settings

from config import demo_accounts


def site_answers() -> bool:
    """Is the site ready? Asks over loopback, as a load balancer would."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{settings.PORT}/readyz", headers={"Host": settings.ALLOWED_HOSTS[0]}
    )
    try:
        with urllib.request.urlopen(request, timeout=2) as response:  # noqa: S310
            return bool(response.status == 200)  # noqa: PLR2004
    except (urllib.error.URLError, OSError):
        return False


def text() -> str:
    """The table, with one suggested next step."""
    site = settings.SITE_URL
    rows = [
        ("Site", site),
        ("Admin", f"{site}/admin/"),
        ("API docs", f"{site}/api/docs/"),
    ]
    if settings.DEMO:
        rows += [
            ("Caught mail", f"{site}/demo/mail/"),
            ("Demo frontend", f"http://localhost:{settings.DEMO_PORT}"),
            *(
                (f"Stand-in {name.title()}", origin)
                for name, origin in settings.PROVIDER_STANDINS.items()
            ),
            *(
                (f"Demo {account.role}", f"{account.email}  {account.password}")
                for account in demo_accounts.ALL
            ),
        ]
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {value}" for name, value in rows]
    rule = "─" * max(len(line) for line in lines)
    step = (
        "sign up at the site, then take the code from the caught mail."
        if settings.DEMO
        else "open the site."
    )
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
