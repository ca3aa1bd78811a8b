"""Stand in for Kakao Login: kauth and kapi on one origin. `python -m demo.kakao --help`."""

import datetime as dt
import hmac
from collections import OrderedDict
from typing import NoReturn

from django.http import HttpRequest, HttpResponse
from django.urls import path
from typing_extensions import override

from demo import kakao_account, security_events, standin_process
from demo.consent import stable_number
from demo.ledger import MAX_REMEMBERED, Issued, Ledger, Refusal
from demo.oauth_standin import AuthorizeRequest, Client, Identity, OAuthError, Parameters
from demo.received import bearer_token, form_of, posted_form
from demo.security_events import EventSender

TOKEN_SECONDS = 21599
REFRESH_TOKEN_SECONDS = 5183999
HEADLINES = {
    "client_id": (400, "invalid_client (KOE101)"),
    "redirect_uri": (400, "invalid_request (KOE006)"),
}
Held = tuple[Issued, int]


class KakaoStandIn(EventSender):
    slug = "kakao"
    authorize_path = "oauth/authorize"
    identities = (
        Identity("4012345671", "민지", "minji.kim@example.com", locale="ko"),
        Identity(
            "4012345672", "도윤", "doyun.lee@example.com", is_email_verified=False, locale="ko"
        ),
        Identity("4012345673", "서연", "seoyeon@example.com", is_email_shared=False, locale="ko"),
    )

    def __init__(
        self, client: Client, ledger: Ledger, origin: str, *, app_id: int, admin_key: str
    ) -> None:
        super().__init__(client, ledger, origin)
        self.app_id = app_id
        self.admin_key = admin_key
        self.linked: OrderedDict[str, dt.datetime] = OrderedDict()
        self.urlpatterns += [
            path("oauth/token", self.token),
            path("v2/user/me", self.me),
            path("v1/user/access_token_info", self.access_token_info),
            path("v1/user/unlink", self.unlink),
            path("v1/user/logout", self.logout),
            path("unlink-user", self.unlink_user),
            path("security-event", self.security_event),
            path(".well-known/jwks.json", self.jwks),
        ]

    @override
    def scopes_of(self, scope: str) -> frozenset[str] | None:
        """Return the scopes, or None if one is unknown. An empty `scope` means all consent items.

        Kakao separates scopes by commas. Spaces work too, as at other providers.
        """
        asked = frozenset(scope.replace(",", " ").split()) or kakao_account.CONSENT_ITEMS
        return asked if asked <= kakao_account.CONSENT_ITEMS else None

    @override
    def refusal_of(self, reason: str) -> tuple[int, str]:
        return HEADLINES.get(reason, (400, "invalid_request (KOE001)"))

    @override
    def redirect_extras(self, asked: AuthorizeRequest) -> dict[str, str]:
        return {}

    @override
    def denial(self) -> dict[str, str]:
        return {"error": "access_denied", "error_description": "User denied access"}

    @override
    def typed_identity(self, name: str, email: str) -> Identity | None:
        subject = "4" + stable_number(email or name, digits=9)
        known = name or email.partition("@")[0]
        return Identity(subject, known, email, is_email_shared=bool(email)) if known else None

    def token(self, request: HttpRequest) -> HttpResponse:
        try:
            issued = self.exchange(posted_form(request, vendor_code="KOE001"))
        except OAuthError as exc:
            return self.answer(exc.body, status=exc.status, headers=exc.headers)
        self.link(issued.grant.identity.subject)
        return self.answer(self.token_answer(issued))

    def exchange(self, form: Parameters) -> Issued:
        self.authenticate(form)
        if form.get("grant_type") != "authorization_code":
            description = "Only authorization_code is supported"
            raise OAuthError("unsupported_grant_type", description, vendor_code="KOE310")
        for name in ("code", "redirect_uri"):
            if not form.get(name):
                raise OAuthError(
                    "invalid_request", f"Missing parameter: {name}", vendor_code="KOE001"
                )
        outcome = self.ledger.redeem(
            form.get("code"),
            client_id=form.get("client_id"),
            redirect_uri=form.get("redirect_uri"),
            verifier=form.get("code_verifier"),
        )
        match outcome:
            case Issued():
                return outcome
            case Refusal.UNKNOWN_CODE:
                description = f"authorization code not found for code={form.get('code')}"
                raise OAuthError("invalid_grant", description, vendor_code="KOE320")
            case Refusal.REDIRECT_URI:
                raise OAuthError("invalid_grant", "Redirect URI mismatch.", vendor_code="KOE303")
            case Refusal.NO_VERIFIER | Refusal.VERIFIER:
                # Kakao documents no code for PKCE. KOE320 ("the code can't be used") comes closest.
                raise OAuthError("invalid_grant", outcome.value, vendor_code="KOE320")

    def authenticate(self, form: Parameters) -> None:
        if not self.client.is_known_as(form.get("client_id")):
            description = f"Not exist client_id [{form.get('client_id')}]"
            raise OAuthError("invalid_client", description, status=401, vendor_code="KOE101")
        if not self.client.has_secret(form.get("client_secret")):
            raise OAuthError(
                "invalid_client", "Bad client credentials", status=401, vendor_code="KOE010"
            )

    def token_answer(self, issued: Issued) -> dict[str, object]:
        """Return the answer of an app that has OpenID Connect switched on, so with an ID token."""
        claims = kakao_account.id_token(issued.grant, issuer=self.origin)
        return {
            "id_token": self.fault.id_token(claims, self.key),
            "access_token": issued.access_token,
            "token_type": "bearer",
            "refresh_token": issued.refresh_token,
            "expires_in": TOKEN_SECONDS,
            "scope": " ".join(sorted(kakao_account.agreed(issued.grant))),
            "refresh_token_expires_in": REFRESH_TOKEN_SECONDS,
        }

    def me(self, request: HttpRequest) -> HttpResponse:
        held = self.holder(request, "GET", "HEAD", "POST")
        if isinstance(held, HttpResponse):
            return held
        grant = held[0].grant
        told = kakao_account.me(grant, connected_at=self.link(grant.identity.subject))
        return self.answer(self.fault.account(told))

    def access_token_info(self, request: HttpRequest) -> HttpResponse:
        held = self.holder(request, "GET", "HEAD")
        if isinstance(held, HttpResponse):
            return held
        issued, seconds_left = held
        person = int(issued.grant.identity.subject)
        info: dict[str, object] = {"id": person, "expires_in": seconds_left, "app_id": self.app_id}
        return self.answer(self.fault.token_info(info))

    def jwks(self, request: HttpRequest) -> HttpResponse:
        return self.answer(self.jwk_set())

    @override
    def native_answer(self, issued: Issued) -> dict[str, object]:
        claims = kakao_account.id_token(issued.grant, issuer=self.origin)
        return {
            "access_token": issued.access_token,
            "id_token": self.fault.id_token(claims, self.key),
        }

    def unlink(self, request: HttpRequest) -> HttpResponse:
        """Disconnect the owner of the bearer token, and end all tokens of that person.

        With the admin key, disconnect the person in `target_id`.
        """
        if request.headers.get("Authorization", "").startswith("KakaoAK "):
            return self.unlink_by_admin(request)
        held = self.holder(request, "POST")
        if isinstance(held, HttpResponse):
            return held
        return self.unlinked(held[0].grant.identity.subject)

    def unlink_by_admin(self, request: HttpRequest) -> HttpResponse:
        try:
            form = posted_form(request)
        except OAuthError as exc:
            return self.answer({"msg": str(exc), "code": -2}, status=exc.status)
        sent = request.headers["Authorization"].encode()
        if not hmac.compare_digest(sent, f"KakaoAK {self.admin_key}".encode()):
            return self.answer({"msg": "wrong appKey format", "code": -401}, status=401)
        if form.get("target_id_type") != "user_id" or not form.get("target_id"):
            return self.answer({"msg": "target_id must not be null", "code": -2}, status=400)
        if form.get("target_id") not in self.linked:
            told = {"msg": "NotRegisteredUserException", "code": -101}
            return self.answer(told, status=400)
        return self.unlinked(form.get("target_id"))

    def unlinked(self, subject: str) -> HttpResponse:
        with self.ledger.lock:
            self.ledger.revoke_all_of(subject)
            self.linked.pop(subject, None)
        return self.answer({"id": int(subject)})

    def unlink_user(self, request: HttpRequest) -> HttpResponse:
        """Remove a person's connection on the stand-in's side, as on Kakao's own pages.

        Returns JSON with the header and the parameters of the webhook, which the caller sends to the
        site. Returns 405 unless the method is POST, and 400 for a bad form.
        """
        if request.method != "POST":
            return self.not_allowed(request, "POST")
        try:
            form = form_of(request)
        except ValueError as exc:
            return self.answer({"error": str(exc)}, status=400)
        self.linked.pop(form.get("user_id"), None)
        sent = {"app_id": str(self.app_id), "user_id": form.get("user_id")}
        return self.answer(
            {
                "authorization": f"KakaoAK {self.admin_key}",
                "parameters": sent | {"referrer_type": "UNLINK_FROM_APPS"},
            }
        )

    @override
    def event_claims(self, form: Parameters) -> dict[str, object]:
        """Kakao names the person in `sub`, and the time of the event in `toe`."""
        audience = form.get("client_id") or self.client.client_id
        claims = security_events.claims(form, issuer=self.origin, audience=audience)
        return claims | {"sub": form.get("sub"), "toe": claims["iat"]}

    def logout(self, request: HttpRequest) -> HttpResponse:
        held = self.holder(request, "POST")
        if isinstance(held, HttpResponse):
            return held
        self.ledger.revoke(held[0].access_token)
        return self.answer({"id": int(held[0].grant.identity.subject)})

    def holder(self, request: HttpRequest, *methods: str) -> Held | HttpResponse:
        if request.method not in methods:
            allow = {"Allow": ", ".join(methods)}
            return self.answer({"msg": "method not allowed", "code": -2}, status=405, headers=allow)
        token = bearer_token(request)
        held = self.ledger.bearer(token)
        if held is None:
            message = "this access token does not exist" if token else "no authentication key!"
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            return self.answer({"msg": message, "code": -401}, status=401, headers=challenge)
        return held

    def link(self, subject: str) -> dt.datetime:
        """Return the time since which this person is connected. The first call connects them."""
        with self.ledger.lock:
            since = self.linked.setdefault(subject, dt.datetime.now(dt.UTC).replace(microsecond=0))
            while len(self.linked) > MAX_REMEMBERED:
                self.linked.popitem(last=False)
            return since


def main() -> NoReturn:
    parser = standin_process.parser_for("Kakao", port=8003)
    parser.add_argument(
        "--app-id", type=int, default=100001, help="app_id in token information (%(default)s)"
    )
    parser.add_argument(
        "--admin-key", type=standin_process.not_empty, default="demo-kakao-admin-key"
    )
    arguments = parser.parse_args()

    def make(client: Client, ledger: Ledger, origin: str) -> KakaoStandIn:
        return KakaoStandIn(
            client, ledger, origin, app_id=arguments.app_id, admin_key=arguments.admin_key
        )

    standin_process.run("Kakao", arguments, make, token_seconds=TOKEN_SECONDS)


if __name__ == "__main__":
    main()
