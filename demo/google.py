"""Stand in for Google's OAuth 2.0 and OpenID Connect server. `python -m demo.google --help`."""

from collections.abc import Callable
from typing import NoReturn

from django.http import HttpRequest, HttpResponse
from django.urls import path
from typing_extensions import override

from demo import google_claims, security_events, standin_process
from demo.consent import stable_number
from demo.google_claims import LONG_SCOPES, TOKEN_SECONDS
from demo.ledger import Issued, Ledger, Refusal
from demo.oauth_standin import AuthorizeRequest, Client, Identity, OAuthError, Parameters
from demo.received import bearer_token, client_credentials, posted_form
from demo.security_events import EventSender

REFUSALS = {
    Refusal.UNKNOWN_CODE: ("invalid_grant", "Bad Request"),
    # Google has its own error code here. RFC 6749 §5.2 says invalid_grant.
    Refusal.REDIRECT_URI: ("redirect_uri_mismatch", "Bad Request"),
    Refusal.NO_VERIFIER: ("invalid_grant", "Missing code verifier."),
    Refusal.VERIFIER: ("invalid_grant", "Invalid code verifier."),
}
HEADLINES = {
    "client_id": (401, "Error 401: invalid_client"),
    "redirect_uri": (400, "Error 400: redirect_uri_mismatch"),
}


class GoogleStandIn(EventSender):
    slug = "google"
    authorize_path = "o/oauth2/v2/auth"
    native_scope = "openid profile email"
    identities = (
        Identity("100000000000000000001", "Minji Kim", "minji.kim@example.com", locale="ko"),
        Identity("100000000000000000002", "Alex Morgan", "alex.morgan@example.com"),
        Identity(
            "100000000000000000003", "Robin Park", "robin.park@example.org", is_email_verified=False
        ),
    )

    def __init__(self, client: Client, ledger: Ledger, origin: str) -> None:
        super().__init__(client, ledger, origin)
        self.urlpatterns += [
            path(".well-known/openid-configuration", self.reading(self.discovery)),
            path("oauth2/v3/certs", self.reading(self.jwk_set)),
            path("oauth2/v1/certs", self.reading(self.certificates)),
            path("token", self.token),
            path("v1/userinfo", self.userinfo),
            path("oauth2/v2/userinfo", self.userinfo_v2),
            path("revoke", self.revoke),
            path("security-event", self.security_event),
        ]

    @override
    def scopes_of(self, scope: str) -> frozenset[str] | None:
        """Return the short names of the scopes, or None if one is unknown.

        Adds `openid`, as Google does for email and profile. So every token answer has an ID token.
        """
        names = {"openid": "openid"} | {long: short for short, long in LONG_SCOPES.items()}
        asked = {names.get(one, one) for one in scope.split()}
        return (
            frozenset(asked | {"openid"}) if asked and asked <= {"openid", *LONG_SCOPES} else None
        )

    @override
    def refusal_of(self, reason: str) -> tuple[int, str]:
        return HEADLINES.get(reason, (400, "Error 400: invalid_request"))

    @override
    def redirect_extras(self, asked: AuthorizeRequest) -> dict[str, str]:
        """Return the parameters that Google adds, with `iss` as in RFC 9207 §2."""
        return {
            "iss": self.origin,
            "scope": google_claims.scope_text(asked),
            "authuser": "0",
            "prompt": "consent",
        }

    @override
    def typed_identity(self, name: str, email: str) -> Identity | None:
        subject = "1" + stable_number(email, digits=20)
        return Identity(subject, name or email.partition("@")[0], email) if email else None

    def discovery(self) -> dict[str, object]:
        return {
            "issuer": self.origin,
            "authorization_endpoint": f"{self.origin}/{self.authorize_path}",
            "token_endpoint": f"{self.origin}/token",
            "userinfo_endpoint": f"{self.origin}/v1/userinfo",
            "revocation_endpoint": f"{self.origin}/revoke",
            "jwks_uri": f"{self.origin}/oauth2/v3/certs",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "email", "profile"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "claims_supported": list(google_claims.CLAIMS),
            "code_challenge_methods_supported": ["S256"],
            "grant_types_supported": ["authorization_code"],
            "authorization_response_iss_parameter_supported": True,
        }

    def certificates(self) -> dict[str, object]:
        return self.key.certificates()

    def token(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.answer(self.token_answer(self.exchange(request)))
        except OAuthError as exc:
            return self.answer(exc.body, status=exc.status, headers=exc.headers)

    def exchange(self, request: HttpRequest) -> Issued:
        form = posted_form(request)
        client_id = self.authenticate(request, form)
        if form.get("grant_type") != "authorization_code":
            raise OAuthError(
                "unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type')[:100]}"
            )
        for name in ("code", "redirect_uri"):
            if not form.get(name):
                raise OAuthError("invalid_request", f"Missing required parameter: {name}")
        outcome = self.ledger.redeem(
            form.get("code"),
            client_id=client_id,
            redirect_uri=form.get("redirect_uri"),
            verifier=form.get("code_verifier"),
        )
        if isinstance(outcome, Refusal):
            raise OAuthError(*REFUSALS[outcome])
        return outcome

    def authenticate(self, request: HttpRequest, form: Parameters) -> str:
        try:
            client_id, secret = client_credentials(request, form)
        except ValueError as exc:
            raise OAuthError("invalid_request", str(exc)) from exc
        if not client_id:
            raise OAuthError("invalid_request", "Could not determine client ID from request.")
        is_known = self.client.is_known_as(client_id)
        if is_known and self.client.has_secret(secret):
            return client_id
        description = "Unauthorized" if is_known else "The OAuth client was not found."
        refused = OAuthError("invalid_client", description, status=401)
        if (
            "Authorization" in request.headers
        ):  # name the scheme that the client used (RFC 6749 §5.2)
            refused.headers["WWW-Authenticate"] = 'Basic realm="token"'
        raise refused

    def token_answer(self, issued: Issued) -> dict[str, object]:
        is_offline = issued.grant.request.access_type == "offline"
        gives_refresh_token = is_offline and self.fault.name != "no_refresh_token"
        return ({"refresh_token": issued.refresh_token} if gives_refresh_token else {}) | {
            "access_token": issued.access_token,
            "expires_in": TOKEN_SECONDS,
            "scope": google_claims.scope_text(issued.grant.request),
            "token_type": "Bearer",
            "id_token": self.id_token(issued),
        }

    def id_token(self, issued: Issued) -> str:
        return self.fault.id_token(google_claims.id_token(issued, issuer=self.origin), self.key)

    @override
    def native_answer(self, issued: Issued) -> dict[str, object]:
        return {"access_token": issued.access_token, "id_token": self.id_token(issued)}

    def userinfo(self, request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD", "POST"}:
            allow = {"Allow": "GET, HEAD, POST"}
            return self.error("invalid_request", "Method not allowed.", status=405, headers=allow)
        if held := self.ledger.bearer(bearer_token(request)):
            return self.answer(google_claims.userinfo(held[0].grant))
        challenge = {"WWW-Authenticate": f'Bearer realm="{self.origin}/", error="invalid_token"'}
        return self.error("invalid_request", "Invalid Credentials", status=401, headers=challenge)

    def userinfo_v2(self, request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return self.api_error(
                405, "Method not allowed.", "METHOD_NOT_ALLOWED", {"Allow": "GET, HEAD"}
            )
        if held := self.ledger.bearer(bearer_token(request)):
            return self.answer(google_claims.userinfo_v2(held[0].grant))
        challenge = {"WWW-Authenticate": f'Bearer realm="{self.origin}/", error="invalid_token"'}
        message = "Request had invalid authentication credentials. Expected OAuth 2 access token."
        return self.api_error(401, message, "UNAUTHENTICATED", challenge)

    def revoke(self, request: HttpRequest) -> HttpResponse:
        try:
            token = posted_form(request).get("token")
        except OAuthError as exc:
            return self.answer(exc.body, status=exc.status, headers=exc.headers)
        if not token:
            return self.error("invalid_request", "Missing required parameter: token")
        issued = self.ledger.issued_as(token)
        if issued is None:
            # Google says so of a dead token; RFC 7009 §2.2 would have 200.
            return self.error("invalid_token", "Token expired or revoked")
        # Google writes that either token ends the grant; some sites found that an access token
        # doesn't. This is the stricter reading.
        if token == issued.refresh_token:
            self.ledger.revoke_all_of(issued.grant.identity.subject)
        else:
            self.ledger.revoke(token)
        return self.answer({})

    @override
    def event_claims(self, form: Parameters) -> dict[str, object]:
        return security_events.claims(
            form, issuer=f"{self.origin}/", audience=form.get("client_id") or self.client.client_id
        )

    def reading(
        self, document: Callable[[], dict[str, object]]
    ) -> Callable[[HttpRequest], HttpResponse]:
        def view(request: HttpRequest) -> HttpResponse:
            if request.method not in {"GET", "HEAD"}:
                allow = {"Allow": "GET, HEAD"}
                return self.error(
                    "invalid_request", "Method not allowed.", status=405, headers=allow
                )
            return self.answer(document(), headers={"Cache-Control": "public, max-age=3600"})

        return view

    def error(
        self,
        code: str,
        description: str,
        *,
        status: int = 400,
        headers: dict[str, str] | None = None,
    ) -> HttpResponse:
        return self.answer(
            {"error": code, "error_description": description}, status=status, headers=headers
        )

    def api_error(
        self, code: int, message: str, status: str, headers: dict[str, str]
    ) -> HttpResponse:
        """Return an error in the shape of googleapis.com. The OAuth endpoints have another shape."""
        return self.answer(
            {"error": {"code": code, "message": message, "status": status}},
            status=code,
            headers=headers,
        )


def main() -> NoReturn:
    arguments = standin_process.parser_for("Google", port=8002).parse_args()
    standin_process.run("Google", arguments, GoogleStandIn, token_seconds=TOKEN_SECONDS)


if __name__ == "__main__":
    main()
