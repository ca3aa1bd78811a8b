"""Call another site: a deadline for the whole call, a limit of bytes, no redirects.

`get` and `post` call a provider, which has five seconds and answers by a small JSON object. `get_text` calls
a list of leaked passwords.

`accounts.outward` makes the call in a separate thread. `outage` limits these threads, so that a provider
that hangs cannot use up the process.
"""

import json
import re
import time
from http import HTTPStatus
from typing import Any, NoReturn

import requests
from requests.models import PreparedRequest
from urllib3.exceptions import HTTPError, ReadTimeoutError

from accounts import outward
from accounts.federation.errors import ProviderError, ProviderUnavailableError, RefusedError
from accounts.federation.wire import outage

TOTAL_SECONDS = 5.0
MAX_BYTES = outward.MAX_BYTES
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
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return _object_in(*_call("GET", url, headers=headers))


def get_text(url: str, *, site: str, headers: dict[str, str], seconds: float, most: int) -> str:
    """Return the text at this address, of at most `most` bytes.

    `site` is the part of the address that is the same in all calls: `outage` counts its time-outs. Raises
    as `get` does; the wait for a free thread is part of the `seconds`.
    """
    status, body = _call("GET", url, headers=headers, site=site, seconds=seconds, most=most)
    if status != HTTPStatus.OK:
        raise ProviderError(f"answered {status}")
    return body.decode(errors="replace")


def post(url: str, form: dict[str, str], *, authorization: str = "") -> dict[str, Any]:
    """Send this form and return the JSON object of the answer; {} without a body (RFC 7009 §2.2).

    Raises as `get` does.
    """
    headers = {"Authorization": authorization} if authorization else {}
    return _object_in(*_call("POST", url, headers=headers, form=form))


def _call(  # noqa: PLR0913 - what a call is made of
    method: str,
    url: str,
    *,
    headers: dict[str, str],
    form: dict[str, str] | None = None,
    site: str = "",
    seconds: float | None = None,
    most: int = MAX_BYTES,
) -> tuple[int, bytes]:
    """Return the status and the body."""
    if seconds is None:
        call, seconds = outage.begin(url), TOTAL_SECONDS
    else:
        deadline = time.monotonic() + seconds
        call = outage.begin(site, patience=seconds)
        seconds = max(deadline - time.monotonic(), 0.001)

    try:
        received = outward.within(
            seconds,
            lambda: _read(method, url, headers, form, seconds, most),
            name="provider-call",
            at_end=call.leave,
        )
    except outward.NoThreadError as exc:
        call.failed(timed_out=False)
        call.leave()
        raise ProviderUnavailableError("no thread is left for the call") from exc
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
    return received


def _read(  # noqa: PLR0913, PLR0917 - what a call is made of
    method: str,
    url: str,
    headers: dict[str, str],
    form: dict[str, str] | None,
    seconds: float,
    most: int,
) -> tuple[int, bytes]:
    deadline = time.monotonic() + seconds
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
        try:
            return response.status_code, outward.read(response.raw, most=most, deadline=deadline)
        except outward.TooLargeError as exc:
            raise ProviderError("the answer is too large") from exc


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
