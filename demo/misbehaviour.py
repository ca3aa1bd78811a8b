"""Commit faults on request, so that tests see how the site reacts.

The faults follow the OpenID conformance suite's tests for relying parties (`oidcc-client-test-*`:
invalid issuer, missing subject, invalid audience, missing `iat`, absent `kid`, `alg: none`, bad
signatures, invalid nonce). Others are common faults between two servers, such as slow answers.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from demo.faulty_claims import ACCOUNTS, AUTH_TIMES, CLAIMS, EVENTS, MEMBERS, TOKEN_INFOS, Claims
from demo.keys import SigningKey
from demo.oauth_standin import Identity

SLOW_SECONDS = 30
DRIPS = 600


def _signed(claims: Claims, key: SigningKey, algorithm: str = "RS256", **headers: object) -> str:
    private = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else key.private_key
    header = {"typ": "JWT", "kid": key.kid, **headers}
    return jwt.PyJWS().encode(
        json.dumps(claims).encode(),
        "" if algorithm == "none" else private,
        algorithm,
        headers={name: value for name, value in header.items() if value is not None},
    )


def _forged(claims: Claims, key: SigningKey) -> str:
    """Sign with a foreign key, but under the `kid` of the right key. Returns the token."""
    return _signed(claims, SigningKey(), kid=key.kid)


def _embedded(claims: Claims, key: SigningKey) -> str:
    """Sign with a foreign key that the token's header contains (RFC 8725 §2.7).

    Returns the token.
    """
    own = SigningKey()
    return _signed(claims, own, jwk=own.jwk())


def _hmac(claims: Claims, key: SigningKey) -> str:
    """Sign by HMAC with the public key as the secret (RFC 8725 §2.1). Returns the token.

    Written by hand, because PyJWT refuses to do so.
    """
    pem = key.public_key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header = {"alg": "HS256", "typ": "JWT", "kid": key.kid}
    message = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{message}.{_encoded(hmac.digest(pem, message.encode(), hashlib.sha256))}"


def _tampered(claims: Claims, key: SigningKey) -> str:
    """Sign a token, then change its subject. Returns the token."""
    header, _, signature = key.sign(claims).split(".")
    return f"{header}.{_encoded(json.dumps(claims | {'sub': '9'}).encode())}.{signature}"


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def _header(algorithm: str = "RS256", **headers: object) -> Callable[[Claims, SigningKey], str]:
    return lambda claims, key: _signed(claims, key, algorithm, **headers)


SIGNATURES: dict[str, Callable[[Claims, SigningKey], str]] = {
    "alg_none": _header("none"),
    "alg_none_with_signature": lambda claims, key: (
        _signed(claims, key, "none") + key.sign(claims).split(".")[2]
    ),
    "alg_hs256": _hmac,
    "alg_rs512": _header("RS512"),
    "alg_es256": _header("ES256"),
    "bad_signature": _tampered,
    "forged_signature": _forged,
    "embedded_key": _embedded,
    "missing_kid": _header(kid=None),
    "unknown_kid": _header(kid="nobody's"),
    "other_type": _header(typ="at+jwt"),
    "critical_header": _header(crit=["x"], x=1),
    "claims_list": lambda claims, key: _signed([claims], key),  # type: ignore[arg-type]  # on purpose
    "not_a_token": lambda *_: "not a token",
}


SILENCES = {"login_required", "consent_required", "interaction_required", "another_answers"}

OFFLINE = {"offline_consent_required", "no_refresh_token"}
"""Google asks the person first, or gives no refresh token, where `access_type=offline` is asked for."""


def _drip(body: bytes) -> Iterator[bytes]:
    for number in range(DRIPS):
        yield body[number : number + 1] or b" "
        time.sleep(0.1)


def _slow(response: HttpResponse) -> HttpResponseBase:
    time.sleep(SLOW_SECONDS)
    return response


def _body(content: bytes, status: int = 200) -> Callable[[HttpResponse], HttpResponseBase]:
    return lambda _: HttpResponse(content, status=status, content_type="application/json")


ANSWERS: dict[str, Callable[[HttpResponse], HttpResponseBase]] = {
    "slow": _slow,
    "drip": lambda response: StreamingHttpResponse(_drip(response.content)),
    "status_500": _body(b'{"error": "server_error"}', 500),
    "status_503": _body(b"<h1>Service Unavailable</h1>", 503),
    "status_429": _body(b"{}", 429),
    "status_400": _body(b'{"error": "invalid_grant"}', 400),
    "error_with_200": _body(b'{"error": "invalid_request", "error_description": "x"}'),
    "malformed": _body(b'{"access_token": '),
    "html": _body(b"<!doctype html><title>Welcome to the hotel</title>"),
    "list": _body(b'[{"access_token": "x"}]'),
    "null": _body(b"null"),
    "empty": _body(b""),
    "empty_object": _body(b"{}"),
    "invalid_utf8": _body(b'{"access_token": "\xff"}'),
    "not_a_number": _body(b'{"access_token": NaN}'),
    "deep": _body(b"[" * 30_000),
    "strange_types": _body(
        b'{"access_token": ["x"], "id_token": {"a": 1}, "expires_in": "x", "id": [], "keys": 1}'
    ),
    "token_with_newline": _body(b'{"access_token": "a\\r\\nX-Injected: 1", "id_token": "x"}'),
    "huge": _body(b'{"access_token": "' + b"a" * 1_000_000 + b'"}'),
    "redirect": lambda _: HttpResponse(status=302, headers={"Location": "/elsewhere"}),
}
FAULTS = {
    *CLAIMS,
    *AUTH_TIMES,
    *SIGNATURES,
    *ACCOUNTS,
    *MEMBERS,
    *TOKEN_INFOS,
    *EVENTS,
    *SILENCES,
    *OFFLINE,
    *ANSWERS,
}


class Misbehaviour:
    """Hold the fault that a stand-in commits now. An empty name means none."""

    def __init__(self) -> None:
        self.name = ""
        self.at = ""

    def commit(self, name: str, *, at: str) -> bool:
        if (name and name not in FAULTS) or (name in ANSWERS and not at.strip("/")):
            return False
        self.name, self.at = name, at.strip("/")
        return True

    def id_token(self, claims: Claims, key: SigningKey) -> str:
        """Return a signed ID token with the current fault."""
        claims = self._changed(CLAIMS, self._changed(AUTH_TIMES, claims))
        sign = SIGNATURES.get(self.name)
        return sign(claims, key) if sign else key.sign(claims)

    def event(self, claims: Claims, key: SigningKey) -> str:
        """Return a signed security event token with the current fault."""
        claims = self._changed(CLAIMS, self._changed(EVENTS, claims))
        sign = SIGNATURES.get(self.name)
        return sign(claims, key) if sign else key.sign(claims, typ="secevent+jwt")

    def silence(
        self, agreed: Identity | None, everybody: tuple[Identity, ...], *, is_offline: bool
    ) -> tuple[str, Identity | None]:
        """Return the answer to `prompt=none`: an error, and the person. The error counts without a person."""
        if self.name in OFFLINE:
            is_refused = is_offline and self.name == "offline_consent_required"
            return ("consent_required", None) if is_refused else ("interaction_required", agreed)
        if self.name == "another_answers":
            return "", next(one for one in everybody if one != agreed)
        if self.name in SILENCES:
            return self.name, None
        return "interaction_required", agreed

    def account(self, told: Claims) -> Claims:
        return self._changed(ACCOUNTS, told)

    def member(self, told: Claims) -> Claims:
        return self._changed(MEMBERS, told)

    def token_info(self, told: Claims) -> Claims:
        return self._changed(TOKEN_INFOS, told)

    def _changed(self, faults: dict[str, Callable[[Claims], Claims]], claims: Claims) -> Claims:
        change = faults.get(self.name)
        return change(claims) if change else claims

    def answer(self, request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
        if self.name in ANSWERS and self.at == request.path.strip("/"):
            return ANSWERS[self.name](response)
        return response


def committed(
    respond: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Return middleware that applies the stand-in's current fault to its answers.

    `settings.ROOT_URLCONF` is the stand-in object.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        fault: Misbehaviour = settings.ROOT_URLCONF.fault  # type: ignore[attr-defined]  # an object
        return fault.answer(request, respond(request))

    return middleware
