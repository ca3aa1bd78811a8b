"""Check the client, the parameters, PKCE and the redirect of an OAuth request, for every stand-in."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

MAX_PARAMETERS = 50
MAX_VALUE_CHARACTERS = 2048

CODE_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url(SHA-256), RFC 7636 §4.2
CODE_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ufffd]")


@dataclass(frozen=True)
class Client:
    client_id: str
    secret: str
    redirect_uris: frozenset[str]

    def is_known_as(self, client_id: str) -> bool:
        return hmac.compare_digest(self.client_id.encode(), client_id.encode())

    def has_secret(self, secret: str) -> bool:
        return hmac.compare_digest(self.secret.encode(), secret.encode())


class OAuthError(Exception):
    """An error of the token endpoint (RFC 6749 §5.2). `vendor_code` is Kakao's own error code."""

    def __init__(
        self, error: str, description: str, *, status: int = 400, vendor_code: str = ""
    ) -> None:
        super().__init__(description)
        self.status = status
        self.headers: dict[str, str] = {}
        self.body: dict[str, object] = {"error": error, "error_description": description}
        if vendor_code:
            self.body["error_code"] = vendor_code


@dataclass(frozen=True)
class Parameters:
    """The parameters of a request. Empty ones count as missing (RFC 6749 §3.1, §3.2).

    `faulty` has the names of parameters that are repeated, too long or unprintable.
    """

    values: dict[str, str]
    faulty: frozenset[str]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Return the parameters of a query string or form.

        Raises ValueError if it is not form-encoded UTF-8 text.
        """
        pairs = parse_qsl(
            raw.decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=MAX_PARAMETERS,
            errors="strict",
        )
        values = {name: value for name, value in pairs if value}
        repeated = {name for name in values if sum(name == other for other, _ in pairs) > 1}
        unusable = {
            name
            for name, value in values.items()
            if len(value) > MAX_VALUE_CHARACTERS or UNPRINTABLE.search(value)
        }
        return cls(values, frozenset(repeated | unusable))

    @property
    def faulty_names(self) -> str:
        return ", ".join(sorted(UNPRINTABLE.sub("?", name)[:40] for name in self.faulty))

    def get(self, name: str) -> str:
        return "" if name in self.faulty else self.values.get(name, "")


@dataclass(frozen=True)
class Identity:
    subject: str
    name: str
    email: str
    is_email_verified: bool = True
    is_email_shared: bool = True
    locale: str = "en"


@dataclass(frozen=True)
class AuthorizeRequest:
    client_id: str
    redirect_uri: str
    state: str
    scopes: frozenset[str]
    code_challenge: str
    nonce: str = ""
    access_type: str = ""
    max_age: str = ""


def proves(verifier: str, challenge: str) -> bool:
    """Return True if this verifier belongs to this S256 challenge (RFC 7636 §4.6)."""
    if not CODE_VERIFIER.fullmatch(verifier):
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge)


def redirect_target(redirect_uri: str, parameters: dict[str, str]) -> str:
    """Return the redirect URI with these parameters added to its own query (RFC 6749 §4.1.2)."""
    parts = urlsplit(redirect_uri)
    query = urlencode({name: value for name, value in parameters.items() if value})
    return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, query]))))
