"""What can go wrong in `accounts`.

AccountsError
├── DecryptionError        no configured key opens this secret
├── InactiveUserError      the account was disabled or changed while it was signing in
├── RevocationsStaleError  nobody can tell which sign-ins have ended: fail closed
├── SessionTooLargeError   a session grew beyond what the store takes
└── StoreUnavailableError  Redis doesn't answer, or can't make a write last
"""


class AccountsError(Exception):
    """Base of the domain's errors. `code` is stable: the API shows it."""

    code = "accounts_error"


class DecryptionError(AccountsError):
    """No key of `DATA_ENCRYPTION_KEYS` opens this secret."""

    code = "decryption_failed"


class InactiveUserError(AccountsError):
    """The account was disabled while this sign-in was under way, or what it was proved by ended."""

    code = "user_inactive"


class RevocationsStaleError(AccountsError):
    """Neither database nor bell has been heard for `REVOCATION_MAX_STALE` seconds."""

    code = "revocations_stale"


class SessionTooLargeError(AccountsError):
    """Something put too much into a session: a defect, not the visitor's doing."""

    code = "session_too_large"


class StoreUnavailableError(AccountsError):
    """Redis doesn't answer, or no replica has what was written: nobody is signed in or out."""

    code = "store_unavailable"
