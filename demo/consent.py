"""Serve the authorisation endpoint and the consent page of every stand-in (RFC 6749 §4.1.1, §4.1.2)."""

import hashlib
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse
from django.urls import path

from demo.keys import SigningKey
from demo.ledger import Grant, Issued, Ledger
from demo.misbehaviour import Misbehaviour
from demo.oauth_standin import (
    CODE_CHALLENGE,
    AuthorizeRequest,
    Client,
    Identity,
    Parameters,
    redirect_target,
)
from demo.pages import Site
from demo.received import form_of, query_of

MAX_NAME_CHARACTERS = 60
MAX_EMAIL_CHARACTERS = 254


class ConsentStandIn(Site):
    authorize_path: str
    native_scope = ""
    identities: tuple[Identity, ...]

    def __init__(self, client: Client, ledger: Ledger, origin: str) -> None:
        self.client = client
        self.ledger = ledger
        self.origin = origin
        self.urlpatterns = [
            path(self.authorize_path, self.authorize),
            path("consent", self.decide),
            path("static/consent.css", self.stylesheet),
            path("native", self.native),
            path("misbehave", self.misbehave),
            path("ended", self.ended),
        ]
        self.fault = Misbehaviour()
        self.key = SigningKey()

    # Each provider overrides these four.

    def scopes_of(self, scope: str) -> frozenset[str] | None:
        raise NotImplementedError

    def redirect_extras(self, asked: AuthorizeRequest) -> dict[str, str]:
        raise NotImplementedError

    def typed_identity(self, name: str, email: str) -> Identity | None:
        raise NotImplementedError

    def native_answer(self, issued: Issued) -> dict[str, object]:
        raise NotImplementedError

    def jwk_set(self) -> dict[str, object]:
        """Return the public part of the current key.

        `/misbehave` may have replaced the first key.
        """
        return self.key.jwk_set()

    def authorize(self, request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return self.not_allowed(request, "GET, HEAD")
        try:
            parameters = query_of(request)
        except ValueError:
            return self.error_page(request, "unreadable")
        if reason := self.unverified(parameters):
            return self.error_page(request, reason)
        redirect_uri = parameters.get("redirect_uri")
        error, description = self.fault_of(parameters)
        if error:
            answer = {
                "error": error,
                "error_description": description,
                "state": parameters.get("state"),
            }
            return self.redirect(redirect_uri, answer)
        scopes = self.scopes_of(parameters.get("scope")) or frozenset()
        asked = AuthorizeRequest(
            client_id=self.client.client_id,
            redirect_uri=redirect_uri,
            state=parameters.get("state"),
            scopes=scopes,
            code_challenge=parameters.get("code_challenge"),
            nonce=parameters.get("nonce"),
            access_type=parameters.get("access_type"),
            max_age=parameters.get("max_age"),
        )
        if parameters.get("prompt") == "none":
            return self.silent_redirect(asked, hint=parameters.get("login_hint"))
        return self.consent_page(request, asked)

    def silent_redirect(self, asked: AuthorizeRequest, *, hint: str) -> HttpResponse:
        """Answer `prompt=none` without a page (OpenID Connect Core §3.1.2.1).

        Redirects with a code if the person in `hint` agreed before, otherwise with an error.
        """
        error, identity = self.fault.silence(
            self.ledger.agreed.get(hint),
            self.identities,
            is_offline=asked.access_type == "offline",
        )
        if identity is None:
            return self.redirect(asked.redirect_uri, {"error": error, "state": asked.state})
        code = self.ledger.grant(asked, identity)
        answer = {"state": asked.state, "code": code} | self.redirect_extras(asked)
        return self.redirect(asked.redirect_uri, answer)

    def unverified(self, parameters: Parameters) -> str:
        """Return the wrong parameter, `client_id` or `redirect_uri`, or '' if both are right.

        Call it before any redirect: an unchecked one would be an open redirect (RFC 9700 §4.11.2).
        """
        if not self.client.is_known_as(parameters.get("client_id")):
            return "client_id"
        return "" if parameters.get("redirect_uri") in self.client.redirect_uris else "redirect_uri"

    def fault_of(self, parameters: Parameters) -> tuple[str, str]:
        """Return the first error and its description, or two empty strings.

        The errors follow RFC 6749 §4.1.2.1; those of PKCE follow RFC 7636 §4.4.1.
        """
        challenge, method = (
            parameters.get("code_challenge"),
            parameters.get("code_challenge_method"),
        )
        checks = (
            (
                not parameters.faulty,
                "invalid_request",
                f"Repeated or unusable: {parameters.faulty_names}",
            ),
            (parameters.get("state"), "invalid_request", "Missing required parameter: state"),
            (
                parameters.get("response_type"),
                "invalid_request",
                "Missing required parameter: response_type",
            ),
            (
                parameters.get("response_type") == "code",
                "unsupported_response_type",
                "Only code is supported",
            ),
            (self.scopes_of(parameters.get("scope")), "invalid_scope", "Missing or unknown scope"),
            (challenge, "invalid_request", "Code challenge required"),
            (method == "S256", "invalid_request", "Transform algorithm not supported; use S256"),
            (
                CODE_CHALLENGE.fullmatch(challenge),
                "invalid_request",
                "Code challenge is no S256 hash",
            ),
        )
        return next(
            ((error, description) for passed, error, description in checks if not passed), ("", "")
        )

    def decide(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return self.not_allowed(request, "POST")
        try:
            form = form_of(request)
        except ValueError:
            return self.error_page(request, "unreadable")
        asked = self.ledger.answer(form.get("request"))
        if asked is None:
            return self.error_page(request, "consent_over")
        if form.get("choice") == "cancel":
            return self.redirect(asked.redirect_uri, self.denial() | {"state": asked.state})
        identity = self.chosen_identity(form)
        if form.get("choice") != "continue" or identity is None:
            return self.consent_page(request, asked, form=form)
        code = self.ledger.grant(asked, identity)
        answer = {"state": asked.state, "code": code} | self.redirect_extras(asked)
        return self.redirect(asked.redirect_uri, answer)

    def native(self, request: HttpRequest) -> HttpResponse:
        """Return the tokens that the provider's SDK gives to an app on a phone.

        Accepts every client id, so that tests can send tokens of another app.
        """
        if request.method != "POST":
            return self.not_allowed(request, "POST")
        try:
            form = form_of(request)
        except ValueError as exc:
            return self.answer({"error": str(exc)}, status=400)
        asked = AuthorizeRequest(
            client_id=form.get("client_id"),
            redirect_uri="",
            state="",
            scopes=self.scopes_of(form.get("scope") or self.native_scope) or frozenset(),
            code_challenge="",
            nonce=form.get("nonce"),
        )
        identity = self.chosen_identity(form) or self.identities[0]
        issued = self.ledger.issue(Grant(asked, identity))
        return self.answer(self.native_answer(issued))

    def misbehave(self, request: HttpRequest) -> HttpResponse:
        """Commit this fault until the next call. An empty `fault` ends it.

        A fault of `misbehaviour.ANSWERS` spoils the whole answer of one path: the form names the
        path in `at`. `rotate_keys` replaces the signing key once.
        """
        if request.method != "POST":
            return self.not_allowed(request, "POST")
        try:
            form = form_of(request)
        except ValueError as exc:
            return self.answer({"error": str(exc)}, status=400)
        if form.get("fault") == "rotate_keys":
            self.key = SigningKey()
            return self.answer({"kid": self.key.kid})
        if not self.fault.commit(form.get("fault"), at=form.get("at")):
            return self.answer(
                {"error": "unknown fault, or one that needs a path in at"}, status=400
            )
        return self.answer({"fault": self.fault.name, "at": self.fault.at})

    def ended(self, request: HttpRequest) -> HttpResponse:
        """Return the subjects whose connections the site has ended, oldest first."""
        return self.answer({"ended": self.ledger.ended})

    def denial(self) -> dict[str, str]:
        return {"error": "access_denied"}

    def chosen_identity(self, form: Parameters) -> Identity | None:
        if form.faulty:
            return None
        if form.get("identity") != "other":
            return next(
                (one for one in self.identities if one.subject == form.get("identity")), None
            )
        name, email = form.get("name").strip(), form.get("email").strip()
        try:
            if email:
                validate_email(email)
        except ValidationError:
            return None
        is_short = len(name) <= MAX_NAME_CHARACTERS and len(email) <= MAX_EMAIL_CHARACTERS
        return self.typed_identity(name, email) if is_short else None

    def redirect(self, redirect_uri: str, answer: dict[str, str]) -> HttpResponse:
        # 303, because after a 307 the browser would post the consent form to the client (RFC 9700 §4.12).
        return HttpResponse(status=303, headers={"Location": redirect_target(redirect_uri, answer)})

    def consent_page(
        self, request: HttpRequest, asked: AuthorizeRequest, *, form: Parameters | None = None
    ) -> HttpResponse:
        target = urlsplit(asked.redirect_uri)
        # Browsers check redirects after a form against form-action too, so it lists the client.
        client = f"{target.scheme}://{target.netloc}" if target.netloc else f"{target.scheme}:"
        context = {
            "request_id": self.ledger.ask(asked),
            "identities": self.identities,
            "client_name": target.netloc or target.scheme,
            "typed": {name: form.get(name) for name in ("name", "email")} if form else {},
            "is_corrected": form is not None,
            "chosen": form.get("identity") if form else self.identities[0].subject,
        }
        return self.page(
            request, "consent", context, status=400 if form else 200, form_action=f"'self' {client}"
        )


def stable_number(text: str, *, digits: int) -> str:
    """Return a number of this many digits, made from the text.

    The same typed name or email always gives the same number, so that person keeps the account.
    """
    return str(int(hashlib.sha256(text.casefold().encode()).hexdigest(), 16) % 10**digits).zfill(
        digits
    )
