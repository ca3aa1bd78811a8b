"""Run a demo on a laptop: the site, the demo frontend and the stand-in providers."""

from io import StringIO
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from typing_extensions import override

from accounts.federation.providers.addresses import standin_client
from config import banner
from config.addresses import LOOPBACK
from config.management.commands import serve
from config.management.commands.serve import PYTHON
from config.processes import Children
from demo import accounts


class Command(serve.Command):
    """Extend the site's `serve` with demo accounts, a demo frontend and stand-in providers."""

    help = f"{serve.Command.help} Under DEMO=1 also the demo frontend and stand-in providers."

    @override
    def handle(self, **options: Any) -> None:
        if options["host"] not in LOOPBACK:
            raise CommandError(
                "DEMO=1 has accounts with public passwords and shows everybody's mail, so it listens on "
                "127.0.0.1 only. Unset DEMO, or leave out --host."
            )
        super().handle(**options)

    @override
    def ports(self) -> list[tuple[str, int]]:
        others = [settings.DEMO_PORT, *map(_port, settings.PROVIDER_STANDINS.values())]
        return [*super().ports(), *(("DEMO_PORT", port) for port in others)]

    @override
    def start_others(self, children: Children) -> None:
        call_command("seed_demo", stdout=StringIO())
        children.start(
            "The demo frontend",
            [
                *PYTHON,
                "-m",
                "demo.frontend",
                f"--port={settings.DEMO_PORT}",
                f"--api={settings.SITE_URL}",
                f"--events={settings.EVENTS_ORIGIN}",
            ],
        )
        for name, origin in settings.PROVIDER_STANDINS.items():
            children.start(f"Stand-in {name.title()}", _standin(name, origin))

    @override
    def banner(self) -> str:
        rows = [
            *banner.rows(),
            ("Caught mail", f"{settings.SITE_URL}/demo/mail/"),
            ("Webhooks", f"{settings.SITE_URL}/demo/webhooks/"),
            ("Demo frontend", f"http://localhost:{settings.DEMO_PORT}"),
        ]
        rows += [
            (f"Stand-in {name.title()}", origin)
            for name, origin in settings.PROVIDER_STANDINS.items()
        ]
        rows += [
            (f"Demo {account.role}", f"{account.email}  {account.password}")
            for account in accounts.ALL
        ]
        step = "sign up at the site, then take the code from the caught mail."
        return banner.text(rows, step=step)


def _port(origin: str) -> int:
    return urlsplit(origin).port or 0


def _standin(name: str, origin: str) -> list[str]:
    client = standin_client(name)
    return [
        *PYTHON,
        "-m",
        f"demo.{name}",
        f"--port={_port(origin)}",
        f"--client-id={client.client_id}",
        f"--client-secret={client.secret}",
        f"--redirect-uri={settings.SITE_URL}{reverse(f'{name}_callback')}",
    ]
