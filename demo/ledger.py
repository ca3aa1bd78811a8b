"""Keep a stand-in's open consents, codes, tokens and the people who agreed, in memory."""

import math
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from demo.oauth_standin import AuthorizeRequest, Identity, proves

MAX_REMEMBERED = 1000
CONSENT_SECONDS = 600


@dataclass(frozen=True)
class Grant:
    request: AuthorizeRequest
    identity: Identity


@dataclass(frozen=True)
class Issued:
    access_token: str
    refresh_token: str
    grant: Grant


class Refusal(Enum):
    """The reason why a code was refused."""

    UNKNOWN_CODE = "unknown, expired or already used"
    REDIRECT_URI = "redirect_uri differs from the authorisation request's"
    NO_VERIFIER = "code_verifier missing"
    VERIFIER = "code_verifier does not match"


T = TypeVar("T")


class Shelf(Generic[T]):
    """Keep the newest thousand values, each under a random key and with its own lifetime."""

    def __init__(self) -> None:
        self.entries: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def put(self, value: T, *, seconds: float, key: str = "") -> str:
        key = key or secrets.token_urlsafe(32)
        self.entries[key] = (time.monotonic() + seconds, value)
        while len(self.entries) > MAX_REMEMBERED:
            self.entries.popitem(last=False)
        return key

    def get(self, key: str) -> T | None:
        expires_at, value = self.entries.get(key, (0.0, None))
        return value if time.monotonic() < expires_at else None

    def take(self, key: str) -> T | None:
        value = self.get(key)
        self.entries.pop(key, None)
        return value

    def seconds_left(self, key: str) -> int:
        return max(0, int(self.entries[key][0] - time.monotonic())) if key in self.entries else 0


class Ledger:
    """The consents, codes and tokens of one stand-in.

    Every method holds the same lock, so that of two requests at once only one redeems a code.
    """

    def __init__(self, *, code_seconds: float, token_seconds: float) -> None:
        self.code_seconds = code_seconds
        self.token_seconds = token_seconds
        self.lock = threading.RLock()
        self.asked: Shelf[AuthorizeRequest] = Shelf()
        self.codes: Shelf[Grant] = Shelf()
        self.spent: Shelf[Issued] = Shelf()
        self.tokens: Shelf[Issued] = Shelf()
        self.agreed: Shelf[Identity] = Shelf()
        self.ended: list[str] = []

    def ask(self, request: AuthorizeRequest) -> str:
        with self.lock:
            return self.asked.put(request, seconds=CONSENT_SECONDS)

    def answer(self, request_id: str) -> AuthorizeRequest | None:
        with self.lock:
            return self.asked.take(request_id)

    def grant(self, request: AuthorizeRequest, identity: Identity) -> str:
        with self.lock:
            self.agreed.put(identity, seconds=math.inf, key=identity.subject)
            return self.codes.put(Grant(request, identity), seconds=self.code_seconds)

    def redeem(
        self, code: str, *, client_id: str, redirect_uri: str | None, verifier: str
    ) -> Issued | Refusal:
        """Exchange a code for tokens, or return the reason of the refusal.

        Each code has one attempt: a failed attempt spends it, too. A replay revokes the access
        token that the code was exchanged for (RFC 6749 §4.1.2). Pass None as `redirect_uri` for
        providers whose token endpoint has no such parameter.
        """
        with self.lock:
            grant = self.codes.take(code)
            if grant is None or grant.request.client_id != client_id:
                if replayed := self.spent.get(code):
                    self.tokens.take(replayed.access_token)
                return Refusal.UNKNOWN_CODE
            if redirect_uri is not None and grant.request.redirect_uri != redirect_uri:
                return Refusal.REDIRECT_URI
            if not verifier:
                return Refusal.NO_VERIFIER
            if not proves(verifier, grant.request.code_challenge):
                return Refusal.VERIFIER
            issued = self.issue(grant)
            self.spent.put(issued, seconds=self.token_seconds, key=code)
            return issued

    def issue(self, grant: Grant) -> Issued:
        with self.lock:
            issued = Issued(secrets.token_urlsafe(48), secrets.token_urlsafe(48), grant)
            self.tokens.put(issued, seconds=self.token_seconds, key=issued.access_token)
            return issued

    def bearer(self, access_token: str) -> tuple[Issued, int] | None:
        """Return the token pair and the seconds left of this access token; None if it ended."""
        with self.lock:
            issued = self.tokens.get(access_token)
            return (issued, self.tokens.seconds_left(access_token)) if issued else None

    def issued_as(self, token: str) -> Issued | None:
        """Return the valid pair that this token, of either kind, belongs to."""
        with self.lock:
            living = (self.tokens.get(key) for key in list(self.tokens.entries))
            return next(
                (one for one in living if one and token in {one.access_token, one.refresh_token}),
                None,
            )

    def revoke(self, token: str) -> bool:
        """End a pair of tokens by either of them (RFC 7009 §2.1).

        Returns False if none was valid.
        """
        with self.lock:
            ended = [
                key
                for key, (_, one) in self.tokens.entries.items()
                if token in {key, one.refresh_token}
            ]
            live = [key for key in ended if self.tokens.take(key) is not None]
            return bool(live)

    def revoke_all_of(self, subject: str) -> None:
        """Forget this person's consent, end all their tokens and note that the connection has ended."""
        with self.lock:
            self.agreed.take(subject)
            self.ended = [*self.ended, subject][-MAX_REMEMBERED:]
            for key, (_, issued) in list(self.tokens.entries.items()):
                if issued.grant.identity.subject == subject:
                    self.tokens.take(key)
