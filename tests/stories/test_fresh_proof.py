"""Refuse sensitive acts of an old sign-in at every door, until its user proves it again.

`SENSITIVE` and `EXEMPT` list every address of the site. A new address must get into one of them.
"""

import json
import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.urls import URLResolver, get_resolver
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.signins.models import AuthSession
from api.tokens.jwts import AccessJWT
from tests.kit.clients import CHROME, bearer, sign_in
from tests.kit.doors import DOORS, NO_DOORS, PASSKEY_DOORS, SECOND_STEPS
from tests.kit.factories import PASSWORD, AuthSessionFactory, UserFactory
from tests.kit.mails import code_in
from tests.kit.proofs import (
    confirm_by_password,
    let_proofs_age,
    prove_by_token,
    send_again,
)

pytestmark = pytest.mark.django_db
THEIRS = "a password of the thief"
MINJI_AT_KAKAO = "4012345671"
PROVIDERS = ("google", "kakao", "naver")
CHALLENGE = 'Bearer realm="api", error="insufficient_user_authentication", max_age="600"'
SENSITIVE = {
    "api/me/",
    "api/me/data/",
    "api/sessions/",
    "api/sessions/<uuid:sid>/",
    "api/sessions/<uuid:sid>/denial/",
    "api/activity/<int:id>/denial/",
    "accounts/2fa/passkeys/<int:pk>/name/",
    "accounts/2fa/passkeys/<int:pk>/remove/",
    "accounts/2fa/passkeys/add/",
    "accounts/2fa/recovery-codes/generate/",
    "accounts/2fa/totp/activate/",
    "accounts/2fa/totp/deactivate/",
    "accounts/data/",
    "accounts/activity/not-me/",
    "accounts/delete/",
    "accounts/3rdparty/",
    "accounts/email/",
    "accounts/google/login/",
    "accounts/kakao/login/",
    "accounts/naver/login/",
    "accounts/password/change/",
    "accounts/password/set/",
    "accounts/sessions/<uuid:sid>/revoke/",
    "accounts/sessions/revoke-others/",
    "headless/account/authenticators/recovery-codes",
    "headless/account/authenticators/totp",
    "headless/account/authenticators/webauthn",
    "headless/account/email",
    "headless/account/password/change",
    "headless/account/providers",
    "headless/auth/provider/redirect",
    "headless/auth/provider/token",
}
"""`acts_of` has the calls; test_enrolment.py and tests/api/signin/test_webauthn.py those of second factors; tests/api/signin/test_stepup.py those of `api/me/`; tests/api/views/test_denials.py those of reports. A change of the password has its proof in the form: the current one."""
READS = "changes nothing"
SIGNS_IN = "signs in, which is a proof by itself"
PROVES = "takes a proof"
OWN = "ends this sign-in only"
CODE = "needs a code or link that was mailed after a proof, or before a sign-in"
STOPS = "only stops an operator's reset of second factors"
OF_A_PROVIDER = "a provider calls it, or sends the browser back"
EXEMPT = {
    "": READS,
    "api/activity/": READS,
    "api/docs/": READS,
    "api/events/ticket/": "opens a stream, which only reads",
    "api/schema/": READS,
    "api/revocations/": READS,
    "api/token/": SIGNS_IN,
    "api/token/code/": CODE,
    "api/token/code/confirm/": SIGNS_IN,
    "api/token/introspect/": READS,
    "api/token/mfa/": SIGNS_IN,
    "api/token/passkey/": SIGNS_IN,
    "api/token/passkey/options/": READS,
    "api/token/refresh/": "needs the refresh token, and renews no proof",
    "api/token/revoke/": OWN,
    "api/token/exchange/": SIGNS_IN,
    "api/token/social/": SIGNS_IN,
    "api/token/service/": "takes the secret of an API key, and is for no person",
    "api/token/verify/": READS,
    "api/trusted-browsers/": READS,
    "api/trusted-browsers/<uuid:id>/": "only asks for the second step again",
    "api/verify": READS,
    "api/verify/services": READS,
    "accounts/": READS,
    "accounts/3rdparty/link/": SIGNS_IN,
    "accounts/3rdparty/login/cancelled/": READS,
    "accounts/3rdparty/login/error/": READS,
    "accounts/3rdparty/signup/": SIGNS_IN,
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": CODE,
    "accounts/2fa/": READS,
    "accounts/2fa/authenticate/": SIGNS_IN,
    "accounts/2fa/enrol/": SIGNS_IN,
    "accounts/2fa/passkeys/": READS,
    "accounts/2fa/passkeys/later/": "closes an offer",
    "accounts/2fa/passkeys/options/<str:purpose>/": "only asks; for a new passkey after a proof",
    "accounts/2fa/reauthenticate/": PROVES,
    "accounts/2fa/recovery-codes/new/": "shows the codes that this sign-in made after a proof",
    "accounts/2fa/reset/stop/": STOPS,
    "accounts/2fa/reset/stop/<str:token>/": STOPS,
    "accounts/activity/": READS,
    "accounts/confirm-email/": CODE,
    "accounts/email/confirm/<str:token>/": "needs the link of a mail to the new address",
    "accounts/email/stop/<str:token>/": STOPS,
    "accounts/continue/<str:key>/": "shows a form, whose address asks",
    "accounts/ended/": READS,
    "accounts/google/login/callback/": OF_A_PROVIDER,
    "accounts/google/security-events/": OF_A_PROVIDER,
    "accounts/inactive/": READS,
    "accounts/kakao/login/callback/": OF_A_PROVIDER,
    "accounts/kakao/security-events/": OF_A_PROVIDER,
    "accounts/kakao/unlinked/": OF_A_PROVIDER,
    "accounts/login/": SIGNS_IN,
    "accounts/login/code/": CODE,
    "accounts/login/code/confirm/": SIGNS_IN,
    "accounts/login/passkey/": SIGNS_IN,
    "accounts/invitation/<str:token>/": "keeps the token of an invitation for the form of the sign-up",
    "accounts/logout/": OWN,
    "accounts/not-me/": "needs the link of a notice, and ends sign-ins",
    "accounts/not-me/<str:token>/": READS,
    "accounts/naver/login/callback/": OF_A_PROVIDER,
    "accounts/password/reset/": CODE,
    "accounts/password/reset/done/": READS,
    "accounts/password/reset/key/done/": READS,
    "accounts/profile/": "name and language only",
    "accounts/reauthenticate/": PROVES,
    "accounts/reauthenticate/by/<str:provider>/": PROVES,
    "accounts/reauthenticate/code/": PROVES,
    "accounts/reauthenticate/code/confirm/": PROVES,
    "accounts/sessions/": READS,
    "accounts/sessions/trusted/<uuid:id>/end/": "only asks for the second step again",
    "accounts/signup/passkey/": SIGNS_IN,
    "accounts/signup/passkey/add/": SIGNS_IN,
    "accounts/signup/": SIGNS_IN,
    "_allauth/<str:client>/v1/account/phone": "not offered",
    "_allauth/<str:client>/v1/auth/phone/<path:step>": "not offered",
    "headless/account/authenticators": READS,
    "headless/account/phone": "not offered",
    "headless/auth/2fa/authenticate": SIGNS_IN,
    "headless/auth/2fa/enrol": SIGNS_IN,
    "headless/auth/2fa/reauthenticate": PROVES,
    "headless/auth/code/confirm": SIGNS_IN,
    "headless/auth/code/request": CODE,
    "headless/auth/code/resend": CODE,
    "headless/auth/email/verify": CODE,
    "headless/auth/email/verify/resend": CODE,
    "headless/auth/login": SIGNS_IN,
    "headless/auth/password/request": CODE,
    "headless/auth/password/reset": CODE,
    "headless/auth/phone/verify": "not offered",
    "headless/auth/phone/verify/resend": "not offered",
    "headless/auth/provider/signup": SIGNS_IN,
    "headless/auth/reauthenticate": PROVES,
    "headless/auth/reauthenticate/code/confirm": PROVES,
    "headless/auth/reauthenticate/code/request": PROVES,
    "headless/auth/reauthenticate/code/resend": PROVES,
    "headless/auth/reauthenticate/provider": PROVES,
    "headless/auth/session": OWN,
    "headless/auth/signup": SIGNS_IN,
    "headless/auth/webauthn/authenticate": SIGNS_IN,
    "headless/auth/webauthn/enrol": SIGNS_IN,
    "headless/auth/webauthn/signup": SIGNS_IN,
    "headless/auth/webauthn/login": SIGNS_IN,
    "headless/auth/webauthn/reauthenticate": PROVES,
    "headless/config": READS,
    "headless/tokens/refresh": "needs the refresh token, and renews no proof",
    "brand/<str:version>.css": READS,
    "i18n/setlang/": "language only",
    ".well-known/apple-app-site-association": READS,
    ".well-known/assetlinks.json": READS,
    ".well-known/change-password": READS,
    ".well-known/passkey-endpoints": READS,
    ".well-known/jwks.json": READS,
    ".well-known/oauth-authorization-server": READS,
}


def routes_below(resolver, prefix=""):
    for route in resolver.url_patterns:
        path = f"{prefix}{route.pattern}"
        if isinstance(route, URLResolver):
            yield from routes_below(route, path)
        else:
            yield re.sub(r"^_allauth/(app|browser)/v1/", "headless/", path)


def test_every_address_is_sensitive_or_says_why_not():
    addresses = set(routes_below(get_resolver("config.urls")))
    of_the_admin = {path for path in addresses if path.startswith("admin/")}

    assert addresses - of_the_admin == SENSITIVE | EXEMPT.keys()
    assert not SENSITIVE & EXEMPT.keys()


def test_every_address_that_could_sign_in_is_a_door_or_says_why_not():
    """`tests.kit.doors` walks through each door with each second factor."""
    could = {path for path, why in EXEMPT.items() if why in (SIGNS_IN, CODE, OF_A_PROVIDER)}
    # Named among the sensitive acts, because it also connects; and the admin's pages.
    could |= {"headless/auth/provider/token", "admin/"}

    assert could == DOORS.keys() | PASSKEY_DOORS.keys() | NO_DOORS.keys() | SECOND_STEPS
    assert not DOORS.keys() & NO_DOORS.keys()


# An account, its two thieves, and what they try


@pytest.fixture(params=["password", "kakao"])
def kind(request):
    return request.param


@pytest.fixture
def account(kind, kakao):
    """Return a user with two addresses and two providers. Only one kind has a password."""
    user = UserFactory(email="owner@example.com")
    if kind == "kakao":
        user.set_unusable_password()
        user.save()
    EmailAddress.objects.create(user=user, email="second@example.com", verified=True)
    SocialAccount.objects.create(user=user, provider="kakao", uid=MINJI_AT_KAKAO)
    SocialAccount.objects.create(user=user, provider="google", uid="1")
    return user


@pytest.fixture
def cookie(account, kind, kakao, walk):
    """Return a browser with the owner's session cookie, an hour after the sign-in."""
    browser = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    if kind == "kakao":
        walk(kakao, browser=browser)
    else:
        sign_in(browser, account)
    let_proofs_age()
    return browser


@pytest.fixture
def access(account, kind, kakao, send):
    """Return the owner's access token, an hour after the sign-in."""
    if kind == "kakao":
        answer = send("api", kakao, kakao.native())
    else:
        answer = sign_in(Client(), account, door="api")
    assert answer.status_code == 200, answer.content
    let_proofs_age()
    return answer.json()["access"]


@pytest.fixture
def device(account):
    return AuthSessionFactory(user=account)


def state_of(user):
    """Return what the acts would change."""
    user.refresh_from_db()
    return {
        "password": user.password,
        "erase_at": user.erase_at,
        "addresses": sorted(EmailAddress.objects.values_list("email", "primary", "verified")),
        "connections": sorted(SocialAccount.objects.values_list("provider", "uid")),
        "sign-ins": set(AuthSession.objects.filter(revoked_at=None).values_list("pk", flat=True)),
    }


def acts_of(user, device, google):
    """Return the acts of each door: method, path, body."""
    theirs = {"client_id": google.native_client} | google.native(identity="2")
    second, connection = (
        {"email": "second@example.com"},
        SocialAccount.objects.get(provider="google"),
    )
    pages = [
        ("POST", "accounts/email/", {"action_add": "", "email": "thief@example.com"}),
        ("POST", "accounts/delete/", {}),
        ("POST", "accounts/email/", {"action_primary": "", **second}),
        ("POST", "accounts/email/", {"action_remove": "", **second}),
        ("POST", "accounts/3rdparty/", {"account": connection.pk}),
        ("POST", f"accounts/sessions/{device.pk}/revoke/", {}),
        ("POST", "accounts/sessions/revoke-others/", {}),
        ("POST", "accounts/activity/not-me/", {"sid": device.pk}),
        *(("POST", f"accounts/{name}/login/?process=connect", {}) for name in PROVIDERS),
    ]
    headless = [
        ("POST", "account/email", {"email": "thief@example.com"}),
        ("PATCH", "account/email", {**second, "primary": True}),
        ("DELETE", "account/email", second),
        ("DELETE", "account/providers", {"provider": "google", "account": "1"}),
        (
            "POST",
            "auth/provider/token",
            {"provider": "google", "process": "connect", "token": theirs},
        ),
    ]
    if not user.has_usable_password():
        pages.append(("GET", "accounts/password/set/", {}))
        pages.append(("POST", "accounts/password/set/", {"password1": THEIRS}))
        headless.append(("POST", "account/password/change", {"new_password": THEIRS}))
    return {"page": pages, "headless": headless}


def offered_in(answer):
    return [flow["id"] for flow in answer.json()["data"]["flows"]]


def ways_of(user):
    first = ["reauthenticate"] if user.has_usable_password() else []
    return [*first, "reauthenticate_by_code", "reauthenticate_by_provider"]


def test_a_stolen_cookie_changes_nothing_on_pages(account, cookie, device, google, naver):
    before = state_of(account)
    expected = (
        "/accounts/reauthenticate/?next="
        if account.has_usable_password()
        else "/accounts/reauthenticate/code/?next="
    )

    for verb, path, body in acts_of(account, device, google)["page"]:
        call = cookie.get if verb == "GET" else cookie.post
        answer = call(f"/{path}", body)
        assert (path, answer.status_code) == (path, 302)
        assert answer["Location"].startswith(expected), path
    assert state_of(account) == before


@pytest.mark.parametrize("client", ["app", "browser"])
def test_a_stolen_credential_changes_nothing_by_headless(
    account, cookie, access, device, google, client
):
    before = state_of(account)
    caller, headers = (Client(), bearer(access)) if client == "app" else (cookie, {})
    caller.raise_request_exception = False

    for verb, path, body in acts_of(account, device, google)["headless"]:
        answer = caller.generic(
            verb,
            f"/_allauth/{client}/v1/{path}",
            json.dumps(body),
            content_type="application/json",
            headers=headers,
        )
        assert (path, answer.status_code) == (path, 401)
        assert offered_in(answer) == ways_of(account), path
        assert answer["WWW-Authenticate"] == CHALLENGE
    assert state_of(account) == before


def test_a_stolen_cookie_starts_no_connection_by_headless(account, cookie, google):
    answer = cookie.post(
        "/_allauth/browser/v1/auth/provider/redirect",
        {"provider": "google", "process": "connect", "callback_url": "http://testserver/app/"},
    )

    assert answer.status_code == 401
    assert offered_in(answer) == ways_of(account)


@pytest.mark.parametrize("whose", ["{sid}/", ""])
@pytest.mark.parametrize("by", ["access token", "cookie"])
def test_a_stolen_credential_ends_no_other_device_by_api(
    account, cookie, access, device, by, whose
):
    before = state_of(account)
    caller, headers = (Client(), bearer(access)) if by == "access token" else (cookie, {})

    answer = caller.delete("/api/sessions/" + whose.format(sid=device.pk), headers=headers)
    body = answer.json()

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == CHALLENGE
    assert answer["Content-Type"] == "application/problem+json"
    assert (body["code"], body["max_age"]) == ("fresh_proof_required", 600)
    assert [flow["id"] for flow in body["flows"]] == ways_of(account)
    assert state_of(account) == before


@pytest.mark.parametrize("kind", ["password"], indirect=True)
def test_a_password_change_needs_the_current_password(account, cookie, access):
    before = state_of(account)

    page = cookie.post(
        "/accounts/password/change/", {"oldpassword": "a guess", "password1": THEIRS}
    )
    answers = [
        Client().post(
            "/_allauth/app/v1/account/password/change",
            json.dumps({"new_password": THEIRS} | guess),
            content_type="application/json",
            headers=bearer(access),
        )
        for guess in ({}, {"current_password": "a guess"})
    ]

    assert page.status_code == 200
    assert [answer.status_code for answer in answers] == [400, 400]
    assert state_of(account) == before


def test_this_device_may_sign_out_without_a_proof(access):
    sid = AuthSession.objects.get().pk

    answer = Client().delete(f"/api/sessions/{sid}/", headers=bearer(access))

    assert answer.status_code == 204


# The way on


@pytest.mark.parametrize("proof", ["first", "provider"])
def test_a_page_goes_on_with_the_act_after_the_proof(
    account, cookie, device, kind, kakao, deliver, proof
):
    asked = cookie.post("/accounts/sessions/revoke-others/")
    before = cookie.cookies["session"].value
    if proof == "provider":
        alternatives = cookie.get(asked["Location"]).text
        there = re.search(r'href="(/accounts/reauthenticate/by/kakao/[^"]+)"', alternatives)[1]
        page = cookie.get(there)
        assert "Kakao will ask you to sign in again" in page.text
        start = cookie.post(there)
        confirmed = cookie.get(kakao.consent(start["Location"]))
    elif kind == "password":
        confirmed = confirm_by_password(cookie, asked)
    else:
        sent = cookie.post(asked["Location"], {"recipient": account.email})
        confirmed = cookie.post(sent["Location"], {"code": code_in(deliver()[-1])})
    kept = AuthSession.objects.filter(pk=device.pk, revoked_at=None).exists()
    done = send_again(cookie, confirmed)

    assert kept
    assert cookie.cookies["session"].value != before
    assert done["Location"] == "/accounts/sessions/"
    assert not AuthSession.objects.filter(pk=device.pk, revoked_at=None).exists()
    assert AuditEvent.objects.filter(type="session.proved", user=account).count() == 1


@pytest.mark.parametrize("proof", ["first", "provider"])
def test_an_app_goes_on_after_the_proof(
    account, access, device, kind, kakao, confirm_by_app, proof
):
    if proof == "provider":
        # Not the ID token: within a second it is the one that the sign-in has used.
        answer = prove_by_token(access, kakao, {"access_token": kakao.native()["access_token"]})
        assert answer.status_code == 200, answer.content
    elif kind == "password":
        Client().post(
            "/_allauth/app/v1/auth/reauthenticate",
            json.dumps({"password": PASSWORD}),
            content_type="application/json",
            headers=bearer(access),
        )
    else:
        confirm_by_app(access, account)

    by_api = Client().delete(f"/api/sessions/{device.pk}/", headers=bearer(access))
    by_headless = Client().post(
        "/_allauth/app/v1/account/email",
        json.dumps({"email": "new@example.com"}),
        content_type="application/json",
        headers=bearer(access),
    )

    assert by_api.status_code == 204
    assert by_headless.status_code == 200


def test_a_headless_browser_goes_on_after_the_proof(account, cookie, kind, deliver):
    if kind == "password":
        steps = [("auth/reauthenticate", lambda: {"password": PASSWORD})]
    else:
        steps = [
            ("auth/reauthenticate/code/request", lambda: {"email": account.email}),
            ("auth/reauthenticate/code/confirm", lambda: {"code": code_in(deliver()[-1])}),
        ]
    steps.append(("account/email", lambda: {"email": "new@example.com"}))

    answers = [
        cookie.post(
            f"/_allauth/browser/v1/{path}", json.dumps(body()), content_type="application/json"
        ).status_code
        for path, body in steps
    ]

    assert set(answers) == {200}


def test_new_tokens_tell_of_the_proof(user, pair, post):
    let_proofs_age()
    old = AuthSession.objects.get().auth_time

    Client().post(
        "/_allauth/app/v1/auth/reauthenticate",
        json.dumps({"password": PASSWORD}),
        content_type="application/json",
        headers=bearer(pair["access"]),
    )
    refreshed = post("/api/token/refresh/", {"refresh": pair["refresh"]}).json()
    claims = AccessJWT(refreshed["access"]).payload

    assert claims["auth_time"] >= int((old + timedelta(minutes=59)).timestamp())
    assert claims["amr"] == ["pwd"]


def test_a_new_sign_in_is_a_proof_for_ten_minutes(signed_in, user, time_machine):
    other = AuthSessionFactory(user=user)
    time_machine.move_to(timezone.now(), tick=False)

    at_once = signed_in.post(f"/accounts/sessions/{other.pk}/revoke/")
    let_proofs_age(hours=599 / 3600)
    in_time = signed_in.post("/accounts/sessions/revoke-others/")
    let_proofs_age(hours=601 / 3600)
    late = signed_in.post("/accounts/sessions/revoke-others/")

    assert [at_once["Location"], in_time["Location"]] == ["/accounts/sessions/"] * 2
    assert late["Location"].startswith("/accounts/reauthenticate/")
