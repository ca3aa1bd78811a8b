"""Call a provider: five seconds in all, a small JSON object, no redirects.

The `timeout` of requests bounds each wait for the next bytes, so a server that sends one byte every
few seconds could hold its caller for hours. Here a separate thread makes the call, and the caller
stops waiting when the time is up. `outage` limits these threads, so that a provider that hangs cannot
use up the process.
"""

import json
import re
import threading
import time
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any, NoReturn

import requests
from requests.models import PreparedRequest
from urllib3.exceptions import HTTPError, ReadTimeoutError

from accounts.federation.errors import ProviderError, ProviderUnavailableError, RefusedError
from accounts.federation.wire import outage

TOTAL_SECONDS = 5.0
MAX_BYTES = 64 * 1024
BEARER = re.compile(r"[A-Za-z0-9._~+/-]{1,4096}=*")  # RFC 6750 §2.1
COME_BACK_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


def is_bearer(token: str) -> bool:
    """Return True if this token is safe to send in a header.

    An app may send any text as its token.
    """
    return BEARER.fullmatch(token) is not None


def get(url: str, *, bearer: str = "") -> dict[str, Any]:
    """Return the JSON object at this address; {} if the answer has no body.

    Raises `RefusedError` if the status isn't 200, `ProviderUnavailableError` for no answer within
    `TOTAL_SECONDS`, and `ProviderError` for any other answer.
    """
    return _call("GET", url, headers={"Authorization": f"Bearer {bearer}"} if bearer else {})


def post(url: str, form: dict[str, str], *, authorization: str = "") -> dict[str, Any]:
    """Send this form and return the JSON object of the answer; {} without a body (RFC 7009 §2.2).

    Raises as `get` does.
    """
    headers = {"Authorization": authorization} if authorization else {}
    return _call("POST", url, headers=headers, form=form)


def _call(
    method: str,
    url: str,
    *,
    headers: dict[str, str] | None = None,
    form: dict[str, str] | None = None,
) -> dict[str, Any]:
    seconds = TOTAL_SECONDS
    answer: Future[tuple[int, bytes]] = Future()
    call = outage.begin(url)

    def run() -> None:
        try:
            answer.set_result(_read(method, url, headers or {}, form, seconds))
        except BaseException as exc:  # noqa: BLE001 - raised in the caller's thread
            answer.set_exception(exc)
        finally:
            call.leave()

    try:
        threading.Thread(target=run, name="provider-call", daemon=True).start()
    except RuntimeError as exc:
        call.failed(timed_out=False)
        call.leave()
        raise ProviderUnavailableError("no thread is left for the call") from exc
    try:
        status, body = answer.result(timeout=seconds)
    except (TimeoutError, requests.Timeout, ReadTimeoutError) as exc:
        call.failed(timed_out=True)
        raise ProviderUnavailableError("no answer in time") from exc
    except (requests.RequestException, HTTPError, OSError) as exc:
        call.failed(timed_out=False)
        raise ProviderUnavailableError(f"the call failed: {type(exc).__name__}") from exc
    except ProviderError:  # an answer, though none that we read to its end
        call.answered()
        raise
    call.answered()
    return _object_in(status, body)


def _read(
    method: str, url: str, headers: dict[str, str], form: dict[str, str] | None, seconds: float
) -> tuple[int, bytes]:
    deadline = time.monotonic() + seconds
    body = bytearray()
    with (
        requests.Session() as session,
        session.request(
            method,
            url,
            data=form,
            # Unpacked, a small body may be huge.
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
            auth=_as_it_is,
            timeout=seconds,
            allow_redirects=False,
            stream=True,
        ) as response,
    ):
        while chunk := response.raw.read1(MAX_BYTES):
            body += chunk
            if len(body) > MAX_BYTES:
                raise ProviderError("the answer is too large")
            if time.monotonic() > deadline:
                raise TimeoutError
        return response.status_code, bytes(body)


def _as_it_is(request: PreparedRequest) -> PreparedRequest:
    """Return the request unchanged.

    Without any `auth`, requests would replace our Bearer token by a password from ~/.netrc.
    """
    return request


def _object_in(status: int, body: bytes) -> dict[str, Any]:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in COME_BACK_LATER:
        raise ProviderUnavailableError(f"answered {status}")
    if status != HTTPStatus.OK:
        raise _refusal(status, body)
    return _parsed(body) if body else {}


def _refusal(status: int, body: bytes) -> RefusedError:
    try:
        return RefusedError(status, _parsed(body))
    except ProviderError:
        return RefusedError(status, {})


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        raise ProviderError("the answer isn't JSON") from exc
    if not isinstance(answer, dict):
        raise ProviderError("the answer isn't an object")
    return answer


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
