"""Define the errors of providers.

ProviderError                 the answer or token of a provider is missing, faulty or refused
├── ProviderUnavailableError  the provider gave no answer
├── TokenKindError            nobody can sign in by this kind of token of this provider
├── RefusedError              the provider answered with another status than 200
├── MalformedTokenError       the text is no token, or a token of another kind
├── UnknownKeyError           the signature names no key of the provider
├── BadSignatureError         the provider didn't sign this token
├── OtherAccountError         the person signed in there with an account that isn't this user's
└── NotAskedAgainError        the provider answered from its own session

For each, allauth's callback view shows the page that leads back to the sign-in. Every other caller
catches `ProviderError`; only `ProviderUnavailableError` has a row in `api.problems`.
"""

from typing import Any

from allauth.socialaccount.providers.base.provider import ProviderException

from accounts.errors import AccountsError


class ProviderError(AccountsError, ProviderException):
    """The answer or token of a provider proves nothing, so nobody is signed in.

    The text is the reason. It is for the log, not for the caller.
    """


class ProviderUnavailableError(ProviderError):
    """The provider gave no answer, or one that asks us to try again later."""

    code = "provider_unavailable"


class TokenKindError(ProviderError):
    """Nobody can sign in by this kind of token of this provider."""


class RefusedError(ProviderError):
    """The provider answered our call with another status than 200.

    `answer` is the JSON object in the body of that answer; {} if the body has none.
    """

    def __init__(self, status: int, answer: dict[str, Any]) -> None:
        super().__init__(f"answered {status}")
        self.answer = answer


class MalformedTokenError(ProviderError):
    """The text is no token, or a token of another kind."""


class UnknownKeyError(ProviderError):
    """The token names no key, or another algorithm than the provider signs with."""


class BadSignatureError(ProviderError):
    """The provider didn't sign this token."""


class OtherAccountError(ProviderError):
    """A proof was asked for, and the person signed in with an account that isn't this user's."""


class NotAskedAgainError(ProviderError):
    """A proof was asked for, and the provider answered from its own session, without asking."""
