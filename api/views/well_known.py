"""Publish the keys that verify our tokens, the addresses of the endpoints, and the mobile apps."""

import hashlib
import json
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import condition, require_safe

from api.keys import ring

JWKS_MAX_AGE = 300
"""Seconds a verifier may keep the JWK Set; `SIGNING_KEY_LEAD` is longer."""


def _document() -> bytes:
    return json.dumps({"keys": [key.jwk for key in ring.held().keys]}).encode()


def _etag(request: HttpRequest) -> str:
    return f'"{hashlib.sha256(_document()).hexdigest()[:32]}"'


@csrf_exempt  # other methods get 405
@cache_control(public=True, max_age=JWKS_MAX_AGE)
@require_safe
@condition(etag_func=_etag)
def jwks(request: HttpRequest) -> HttpResponse:
    """Return the JWK Set (RFC 7517 §5), with public members only.

    The next key is in it before it signs.
    """
    return HttpResponse(_document(), content_type="application/jwk-set+json")


@csrf_exempt  # other methods get 405
@require_safe
def authorization_server(request: HttpRequest) -> JsonResponse:
    """Return the metadata of RFC 8414.

    Its one OAuth grant is for machines with an API key: `/api/token/` is a first-party sign-in.
    """
    site = settings.SITE_URL
    response = JsonResponse(
        {
            "issuer": site,
            "jwks_uri": f"{site}{reverse('jwks')}",
            "token_endpoint": f"{site}{reverse('api:token-service')}",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "grant_types_supported": ["client_credentials"],
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


@csrf_exempt  # other methods get 405
@require_safe
def android_apps(request: HttpRequest) -> JsonResponse:
    """Return Android's Digital Asset Links: these apps may use the site's passkeys."""
    fingerprints: dict[str, list[str]] = {}
    for app in settings.ANDROID_APPS:
        fingerprints.setdefault(app.package, []).append(app.fingerprint)
    return _association(
        [
            {
                "relation": [
                    "delegate_permission/common.handle_all_urls",
                    "delegate_permission/common.get_login_creds",
                ],
                "target": {
                    "namespace": "android_app",
                    "package_name": package,
                    "sha256_cert_fingerprints": found,
                },
            }
            for package, found in fingerprints.items()
        ]
    )


@csrf_exempt  # other methods get 405
@require_safe
def apple_apps(request: HttpRequest) -> JsonResponse:
    """Return Apple's association: these apps may use the site's passkeys and passwords."""
    apps = settings.APPLE_APPS
    return _association({"webcredentials": {"apps": apps}} if apps else {})


def _association(content: list[Any] | dict[str, Any]) -> JsonResponse:
    """Return the document. Raises `Http404` if the settings name no app."""
    if not content:
        raise Http404
    response = JsonResponse(content, safe=False)
    response["Cache-Control"] = f"public, max-age={JWKS_MAX_AGE}"
    return response
