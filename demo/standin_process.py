"""Parse a stand-in's command line and start it as a Django site without a database."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

from demo.consent import ConsentStandIn
from demo.ledger import Ledger
from demo.oauth_standin import Client
from demo.process import port_number, refuse_unless_demo, serve, web_origin

LOGGING: dict[str, object] = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"django.request": {"handlers": ["stderr"], "level": "ERROR"}},
}
LONGEST_CODE_SECONDS = 3600
Maker = Callable[[Client, Ledger, str], ConsentStandIn]


def redirect_uri(text: str) -> str:
    """Return the URI if it is absolute and has no fragment (RFC 6749 §3.1.2).

    Raises `ArgumentTypeError` otherwise, and for characters that would be unsafe in the consent page's
    Content-Security-Policy.
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    unsafe = any(not character.isprintable() or character in " \"'<>;,\\" for character in text)
    if not parts.scheme or not (parts.netloc or parts.path) or "#" in text or unsafe:
        raise argparse.ArgumentTypeError(f"{text!r} is not an absolute URI without a fragment")
    return text


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= LONGEST_CODE_SECONDS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds (up to {LONGEST_CODE_SECONDS})"
        )
    return value


def not_empty(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def parser_for(name: str, *, port: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m demo.{name.lower()}",
        description=f"Local stand-in for {name}'s OAuth server. Runs only with DEMO=1.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=port_number, default=port, help="port to listen on (%(default)s)"
    )
    parser.add_argument(
        "--origin", type=web_origin, help="own public origin (http://localhost:PORT)"
    )
    parser.add_argument("--client-id", type=not_empty, required=True)
    parser.add_argument("--client-secret", type=not_empty, required=True)
    parser.add_argument(
        "--redirect-uri",
        type=redirect_uri,
        action="append",
        required=True,
        help="may be given more than once",
    )
    parser.add_argument(
        "--code-seconds", type=seconds, default=60.0, help="life of a code (%(default)s)"
    )
    return parser


def run(name: str, arguments: argparse.Namespace, make: Maker, *, token_seconds: int) -> NoReturn:
    refuse_unless_demo(f"demo.{name.lower()}")
    origin = arguments.origin or f"http://localhost:{arguments.port}"
    client = Client(arguments.client_id, arguments.client_secret, frozenset(arguments.redirect_uri))
    ledger = Ledger(code_seconds=arguments.code_seconds, token_seconds=token_seconds)
    settings.configure(
        ALLOWED_HOSTS=["*"],  # safe: the origin is an argument, and no answer uses the Host header
        LOGGING=LOGGING,
        LANGUAGES=[("en", "English"), ("ko", "한국어")],
        MIDDLEWARE=["demo.pages.safe_headers", "demo.misbehaviour.committed"],
        ROOT_URLCONF=make(client, ledger, origin),
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [Path(__file__).parent / "templates"],
            }
        ],
    )
    django.setup(set_prefix=False)
    serve(
        WSGIHandler(),
        host=arguments.host,
        port=arguments.port,
        line=f"Stand-in {name}: {origin} (no real accounts)",
    )
