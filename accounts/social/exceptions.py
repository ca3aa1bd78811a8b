"""What a provider can do wrong. allauth's views turn each into the page that leads back."""

from allauth.socialaccount.providers.base.provider import ProviderException

from accounts.exceptions import AccountsError


class ProviderError(AccountsError, ProviderException):
    """What the provider said, or what was said in its name, proves nothing: nobody is signed in."""

    code = "provider_refused"


class ProviderUnavailableError(ProviderError):
    """The provider gave no answer, or one that says to come back later."""

    code = "provider_unavailable"


class TokenKindError(ProviderError):
    """This provider signs nobody in by this kind of token."""

    code = "token_kind"
