"""Security event tokens (RFC 8417), as the stand-ins of Google and Kakao make them."""

import secrets
import time

from django.http import HttpRequest, HttpResponse

from demo.consent import ConsentStandIn
from demo.oauth_standin import Parameters
from demo.received import form_of

SCHEMA = "https://schemas.openid.net/secevent/{kind}/event-type/{name}"
OAUTH = {"tokens-revoked", "token-revoked", "user-linked", "user-unlinked", "user-scope-withdraw"}
CAEP = {"session-revoked", "credential-change", "assurance-level-change"}
KAKAOS_OWN = {
    "user-profile-changed": "https://schemas.kakao.com/platevent/kakao/event-type/user-profile-changed"
}


class EventSender(ConsentStandIn):
    """Makes the token that the provider would push now. The caller pushes it."""

    def event_claims(self, form: Parameters) -> dict[str, object]:
        raise NotImplementedError

    def security_event(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return self.not_allowed(request, "POST")
        try:
            form = form_of(request)
        except ValueError as exc:
            return self.answer({"error": str(exc)}, status=400)
        return self.answer({"token": self.fault.event(self.event_claims(form), self.key)})


def claims(form: Parameters, *, issuer: str, audience: str) -> dict[str, object]:
    """Return the members that the providers document. A `verification` names no person."""
    name, event = form.get("event"), dict[str, object](state="a try")
    if name != "verification":
        event = {"subject": {"subject_type": "iss-sub", "iss": issuer, "sub": form.get("sub")}}
    if form.get("reason"):
        event["reason"] = form.get("reason")
    return {
        "iss": issuer,
        "aud": audience,
        "iat": int(time.time()),
        "jti": secrets.token_hex(16),
        "events": {_uri(name): event},
    }


def _uri(name: str) -> str:
    kind = "oauth" if name in OAUTH else "caep" if name in CAEP else "risc"
    return KAKAOS_OWN.get(name) or SCHEMA.format(kind=kind, name=name)
