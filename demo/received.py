"""Read the parameters and credentials of a request strictly.

The functions raise ValueError, and callers turn it into an error of their protocol.
`posted_form` raises OAuthError.
"""

import base64
from urllib.parse import unquote_plus

from django.http import HttpRequest

from demo.oauth_standin import OAuthError, Parameters

FORM_TYPE = "application/x-www-form-urlencoded"


def query_of(request: HttpRequest) -> Parameters:
    return parameters(request.META.get("QUERY_STRING", "").encode("latin-1"))


def form_of(request: HttpRequest) -> Parameters:
    if request.content_type != FORM_TYPE:
        raise ValueError(f"Content-Type must be {FORM_TYPE}")
    return parameters(request.body)


def posted_form(request: HttpRequest, *, vendor_code: str = "") -> Parameters:
    """Return the form of a request to a token endpoint (RFC 6749 §3.2).

    Raises OAuthError if the method is not POST, or if a parameter is repeated.
    """
    if request.method != "POST":
        refused = OAuthError(
            "invalid_request", "Only POST is allowed", status=405, vendor_code=vendor_code
        )
        refused.headers["Allow"] = "POST"
        raise refused
    try:
        form = form_of(request)
    except ValueError as exc:
        raise OAuthError("invalid_request", str(exc), vendor_code=vendor_code) from exc
    if form.faulty:
        description = f"Repeated or unusable: {form.faulty_names}"
        raise OAuthError("invalid_request", description, vendor_code=vendor_code)
    return form


def parameters(raw: bytes) -> Parameters:
    try:
        return Parameters.parse(raw)
    except ValueError as exc:
        raise ValueError(
            "The parameters are not a form encoding of UTF-8 text, or too many"
        ) from exc


def client_credentials(request: HttpRequest, form: Parameters) -> tuple[str, str]:
    """Return the client's id and secret, from the body or from Basic (RFC 6749 §2.3).

    Raises ValueError if the client sends both. Basic holds form-encoded values (§2.3.1).
    """
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if not scheme:
        return form.get("client_id"), form.get("client_secret")
    if scheme.lower() != "basic" or form.get("client_secret"):
        raise ValueError("Authenticate the client once: by Basic, or by client_secret in the body")
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError as exc:
        raise ValueError("The Authorization header is not Basic credentials") from exc
    client_id, _, secret = pair.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


def bearer_token(request: HttpRequest) -> str:
    """Return the token in the Authorization header (RFC 6750 §2.1), or '' if there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
