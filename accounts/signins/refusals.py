"""Limit refused refreshes. A refresh that succeeds is not counted.

- A refusal of a token that we signed counts for that token, so that one broken client doesn't use up
  the limit of its network.
- A refusal of any other text counts for the network that sent it. Good tokens from that network still
  work.

The refusal is counted after the check: a signature is too long to be guessed, and quick to check.
"""

import time

from structlog import get_logger

from accounts import metrics
from accounts.errors import TooManyRequestsError
from accounts.store import counters
from accounts.store.outage import STORE_ERRORS

log = get_logger()

MOST_REMEMBERED = 10_000

_full: dict[str, float] = {}
"""Tokens that this process refuses without asking the database, with the Unix time of the end."""


def check(token: str) -> None:
    """Raise `TooManyRequestsError` if this token was refused too often.

    Reads only the memory of this process, and counts nothing.
    """
    if is_full(token):
        metrics.RATE_LIMITED.note("refresh_token")
        raise TooManyRequestsError(int(_full[token] - time.time()) + 1)


def is_full(token: str) -> bool:
    """Return True if `check` would refuse this token."""
    return _full.get(token, 0) > time.time()


def count(token: str, *, network: str) -> None:
    """Count a refusal. `token` names a token that we signed; '' is any other text.

    Raises `TooManyRequestsError` after too many. Returns without Redis: the caller refuses the token in
    any case.
    """
    name, caller = ("refresh_token", token) if token else ("refresh", network)
    try:
        seconds = counters.take([(counters.limit(name), caller)], is_patient=False)
    except STORE_ERRORS:
        log.warning("rate_limits_off", reason="Redis doesn't answer")
        return
    if not seconds:
        return
    log.warning("rate_limited", limit=name)
    if token:
        if len(_full) >= MOST_REMEMBERED:
            _full.clear()
        _full[token] = time.time() + seconds
    raise TooManyRequestsError(seconds)
