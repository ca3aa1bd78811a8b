"""What a provider can do wrong.

ProviderError                 the provider's word, or a word in its name, proves nothing
├── ProviderUnavailableError  the provider gave no answer
├── TokenKindError            this provider signs nobody in by this kind of token
├── RefusedError              the provider answered with a status that isn't 200
├── MalformedTokenError       no token at all, or one of another kind
├── UnknownKeyError           the signature names no key of the provider's
├── BadSignatureError         the provider didn't sign this
├── OtherAccountError         the person signed in there with an account that isn't this user's
└── NotAskedAgainError        the provider answered from its own session

allauth's callback view answers each with the page that leads back to the sign-in. Every other
caller catches `ProviderError`; only `ProviderUnavailableError` has an answer of its own.
"""

from typing import Any

from allauth.socialaccount.providers.base.provider import ProviderException

from accounts.errors import AccountsError


class ProviderError(AccountsError, ProviderException):
    """The provider's word, or a word in its name, proves nothing: nobody is signed in."""


class ProviderUnavailableError(ProviderError):
    """The provider gave no answer, or one that says to come back later."""

    code = "provider_unavailable"


class TokenKindError(ProviderError):
    """This provider signs nobody in by this kind of token."""


class RefusedError(ProviderError):
    """The provider answered our call with a status that isn't 200. `answer`: its JSON object, or {}."""

    def __init__(self, status: int, answer: dict[str, Any]) -> None:
        super().__init__(f"answered {status}")
        self.answer = answer


class MalformedTokenError(ProviderError):
    """No token at all, or one of another kind."""


class UnknownKeyError(ProviderError):
    """The signature names no key, or no algorithm, that the provider signs with."""


class BadSignatureError(ProviderError):
    """The provider didn't sign this."""


class OtherAccountError(ProviderError):
    """A proof was asked for, and the person signed in with an account that isn't this user's."""


class NotAskedAgainError(ProviderError):
    """A proof was asked for, and the provider answered from its own session, without asking."""
