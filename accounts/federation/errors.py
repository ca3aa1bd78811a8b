"""What a provider can do wrong. allauth's views turn each into the page that leads back."""

from typing import Any

from allauth.socialaccount.providers.base.provider import ProviderException

from accounts.errors import AccountsError


class ProviderError(AccountsError, ProviderException):
    """What the provider said, or what was said in its name, proves nothing: nobody is signed in."""

    code = "provider_refused"


class ProviderUnavailableError(ProviderError):
    """The provider gave no answer, or one that says to come back later."""

    code = "provider_unavailable"


class TokenKindError(ProviderError):
    """This provider signs nobody in by this kind of token."""

    code = "token_kind"


class RefusedError(ProviderError):
    """The provider answered our call with a status that isn't 200. `answer`: its JSON object, or {}."""

    def __init__(self, status: int, answer: dict[str, Any]) -> None:
        super().__init__(f"answered {status}")
        self.answer = answer


class MalformedTokenError(ProviderError):
    """No token at all, or one of another kind."""


class UnknownKeyError(ProviderError):
    """Signed by a key, or in a way, that the provider doesn't sign with."""


class BadSignatureError(ProviderError):
    """Not what the provider signed."""
