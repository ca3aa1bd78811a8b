"""Serve `/events`: server-sent events about the visitor's sign-ins (ASGI).

A browser opens a stream by its session cookie; a client with a Bearer token, by a ticket in the query
(`accounts.live.tickets`). `config.asgi` runs this in a process of its own, without Django's middleware:
a stream waits for hours, and a thread for each would cost too much.

Refuses a page of another origin before it looks at a credential: 403. Then 401 without a valid
credential, 429 over the user's number of streams, 503 over the process's or if nobody can tell whether
the sign-in goes on.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import parse_qs
from uuid import uuid4

from django.conf import settings
from django.db import DatabaseError, connections
from django.http import parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils.http import http_date
from structlog import get_logger
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from accounts import cookies
from accounts.bell import bell
from accounts.errors import RevocationsStaleError
from accounts.live import visitors
from accounts.live.hub import FullError, Hub, TooManyStreamsError
from accounts.live.visitors import Visitor
from accounts.live.watching import Watch, recheck
from accounts.store.outage import STORE_ERRORS
from api import problems
from api.problems import Problem

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = dict[str, str]
T = TypeVar("T")

PATH = "/events"
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
CHECKING_THREADS = 4
"""Connections to the database that visitors who connect may use at the same time."""
OUTAGES = (*STORE_ERRORS, DatabaseError, RevocationsStaleError)
TOO_MANY = replace(problems.TOO_MANY_REQUESTS, retry_seconds=60)
FULL = replace(problems.STORE_UNAVAILABLE, retry_seconds=30)

log = get_logger()

hub = Hub(recheck=recheck)
"""The streams of this process."""
watch = Watch(hub, bell)
_threads = ThreadPoolExecutor(CHECKING_THREADS, "visitors")


class Refused(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, problem: Problem, **headers: str) -> None:
        super().__init__(problem.code)
        self.problem, self.headers = problem, headers


def begin() -> None:
    """Listen to the bell. Call in the event loop, before the first stream."""
    hub.forget()
    watch.begin(asyncio.get_running_loop())
    bell.start()


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request for `PATH`."""
    headers = headers_of(scope)
    cors = _cors(headers)
    clear_contextvars()
    bind_contextvars(request_id=_request_id(headers))
    try:
        examine(scope, headers)
        await _stream(scope, headers, cors, receive, send)
    except Refused as refusal:
        log.warning("events_refused", reason=refusal.problem.code)
        await refuse(send, refusal.problem, {**cors, **refusal.headers})


async def _stream(
    scope: Scope, headers: Headers, cors: Headers, receive: Receive, send: Send
) -> None:
    try:
        hub.reserve()
    except FullError as error:
        raise Refused(FULL) from error
    try:
        visitor = await _visitor(scope, headers)
        try:
            stream = hub.add(visitor, send)
        except TooManyStreamsError as error:
            raise Refused(TOO_MANY) from error
        try:
            hub.first(stream, resync="last-event-id" in headers)
            # After `add`: an end that was told before is in this process's memory.
            if await _in_thread(partial(visitors.has_ended, visitor)):
                raise Refused(problems.SESSION_ENDED)
            await send(start(HTTPStatus.OK, {**cors, **STREAM_HEADERS}))
            stream.open()
            log.info("events_opened", sid=str(visitor.sid), user_id=str(visitor.user_id))
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            hub.remove(stream)
    finally:
        hub.release()


def _request_id(headers: Headers) -> str:
    """Return the caller's id if it is safe in log lines, as `RequestIdMiddleware` does, or a new one."""
    asked = headers.get("x-request-id", "")
    return asked if REQUEST_ID.fullmatch(asked) else str(uuid4())


STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Connection": "close",
    # For nginx without our configuration: pass each event on at once.
    "X-Accel-Buffering": "no",
}


# Refusals before the credential


def examine(scope: Scope, headers: Headers) -> None:
    """Raise `Refused` unless the request may have a stream, apart from its credential."""
    if scope["method"] != "GET":
        raise Refused(
            replace(
                problems.METHOD_NOT_ALLOWED,
                detail=str(problems.METHOD_NOT_ALLOWED.detail).format(method=scope["method"][:16]),
            ),
            Allow="GET",
        )
    host, _ = split_domain_port(headers.get("host", ""))
    if not host or not validate_host(host, settings.ALLOWED_HOSTS):
        raise Refused(problems.BAD_REQUEST)
    if settings.SECURE_SSL_REDIRECT and headers.get("x-forwarded-proto") != "https":
        raise Refused(problems.HTTPS_REQUIRED)
    origin = headers.get("origin")
    if origin is None:
        # A browser leaves it out for the page's own origin, and for an <img> of any other.
        if headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
            raise Refused(problems.ORIGIN_REFUSED)
    elif origin not in _origins():
        raise Refused(problems.ORIGIN_REFUSED)


def _origins() -> set[str]:
    return {settings.SITE_URL, *settings.FRONTEND_ORIGINS}


def _cors(headers: Headers) -> Headers:
    """Let the site's own pages, on another port, and its frontends read the answer."""
    origin = headers.get("origin", "")
    if origin not in _origins():
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }


# The credential


async def _visitor(scope: Scope, headers: Headers) -> Visitor:
    """Return the visitor. Raises `Refused`.

    A ticket counts before a cookie: the client chose it. A bad ticket doesn't fall back to the cookie.
    """
    tickets = _tickets(scope["query_string"])
    if tickets:
        find = partial(visitors.by_ticket, tickets[0] if len(tickets) == 1 else "")
    else:
        sent = parse_cookie(cookies.named_plainly(headers.get("cookie", "")))
        key = sent.get(settings.SESSION_COOKIE_NAME)
        if not key:
            raise Refused(replace(problems.NOT_AUTHENTICATED, challenge=problems.REALM))
        find = partial(visitors.by_cookie, key)
    visitor = await _in_thread(find)
    if visitor is None:
        raise Refused(problems.INVALID_TOKEN if tickets else problems.SESSION_ENDED)
    return visitor


def _tickets(query: bytes) -> list[str]:
    try:
        return parse_qs(query.decode("latin-1"), max_num_fields=10).get("ticket", [])
    except ValueError as error:
        raise Refused(problems.BAD_REQUEST) from error


async def _in_thread(ask: Callable[[], T]) -> T:
    """Return the result of a call that may wait for the database or for Redis. Raises `Refused`."""
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, _apart, ask)
    except OUTAGES as error:
        raise Refused(problems.STORE_UNAVAILABLE) from error


def _apart(ask: Callable[[], T]) -> T:
    try:
        return ask()
    finally:
        connections.close_all()


# Answers


async def refuse(send: Send, problem: Problem, headers: Headers | None = None) -> None:
    """Answer with problem details (RFC 9457)."""
    body = json.dumps(problems.body(problem)).encode()
    found = {**problems.headers(problem), **(headers or {})}
    found |= {"Content-Type": problems.CONTENT_TYPE, "Content-Length": str(len(body))}
    await send(start(problem.status, found))
    await send({"type": "http.response.body", "body": body})


def start(status: int, headers: Headers) -> dict[str, Any]:
    """Return the message that begins an answer, with the headers of every answer."""
    always = {**settings.SECURITY_HEADERS, "Cache-Control": "no-store", "Date": http_date()}
    if request_id := get_contextvars().get("request_id"):
        always["X-Request-ID"] = request_id
    return {
        "type": "http.response.start",
        "status": int(status),
        "headers": [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in {**always, **headers}.items()
        ],
    }


def headers_of(scope: Scope) -> Headers:
    """Return the headers by name. A repeated one, except for cookies, counts as a bad value."""
    found: Headers = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joint = "; " if name == "cookie" else ","
        found[name] = f"{found[name]}{joint}{value}" if name in found else value
    return found
