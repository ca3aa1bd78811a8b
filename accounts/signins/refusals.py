"""Limit refused refreshes: of one token that we signed, or of one network. A good one costs nothing.

A signature has 256 bits and is quickly checked, so nobody guesses one, and a refusal can be counted
afterwards. A good token is never refused for what others behind its address did. A bad token that we
signed counts for itself, so that one broken client doesn't use up the limit of its network.
"""

import time

from structlog import get_logger

from accounts.errors import TooManyRequestsError
from accounts.store import counters
from accounts.store.outage import STORE_ERRORS

log = get_logger()

MOST_REMEMBERED = 10_000

_full: dict[str, float] = {}
"""Tokens that this process refuses without asking the database, and until when."""


def check(token: str) -> None:
    """Raise `TooManyRequestsError` if this token was refused too often. Asks only this process."""
    left = _full.get(token, 0) - time.time()
    if left > 0:
        raise TooManyRequestsError(int(left) + 1)


def count(token: str, *, network: str) -> None:
    """Count a refusal. `token` names a token that we signed; '' is any other text.

    Raises `TooManyRequestsError` if there were too many. Fails open without Redis: the token stays
    refused.
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
