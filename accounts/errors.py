"""Define the domain's errors.

AccountsError
├── AccountExistsError     the provider says that an existing account's email is this person's
├── ConflictError          another request did the same thing at the same time, and was first
├── CookiesBlockedError    the browser sent no session cookie after a link that sets one
├── DecryptionError        no configured key decrypts this secret
├── FormerSystemUnavailableError  the system that users come from gives no answer
├── FreshProofRequiredError  the act needs a newer proof of the sign-in
├── InactiveUserError      the account was disabled or changed while it was signing in
├── InvitedOtherEmailError  the visitor's invitation is for another email
├── LastSuperuserError     the last administrator can't delete the account
├── RevocationsStaleError  this process cannot tell which sign-ins have ended: fail closed
├── SessionEndedError      the session was deleted while this request ran
├── SessionTooLargeError   a session is larger than the store accepts
├── SignUpClosedError      nobody may sign up, or this visitor needs an invitation
├── SignUpPendingError     the password is right, and the address must be proved first
├── StoreUnavailableError  Redis doesn't answer, or no replica confirms the write
├── TooManyRequestsError   a rate limit is used up
└── ProviderError          errors of a provider; `accounts.federation.errors` has their tree
"""

from typing import ClassVar

from django.contrib.sessions.backends.base import SessionBase, UpdateError


class AccountsError(Exception):
    """Base class of the domain's errors.

    `code` never changes. Clients read it in the answer, and it selects the status and the text in
    `api.problems`. An error without its own `code` must be caught. If nobody catches it, the answer
    is a 500, because the code has a defect.
    """

    code: ClassVar[str] = "server_error"


class AccountExistsError(AccountsError):
    """The provider says that an existing account's email is this person's.

    The owner of that account must prove it first. `session` is the session that holds the link
    (`federation.linking.links`).
    """

    code = "account_exists"

    def __init__(self, session: SessionBase) -> None:
        super().__init__()
        self.session = session


class ConflictError(AccountsError):
    """Another request did the same thing at the same time, and was first."""

    code = "conflict"


class CookiesBlockedError(AccountsError):
    """The browser sent no session cookie, although the link of a mail has just set one.

    So the page behind the link can't know the link.
    """

    code = "link_needs_cookies"


class DecryptionError(AccountsError):
    """No key of `DATA_ENCRYPTION_KEYS` decrypts this secret."""


class FormerSystemUnavailableError(AccountsError):
    """The system that users come from must check this password, and gives no clear answer."""

    code = "former_system_unavailable"


class FreshProofRequiredError(AccountsError):
    """The act is sensitive, and the last proof of this sign-in is too old."""

    code = "fresh_proof_required"


class InactiveUserError(AccountsError):
    """The account was disabled or changed while it was signing in.

    Or the connection that proved this sign-in was removed meanwhile.
    """


class LastSuperuserError(AccountsError):
    """Nobody could administer the site if this account were deleted."""

    code = "last_superuser"


class NotAllowedError(AccountsError):
    """This operator may not do this to this account. The panel answers 403."""


class RevocationsStaleError(AccountsError):
    """This process cannot tell which sign-ins have ended.

    For `REVOCATION_MAX_STALE` it has neither read them from the database nor had a confirmation
    from the bell.
    """

    code = "store_unavailable"


class SessionEndedError(AccountsError, UpdateError):
    """The session was deleted while this request ran. A subclass of Django's `UpdateError`."""

    code = "session_ended"


class SessionTooLargeError(AccountsError):
    """A view put more into the session than the store accepts."""

    code = "body_too_large"


class SignUpClosedError(AccountsError):
    """Nobody may sign up at the moment, or only with an invitation (`SIGN_UP`)."""

    code = "sign_up_closed"


class InvitedOtherEmailError(SignUpClosedError):
    """This visitor opened the link of an invitation, and signs up with another email, such as a provider's."""

    code = "invited_other_email"


class SignUpPendingError(AccountsError):
    """Answer as for an account whose address was never proved (`accounts.pages.decoys`)."""


class StoreUnavailableError(AccountsError):
    """Redis doesn't answer, or too few replicas confirm a write.

    The answer is a 503, and the caller may send the request again.
    """

    code = "store_unavailable"


class TooManyRequestsError(AccountsError):
    """A rate limit is used up.

    `retry_seconds` is the number of seconds until the next attempt is allowed, or None if unknown.
    """

    code = "too_many_requests"

    def __init__(self, retry_seconds: int | None = None) -> None:
        super().__init__()
        self.retry_seconds = retry_seconds
