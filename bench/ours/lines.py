"""Count the lines of code that one request runs: `python -m bench lines` calls this.

Answers each request three times in this process, and traces the last time, so that what a process does only
once doesn't count. A line counts once, however often it runs. A statement counts with all its lines, an `if`
or a loop with those of its head; blank lines, comments, docstrings and the standard library don't count.
"""

import ast
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.ours.settings")

from config.wsgi import application  # isort: skip - sets Django up

from django.conf import settings
from django.core.management import call_command

from accounts.people.models import User
from accounts.signins.models import AuthSession
from api.tokens.jwts import AccessJWT, RefreshJWT
from bench.ours.seed import browser, sign_ins

SITE = Path(__file__).resolve().parents[2]
OURS = tuple(f"{SITE / room}{os.sep}" for room in ("accounts", "api", "config"))
LIBRARIES = f"{os.sep}site-packages{os.sep}"
JSON = {"CONTENT_TYPE": "application/json"}
TIMES = 3


def main() -> None:
    call_command("migrate", verbosity=0)
    user, _ = User.objects.get_or_create(email="user0@example.com")
    access = {"HTTP_AUTHORIZATION": f"Bearer {AccessJWT.for_session(_signed_in(user))}"}
    cookie = {"HTTP_COOKIE": f"{settings.SESSION_COOKIE_NAME}={browser(user)}"}

    def refresh() -> dict[str, Any]:
        return _body(refresh=str(RefreshJWT.for_session(_signed_in(user))))

    def revoke() -> dict[str, Any]:
        return _body(token=str(RefreshJWT.for_session(_signed_in(user))))

    found = {
        "`/api/verify`, Bearer": _count(lambda: _asked("/api/verify", **access), 204),
        "`/api/verify`, session cookie": _count(lambda: _asked("/api/verify", **cookie), 204),
        "`/api/me/`, Bearer": _count(lambda: _asked("/api/me/", **access)),
        "`/api/me/`, session cookie": _count(lambda: _asked("/api/me/", **cookie)),
        "refresh": _count(lambda: _posted("/api/token/refresh/", **refresh())),
        "sign-out": _count(lambda: _posted("/api/token/revoke/", **revoke())),
    }
    for name, numbers in found.items():
        sys.stdout.write(f"| {name} | {' | '.join(map(str, numbers))} |\n")


def _signed_in(user: User) -> AuthSession:
    return next(sign_ins([user], 1))


def _body(**members: str) -> dict[str, Any]:
    body = json.dumps(members).encode()
    return {**JSON, "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}


def _posted(path: str, **more: Any) -> dict[str, Any]:
    return _asked(path, REQUEST_METHOD="POST", **more)


def _asked(path: str, **more: Any) -> dict[str, Any]:
    """Return the environ of a request as Granian gives it."""
    host = settings.SITE_URL.removeprefix("http://")
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": host.split(":")[0],
        "SERVER_PORT": host.split(":")[-1],
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": host,
        "HTTP_USER_AGENT": "curl/8.1",
        "HTTP_ACCEPT": "*/*",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        **more,
    }


def _count(asked: Callable[[], dict[str, Any]], status: int = 200) -> tuple[int, int, int, int]:
    """Return the numbers of the last of these requests: lines, functions and files of ours, lines of libraries."""
    environs = [asked() for _ in range(TIMES)]
    for environ in environs[:-1]:
        _answer(environ, status)
    ran: set[tuple[str, int]] = set()
    entered: set[tuple[str, int]] = set()

    def note(frame: FrameType, event: str, _: Any) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(OURS) and LIBRARIES not in name:
            return None
        if event == "call":
            entered.add((name, frame.f_code.co_firstlineno))
        elif event == "line":
            ran.add((name, frame.f_lineno))
        return note

    sys.settrace(note)
    try:
        _answer(environs[-1], status)
    finally:
        sys.settrace(None)
    lines = {(name, line) for name, number in ran for line in _statement(name, number)}
    ours = [(name, line) for name, line in lines if name.startswith(OURS)]
    functions = sum(name.startswith(OURS) for name, _ in entered)
    return len(ours), functions, len({name for name, _ in ours}), len(lines) - len(ours)


def _answer(environ: dict[str, Any], status: int) -> None:
    given: list[str] = []
    answer = application(environ, lambda line, *_: given.append(line))
    b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    if not given[0].startswith(str(status)):
        raise SystemExit(f"{environ['PATH_INFO']} answered {given[0]}")


def _statement(name: str, number: int) -> tuple[int, ...]:
    """Return the lines of code of the innermost statement on this line."""
    return _statements(name).get(number, (number,))


@cache
def _statements(name: str) -> dict[int, tuple[int, ...]]:
    text = Path(name).read_text()
    lines = text.split("\n")
    found: dict[int, tuple[int, ...]] = {}
    for first, last in _spans(ast.parse(text)):
        code = [n for n in range(first, last + 1) if lines[n - 1].split("#")[0].strip()]
        found |= dict.fromkeys(range(first, last + 1), tuple(code))
    return found


def _spans(tree: ast.AST) -> Iterator[tuple[int, int]]:
    """Yield the first and last line of each statement, outer ones first; of a compound one, of its head."""
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            yield node.lineno, max(node.lineno, last)


if __name__ == "__main__":
    main()
