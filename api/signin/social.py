"""Sign an API client in by a provider's token in one call, through allauth's login pipeline.

If the pipeline needs more than one call, the code here notices before it saves or mails anything,
and before the token counts as used. So the client can still send the token to the headless API,
which has all steps.
"""

import logging
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.http import HttpRequest
from rest_framework.serializers import ErrorDetail, ValidationError

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import LoginFailure
from accounts.errors import AccountExistsError, ConflictError, InactiveUserError
from accounts.federation import limits
from accounts.federation.errors import ProviderError, ProviderUnavailableError, TokenKindError
from accounts.federation.linking import link_tokens, links
from accounts.federation.linking.links import Link
from accounts.federation.profile import Proof
from accounts.federation.providers.base import StrictProvider
from accounts.federation.wire import replay
from accounts.pages import claims
from accounts.people.models import User
from accounts.request import client_of
from accounts.signins.models import AuthSession
from api.exceptions import (
    AccountExists,
    ProviderEmailUnverified,
    ProviderLoginIncomplete,
    ProviderTokenRefused,
)
from api.signin import second_step
from api.signin.apart import session_apart

log = logging.getLogger(__name__)


def with_token(request: HttpRequest, *, provider: str, token: dict[str, str]) -> AuthSession:
    """Open a sign-in by this token and return its row.

    `token` has `id_token`, `access_token` and `nonce`; '' if left out. Raises
    `ProviderTokenRefused`, `ProviderUnavailableError`, `ProviderEmailUnverified`, `AccountExists`,
    `MfaRequired`, `ProviderLoginIncomplete`, `ConflictError` or `TooManyRequestsError`; DRF's
    `ValidationError` for a kind of token that
    proves nothing; `STORE_ERRORS` if Redis is down.
    """
    with session_apart(request):
        asked: StrictProvider = get_adapter().get_provider(request, provider)
        proof = _prove(request, asked, token)
        login = asked.sociallogin(request, proof.profile)
        link = _require_one_call(request, login)
        _spend(request, asked, proof)
        if link is not None:
            raise AccountExists(link_token=link_tokens.issue(link), expires_in=link_tokens.SECONDS)
        return _complete(request, login)


def _prove(request: HttpRequest, provider: StrictProvider, token: dict[str, str]) -> Proof:
    limits.require_proofs(client_of(request).network)
    try:
        proof = provider.prove(token)
        replay.require_unspent(proof.used)
    except TokenKindError as exc:
        raise ValidationError({"id_token": [ErrorDetail(str(exc), "required")]}) from exc
    except ProviderUnavailableError as exc:
        log.warning("%s can't be asked: %s", provider.id, exc)
        raise
    except ProviderError as exc:
        raise _refused(request, provider.id, exc) from exc
    return proof


def _spend(request: HttpRequest, provider: StrictProvider, proof: Proof) -> None:
    try:
        replay.spend_all(proof.used)
    except ProviderError as exc:
        raise _refused(request, provider.id, exc) from exc


def _refused(request: HttpRequest, provider: str, error: ProviderError) -> ProviderTokenRefused:
    """Log, record and count the refusal. Returns the exception, the same one for all reasons."""
    log.warning("a token of %s was refused: %s", provider, error)
    _record(request, identifier=provider, reason=LoginFailure.PROVIDER_TOKEN_REFUSED)
    limits.count_refusal(client_of(request).network)
    return ProviderTokenRefused()


def _record(request: HttpRequest, **columns: Any) -> None:
    client = client_of(request)
    trail.record(AuditEvent.Type.LOGIN_FAILED, client=client, **columns)


def _require_one_call(request: HttpRequest, login: SocialLogin) -> Link | None:
    """Return the link that must be proved first, or None.

    Raises `ProviderEmailUnverified` or `ProviderTokenRefused` if one call can't sign this person
    in.
    """
    account = login.account
    known = SocialAccount.objects.filter(provider=account.provider, uid=account.uid)
    known_user = User.objects.filter(pk__in=known.values("user")).first()
    if known_user is None:
        return _require_vouched_for(login)
    if not known_user.is_active:
        _record(request, user=known_user, reason=LoginFailure.USER_INACTIVE)
        raise ProviderTokenRefused
    if not EmailAddress.objects.filter(user=known_user, verified=True).exists():
        raise ProviderEmailUnverified
    return None


def _require_vouched_for(login: SocialLogin) -> Link | None:
    """Require a verified email at a first sign-in. Raises `ProviderEmailUnverified`.

    Returns the link to the account that has this email, or None.
    """
    vouched = [address.email for address in login.email_addresses if address.verified]
    if not vouched:
        raise ProviderEmailUnverified
    for email in vouched:
        claims.claim(email, owner_id=None)
    return links.wanted(login)


def _complete(request: HttpRequest, login: SocialLogin) -> AuthSession:
    login.state["process"] = "login"
    try:
        complete_social_login(request, login)
    except InactiveUserError as exc:
        raise ProviderTokenRefused from exc
    except AccountExistsError as exc:
        # Another request made the account after `_require_one_call`. A retry gets a link token.
        raise ConflictError from exc
    return second_step.opened(request, ProviderLoginIncomplete)
