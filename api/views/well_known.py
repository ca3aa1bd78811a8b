"""Publish the keys that verify our tokens, and the addresses of the endpoints."""

import hashlib
import json

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe

from api.keys import ring

JWKS_MAX_AGE = 300
"""Seconds a verifier may keep the JWK Set; `SIGNING_KEY_LEAD` is longer."""


def _document() -> bytes:
    return json.dumps({"keys": [key.jwk for key in ring.held().keys]}).encode()


def _etag(request: HttpRequest) -> str:
    return f'"{hashlib.sha256(_document()).hexdigest()[:32]}"'


@cache_control(public=True, max_age=JWKS_MAX_AGE)
@require_safe
@condition(etag_func=_etag)
def jwks(request: HttpRequest) -> HttpResponse:
    """Return the JWK Set (RFC 7517 §5), with public members only.

    The next key is in it before it signs.
    """
    return HttpResponse(_document(), content_type="application/jwk-set+json")


@require_safe
def authorization_server(request: HttpRequest) -> JsonResponse:
    """Return the metadata of RFC 8414.

    It names no OAuth grant: `/api/token/` is a first-party sign-in.
    """
    site = settings.SITE_URL
    response = JsonResponse(
        {
            "issuer": site,
            "jwks_uri": f"{site}{reverse('jwks')}",
            "revocation_endpoint": f"{site}{reverse('api:token-revoke')}",
            "revocation_endpoint_auth_methods_supported": ["none"],
            "introspection_endpoint": f"{site}{reverse('api:token-introspect')}",
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
            # Required by RFC 8414 §2. Other members that would be empty are left out (§3.2).
            "response_types_supported": [],
        }
    )
    response["Cache-Control"] = f"public, max-age={JWKS_MAX_AGE}"
    return response
