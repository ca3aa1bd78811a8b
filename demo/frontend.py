"""Serve a static frontend on its own origin, to show CORS at work. `python -m demo.frontend --help`."""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from demo.process import port_number, serve, web_origin

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SPA = Path(__file__).parent / "spa"
# The server serves these files only, and never opens a path from a request.
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/index.html": ("index.html", "text/html; charset=utf-8"),
    "/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/auth.js": ("auth.js", "text/javascript; charset=utf-8"),
    "/copy.js": ("copy.js", "text/javascript; charset=utf-8"),
    "/dom.js": ("dom.js", "text/javascript; charset=utf-8"),
    "/log.js": ("log.js", "text/javascript; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


def headers_for(api: str, events: str) -> list[tuple[str, str]]:
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self' {api} {events}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return [
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
        ("Cache-Control", "no-cache"),
    ]


def application_for(api: str, events: str) -> "WSGIApplication":
    headers = headers_for(api, events)

    def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path, method = environ.get("PATH_INFO", "/"), environ["REQUEST_METHOD"]
        status, content_type, body = (
            "404 Not Found",
            "text/plain; charset=utf-8",
            b"Nothing here.\n",
        )
        extra: list[tuple[str, str]] = []
        if method not in {"GET", "HEAD"}:
            status, body, extra = (
                "405 Method Not Allowed",
                b"GET and HEAD only.\n",
                [("Allow", "GET, HEAD")],
            )
        elif path == "/config.json":
            status, content_type, body = (
                "200 OK",
                "application/json",
                json.dumps({"api": api}).encode(),
            )
        elif path in FILES:
            name, content_type = FILES[path]
            status, body = "200 OK", (SPA / name).read_bytes()
        described = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        start_response(status, [*described, *extra, *headers])
        return [] if method == "HEAD" else [body]

    return application


def main() -> NoReturn:
    parser = argparse.ArgumentParser(
        prog="python -m demo.frontend", description="The demo frontend."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=port_number, default=8001, help="port to listen on (%(default)s)"
    )
    parser.add_argument(
        "--api",
        type=web_origin,
        default="http://localhost:8000",
        help="the API's origin (%(default)s)",
    )
    parser.add_argument(
        "--events",
        type=web_origin,
        default="http://localhost:8005",
        help="the origin of the API's streams (%(default)s)",
    )
    arguments = parser.parse_args()
    line = f"Frontend: http://localhost:{arguments.port} (API: {arguments.api})"
    application = application_for(arguments.api, arguments.events)
    serve(application, host=arguments.host, port=arguments.port, line=line)


if __name__ == "__main__":
    main()
