"""The domain's errors.

AccountsError
├── AccountExistsError     a provider vouches for the email of an existing account
├── ConflictError          two requests wanted the same thing at the same time, and this one lost
├── DecryptionError        no configured key opens this secret
├── InactiveUserError      the account was disabled or changed while it was signing in
├── LastSuperuserError     the last administrator can't delete the account
├── RevocationsStaleError  this process cannot tell which sign-ins have ended: fail closed
├── SessionEndedError      the session was deleted while this request ran
├── SessionTooLargeError   a session grew beyond what the store takes
├── StoreUnavailableError  Redis doesn't answer, or can't make a write last
├── TooManyRequestsError   a rate limit is used up
└── ProviderError          errors of a provider; `accounts.federation.errors` has their tree
"""

from typing import ClassVar

from django.contrib.sessions.backends.base import SessionBase, UpdateError


class AccountsError(Exception):
    """Base class of the domain's errors.

    `code` never changes. Clients read it in the answer, and it selects the status and the text.
    An error without its own `code` must be caught; uncaught it is a defect.
    """

    code: ClassVar[str] = "server_error"


class AccountExistsError(AccountsError):
    """A provider vouches for the email of an existing account, whose owner must prove it first.

    `session` holds the noted link.
    """

    code = "account_exists"

    def __init__(self, session: SessionBase) -> None:
        super().__init__()
        self.session = session


class ConflictError(AccountsError):
    """Two requests wanted the same thing at the same time, and this one lost."""

    code = "conflict"


class DecryptionError(AccountsError):
    """No key of `DATA_ENCRYPTION_KEYS` opens this secret."""


class InactiveUserError(AccountsError):
    """The account was disabled while this sign-in ran, or the proof that it used has ended."""


class LastSuperuserError(AccountsError):
    """Nobody could administer the site if this account were deleted."""

    code = "last_superuser"


class RevocationsStaleError(AccountsError):
    """No poll and no sign of life from the bell has succeeded for `REVOCATION_MAX_STALE` seconds."""

    code = "store_unavailable"


class SessionEndedError(AccountsError, UpdateError):
    """The session was deleted while this request ran. Django knows it as an `UpdateError`."""

    code = "session_ended"


class SessionTooLargeError(AccountsError):
    """A view put more into the session than the store takes."""

    code = "body_too_large"


class StoreUnavailableError(AccountsError):
    """Redis doesn't answer, or no replica has the write: nobody is signed in or out."""

    code = "store_unavailable"


class TooManyRequestsError(AccountsError):
    """A rate limit is used up. `retry_seconds` is the time until it starts again, if known."""

    code = "too_many_requests"

    def __init__(self, retry_seconds: int | None = None) -> None:
        super().__init__()
        self.retry_seconds = retry_seconds
