"""Read a request, if the gate knows each part of it."""

import io
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, parse_cookie
from django.http.request import split_domain_port, validate_host

from accounts import cookies
from api.authentication import bearer_in
from config import languages
from config.middleware import request_id_of

MAX_BODY = 12 * 1024
"""More than the largest body of a known request: a refresh with both tokens."""
MAX_LANGUAGE = 128
ACCEPTS = {"*/*", "application/json", "application/json, text/plain, */*"}
"""The values of `Accept` of which the only renderer of the API is the answer. The last is that of axios."""
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
CSRF = re.compile(r"(?:[a-zA-Z0-9]{32}){1,2}")
"""A CSRF cookie that Django made. Django replaces any other one in its answer."""
TYPE = re.compile(r"([a-z/-]+)(?:; ?charset=utf-8)?", re.IGNORECASE)


@dataclass(slots=True)
class PlainRequest:
    """A request of which the gate knows each part. It is parsed when a view asks for a part."""

    environ: dict[str, Any]
    id: str
    language: str
    body: bytes

    @property
    def bearer(self) -> str | None:
        """The text after `Bearer`, or None."""
        return bearer_in(self.environ)

    @property
    def session_key(self) -> str | None:
        """The value of the session cookie, or None. Also None if the request has other credentials or a bad CSRF cookie."""
        if "HTTP_AUTHORIZATION" in self.environ:
            return None
        sent = _cookies(self.environ)
        csrf = sent.get(settings.CSRF_COOKIE_NAME)
        is_whole = csrf is None or CSRF.fullmatch(csrf)
        return sent.get(settings.SESSION_COOKIE_NAME) if is_whole else None

    @property
    def refresh_cookie(self) -> str:
        return _cookies(self.environ).get(settings.REFRESH_COOKIE_NAME, "")

    def header(self, name: str) -> str | None:
        """Return the value of a header such as `X_TOKEN_DELIVERY`, or None."""
        value: str | None = self.environ.get(f"HTTP_{name}")
        return value

    @property
    def type(self) -> str:
        """The media type of the body, or '' if it is not one of those that are known."""
        found = TYPE.fullmatch(self.environ.get("CONTENT_TYPE") or "")
        return found[1].lower() if found else ""

    def members(self, *known: str) -> dict[str, str] | None:
        """Return the members of a JSON body if all are `known` and texts without odd characters."""
        if not self.body and not self.environ.get("CONTENT_TYPE"):
            return {}
        if self.type != JSON:
            return None
        try:
            pairs = json.loads(self.body.decode("ascii"), object_pairs_hook=tuple)
        except (ValueError, RecursionError):
            return None
        if not isinstance(pairs, tuple):
            return None
        members = dict(pairs)
        if len(members) != len(pairs) or not members.keys() <= set(known):
            return None
        return members if all(_is_plain(value) for value in members.values()) else None


def read(environ: dict[str, Any], *, has_body: bool, takes_any: bool) -> PlainRequest | None:
    """Return the request, or None if any part of it is unknown. Leaves the body as it was.

    With `takes_any`, the header `Accept` may have any value.
    """
    if not _is_known(environ) or not (takes_any or environ.get("HTTP_ACCEPT", "*/*") in ACCEPTS):
        return None
    language = _language(environ)
    body = _body(environ, expected=has_body)
    if language is None or body is None:
        return None
    return PlainRequest(environ, request_id_of(environ), language, body)


def _is_known(environ: dict[str, Any]) -> bool:
    get = environ.get
    origin = get("HTTP_ORIGIN")
    return (
        not get("QUERY_STRING")
        and not get("SCRIPT_NAME")
        and "HTTP_TRANSFER_ENCODING" not in environ
        # Django reads cookies as UTF-8, in which other bytes are spaces than in Latin-1.
        and cookies.is_plain(get("HTTP_COOKIE", ""))
        and (origin is None or _is_clear_origin(origin, tuple(settings.CORS_ALLOWED_ORIGINS)))
        and _is_our_host(get("HTTP_HOST", ""), tuple(settings.ALLOWED_HOSTS))
        and (not settings.SECURE_SSL_REDIRECT or _is_secure(environ))
    )


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and value != ""


@lru_cache(maxsize=64)
def _is_clear_origin(origin: str, allowed: tuple[str, ...]) -> bool:
    """Return True if the origin is one of ours, or differs from them in any spelling.

    An origin that contains a host of ours, such as `HTTPS://app.example.com`, is Django's to judge. So is one with
    a tab, which `urlsplit` removes.
    """
    if origin in allowed:
        return True
    return cookies.is_plain(origin) and not any(urlsplit(each).netloc in origin for each in allowed)


@lru_cache(maxsize=64)
def _is_our_host(host: str, allowed: tuple[str, ...]) -> bool:
    """Return True if Django would accept this value of `Host` (`CanonicalHostMiddleware`)."""
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def _is_secure(environ: dict[str, Any]) -> bool:
    if settings.SECURE_PROXY_SSL_HEADER:
        name, value = settings.SECURE_PROXY_SSL_HEADER
        said = environ.get(name)
        if said is not None:
            return bool(said == value)
    return bool(environ.get("wsgi.url_scheme") == "https")


def _language(environ: dict[str, Any]) -> str | None:
    """Return the language of the answer; None if the header is too long to be remembered."""
    accepts = environ.get("HTTP_ACCEPT_LANGUAGE", "")
    chosen = ""
    if settings.LANGUAGE_COOKIE_NAME in environ.get("HTTP_COOKIE", ""):
        chosen = _cookies(environ).get(settings.LANGUAGE_COOKIE_NAME, "")
    if len(accepts) + len(chosen) > MAX_LANGUAGE:
        return None
    return _asked_for(accepts, chosen)


@lru_cache(maxsize=512)
def _asked_for(accepts: str, chosen: str) -> str:
    request = HttpRequest()
    request.META["HTTP_ACCEPT_LANGUAGE"] = accepts
    request.COOKIES[settings.LANGUAGE_COOKIE_NAME] = chosen
    return languages.asked_for(request)


def _cookies(environ: dict[str, Any]) -> dict[str, str]:
    return parse_cookie(environ.get("HTTP_COOKIE", ""))


def _body(environ: dict[str, Any], *, expected: bool) -> bytes | None:
    """Return the body and put it back; None if it is of unknown length, too long, or cut off."""
    length = environ.get("CONTENT_LENGTH")
    if not length and expected and environ.get("wsgi.input_terminated"):
        return None  # it may have one: HTTP/2 needs no length
    if not length or length == "0":
        return b""
    is_short = len(length) <= len(str(MAX_BODY)) and length.isdecimal() and int(length) <= MAX_BODY
    if not expected or not is_short:
        return None
    try:
        body: bytes = environ["wsgi.input"].read(int(length))
    except OSError:  # the client went away
        return None
    environ["wsgi.input"] = io.BytesIO(body)
    return body if len(body) == int(length) else None
