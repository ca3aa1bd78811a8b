"""Describe the requests of one cell: for wrk, and for one request that checks the answer first."""

import re
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path

JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
TIMEOUT = 30


class WrongAnswerError(RuntimeError):
    """The server's answer is not the one that the cell measures."""


@dataclass(frozen=True)
class Load:
    """In `headers` and `body`, {1} and {2} stand for the columns of a line of tokens, {ip} for an address."""

    path: str
    tokens: str
    """The name of the file of tokens (see `bench.seeding.Plan`)."""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    is_once: bool = False
    """Whether each token is for one request."""
    status: int = 200
    has: tuple[str, ...] = ()
    """Texts that are in each right answer to the first token."""

    def environment(self, tokens: Path) -> dict[str, str]:
        """Return the variables that `load.lua` reads."""
        return {
            "BENCH_TOKENS": str(tokens),
            "BENCH_METHOD": self.method,
            "BENCH_HEADERS": "\n".join(f"{name}: {value}" for name, value in self.headers),
            "BENCH_BODY": self.body,
            "BENCH_ONCE": str(int(self.is_once)),
            "BENCH_STATUS": str(self.status),
        }

    def check(self, port: int, line: str) -> None:
        """Send one request. Raise `WrongAnswerError` if its answer has another status or other content."""
        values = dict(enumerate(line.split("\t"), 1))

        def filled(text: str) -> str:
            named = {str(number): value for number, value in values.items()} | {"ip": "10.255.0.1"}
            return re.sub(r"{(\w+)}", lambda found: named.get(found[1], found[0]), text)

        connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        try:
            headers = {name: filled(value) for name, value in self.headers}
            connection.request(self.method, self.path, filled(self.body) or None, headers)
            answer = connection.getresponse()
            self.compare(answer.status, answer.read().decode(errors="replace"))
        finally:
            connection.close()

    def compare(self, status: int, text: str) -> None:
        missing = [wanted for wanted in self.has if wanted not in text]
        if status != self.status or missing:
            raise WrongAnswerError(
                f"{self.method} {self.path} answered {status}, not {self.status}"
                f"{' without ' + ' or '.join(missing) if missing else ''}: {text[:200]!r}"
            )


def bearer(path: str, **options) -> Load:
    return _with_header(Load(path, "access", **options), "Authorization", "Bearer {1}")


def cookie(path: str, name: str, **options) -> Load:
    return _with_header(Load(path, "sessions", **options), "Cookie", name + "={1}")


def post(path: str, tokens: str, body: str, **options) -> Load:
    """Send a body: a form if it has no brace at its start, else JSON."""
    kind = JSON if body.startswith("{") and not body.startswith("{1}") else FORM
    load = Load(path, tokens, method="POST", body=body, **options)
    return _with_header(load, *kind)


def refresh(path: str, **options) -> Load:
    return post(path, "refresh", '{"refresh":"{1}"}', is_once=True, **options)


def _with_header(load: Load, name: str, value: str) -> Load:
    return replace(load, headers=((name, value), *load.headers))
