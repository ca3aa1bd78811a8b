"""Let a browser that the owner trusts skip the second step for some days: its cookie and its stage.

Only browsers: our pages and the headless API for browsers. Apps and `/api/token/` send no cookie, and
would get none. The sign-in that makes a link is asked, too, because a link is a sensitive act.
"""

from datetime import timedelta
from typing import cast

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from typing_extensions import override

from accounts.audit.vocabulary import Method
from accounts.factors import fingerprint
from accounts.factors.stage import FactorStage
from accounts.federation.linking import links
from accounts.people.models import User
from accounts.request import client_of, is_app, sign_in_of
from accounts.signins import trusted_browsers
from accounts.signins.models import AuthSession, TrustedBrowser

FIELD = "trust"
"""The name of the checkbox on the page of the second step."""
MAX_TOKENS = 5
"""The number of accounts that one browser can be trusted by."""
LENGTH = 43
"""The length of a token."""


class TrustingStage(FactorStage):
    """Ask for the second step, unless the account trusts this browser."""

    @override
    def _should_handle(self, request: HttpRequest) -> bool:
        if not super()._should_handle(request):
            return False
        user = cast("User", self.login.user)
        sign_in = sign_in_of(request)
        sign_in.trusted = None
        if sign_in.kind is not None or is_app(request) or links.noted(request):
            return True
        tokens = _tokens(request)
        if tokens and trusted_browsers.is_allowed(user):
            found = trusted_browsers.find(user, tokens, fingerprint=fingerprint.of(user))
            sign_in.trusted = found.pk if found else None
        return sign_in.trusted is None


def browsers_of(user: User) -> QuerySet[TrustedBrowser]:
    """Return the browsers that this account trusts now."""
    if not trusted_browsers.is_allowed(user):
        return TrustedBrowser.objects.none()
    return trusted_browsers.of(user, fingerprint=fingerprint.of(user))


def used(request: HttpRequest, session: AuthSession, user: User) -> bool:
    """Return True if this request's browser is trusted, still. Call after the sign-in was opened."""
    trusted = sign_in_of(request).trusted
    return trusted is not None and trusted_browsers.use(
        trusted, session, user=user, fingerprint=fingerprint.of(user)
    )


def remember(request: HttpRequest, response: HttpResponseBase, *, is_wanted: bool) -> None:
    """Trust the browser that has just signed in by a second step, if its user wants that. Never an app."""
    opened = sign_in_of(request).opened
    if not is_wanted or is_app(request):
        return
    if opened is None or Method.SECOND_STEP not in opened.amr:
        return
    tokens = _tokens(request)
    token = trusted_browsers.remember(
        opened,
        former=tokens,
        fingerprint=fingerprint.of(cast("User", opened.user)),
        client=client_of(request),
    )
    if token is None:
        return
    response.set_cookie(
        settings.TRUSTED_COOKIE_NAME,
        ".".join([token, *tokens][:MAX_TOKENS]),
        max_age=timedelta(days=settings.MFA_TRUSTED_BROWSER_DAYS),
        path="/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def _tokens(request: HttpRequest) -> list[str]:
    parts = request.COOKIES.get(settings.TRUSTED_COOKIE_NAME, "").split(".")
    return [part for part in parts[:MAX_TOKENS] if len(part) == LENGTH]
