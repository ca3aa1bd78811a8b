"""Stand in for Naver Login: nid and openapi on one origin. `python -m demo.naver --help`."""

from typing import NoReturn

from django.http import HttpRequest, HttpResponse
from django.urls import path
from typing_extensions import override

from demo import standin_process
from demo.consent import ConsentStandIn, stable_number
from demo.ledger import Grant, Issued, Ledger
from demo.oauth_standin import AuthorizeRequest, Client, Identity, OAuthError, Parameters
from demo.received import bearer_token, posted_form

TOKEN_SECONDS = 3600
HEADLINES = {
    "client_id": (400, "네이버 로그인을 할 수 없습니다 (client_id)"),
    "redirect_uri": (400, "네이버 로그인을 할 수 없습니다 (Callback URL)"),
}


class NaverStandIn(ConsentStandIn):
    slug = "naver"
    authorize_path = "oauth2.0/authorize"
    identities = (
        Identity("q8Zt3mXv0aR-Wn5cYk2LhPd7Uqs1JbGf9iOoT4xEwHA", "김민지", "minji.kim@example.com"),
        Identity("Vb6yN1_rKz0Qe4TgXs9MpLc3HwUo7JdFa2Ri5kYnEx8", "최지우", "jiwoo.choi@example.com"),
        Identity(
            "m2Xc7WfLp9Yq0VtRb5Jn-Kh3ZsGe8Ud1AoTi4yMrQx6", "정하준", "", is_email_shared=False
        ),
    )

    def __init__(self, client: Client, ledger: Ledger, origin: str) -> None:
        super().__init__(client, ledger, origin)
        self.urlpatterns += [path("oauth2.0/token", self.token), path("v1/nid/me", self.me)]

    @override
    def scopes_of(self, scope: str) -> frozenset[str] | None:
        """Return a fixed scope. Naver has no scopes: an app's console decides which data it receives."""
        return frozenset({"profile"})

    @override
    def refusal_of(self, reason: str) -> tuple[int, str]:
        return HEADLINES.get(reason, (400, "네이버 로그인을 할 수 없습니다"))

    @override
    def redirect_extras(self, asked: AuthorizeRequest) -> dict[str, str]:
        return {}

    @override
    def denial(self) -> dict[str, str]:
        return {"error": "access_denied", "error_description": "Canceled By User"}

    @override
    def typed_identity(self, name: str, email: str) -> Identity | None:
        known = name or email.partition("@")[0]
        subject = "T" + stable_number(email or name, digits=42)
        return Identity(subject, known, email, is_email_shared=bool(email)) if known else None

    def token(self, request: HttpRequest) -> HttpResponse:
        """Exchange a code. As at Naver, errors have status 200 and `expires_in` is a string."""
        try:
            issued = self.exchange(posted_form(request))
        except OAuthError as exc:
            return self.answer(exc.body, headers=exc.headers)
        return self.answer(
            {
                "access_token": issued.access_token,
                "refresh_token": issued.refresh_token,
                "token_type": "bearer",
                "expires_in": str(TOKEN_SECONDS),
            }
        )

    def exchange(self, form: Parameters) -> Issued:
        if form.get("grant_type") != "authorization_code":
            raise OAuthError("unsupported_grant_type", "unsupported grant_type")
        known = self.client.is_known_as(form.get("client_id"))
        if not (known and self.client.has_secret(form.get("client_secret"))):
            raise OAuthError("invalid_request", "wrong client id / client secret pair")
        for name in ("code", "state"):
            if not form.get(name):
                raise OAuthError("invalid_request", f"{name} is missing")
        outcome = self.ledger.redeem(
            form.get("code"),
            client_id=form.get("client_id"),
            redirect_uri=None,  # Naver's token endpoint has no such parameter
            verifier=form.get("code_verifier"),
        )
        if not isinstance(outcome, Issued):
            raise OAuthError("invalid_request", "no valid data in session")
        return outcome

    def me(self, request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD", "POST"}:
            return self.refused("405", "Method Not Allowed", {"Allow": "GET, HEAD, POST"})
        token = bearer_token(request)
        held = self.ledger.bearer(token)
        if held is None:
            missing = ("028", "Authentication header not exists")
            return self.refused(*(("024", "Authentication failed") if token else missing))
        told = member(held[0].grant)
        answer: dict[str, object] = {"resultcode": "00", "message": "success", "response": told}
        return self.answer(self.fault.member(answer))

    def refused(
        self, code: str, message: str, headers: dict[str, str] | None = None
    ) -> HttpResponse:
        status = 405 if headers else 401
        return self.answer(
            {"resultcode": code, "message": message}, status=status, headers=headers or {}
        )

    @override
    def native_answer(self, issued: Issued) -> dict[str, object]:
        return {"access_token": issued.access_token}


def member(grant: Grant) -> dict[str, object]:
    """Return a member's profile.

    Like real Naver, it may hold more than the site asked for: the developer chooses the fields in
    Naver's console.
    """
    identity = grant.identity
    email = {"email": identity.email} if identity.is_email_shared else {}
    return {
        "id": identity.subject,
        "nickname": identity.name[-2:],
        "name": identity.name,
        **email,
        "gender": "U",
        "birthday": "10-01",
        "birthyear": "1999",
        "mobile": "010-0000-0000",
    }


def main() -> NoReturn:
    arguments = standin_process.parser_for("Naver", port=8004).parse_args()
    standin_process.run("Naver", arguments, NaverStandIn, token_seconds=TOKEN_SECONDS)


if __name__ == "__main__":
    main()
