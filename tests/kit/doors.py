"""Walk through every door up to its second step, for the matrix of doors, factors and policies.

A door is a function of a `Site`. It gives the first step and returns a function that takes an answer
and sends it as the second step: a code, or the device that has the passkey. A door of `PASSKEY_DOORS`
signs in by the passkey alone.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone

from tests.kit import legacy
from tests.kit.clients import sign_in
from tests.kit.factories import PASSWORD
from tests.kit.factors import app_code, enrol, enrol_passkey
from tests.kit.mails import code_in
from tests.kit.passkeys import SoftAuthenticator

STEP = "/accounts/2fa/authenticate/"
PASSKEY_OPTIONS = "/accounts/2fa/passkeys/options"
SHY_AT_KAKAO = "4012345673"
"""A person at Kakao who shares no address."""


@dataclass
class Site:
    owner: Any
    """Has the address that every provider's stand-in vouches for."""
    google: Any
    kakao: Any
    naver: Any
    walk: Any
    prove: Any
    send: Any
    deliver: Any
    browser: Client
    settings: Any
    policy: str = "nobody"
    has_factors: bool = True
    factors: Any = None
    phone: Any = None
    """Has the owner's passkey."""

    def enrol(self):
        """Give the owner the factors, and set the policy. Call after all preparations that sign in."""
        self.settings.MFA_REQUIRED_FOR = self.policy
        if self.has_factors:
            self.factors = enrol(self.owner)
            self.phone = enrol_passkey(self.owner)

    def answer(self, kind):
        """Return what the owner gives in the second step."""
        return {
            "webauthn": lambda: self.phone,
            "totp": lambda: app_code(self.factors[0]),
            "recovery_codes": self.factors[1].pop,
        }[kind]()


def post(client, path, body, **headers):
    return client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def by_step_page(site):
    def send(answer):
        if isinstance(answer, SoftAuthenticator):
            asked = site.browser.get(f"{PASSKEY_OPTIONS}/second_step/").json()
            return site.browser.post(STEP, {"credential": json.dumps(answer.get(asked))})
        return site.browser.post(STEP, {"code": answer})

    return send


def by_app_step(asked):
    headers = {"x-session-token": asked.json()["meta"].get("session_token", "")}
    return by_headless_step(Client(), "app", headers)


def by_headless_step(client, kind, headers=None):
    path, headers = f"/_allauth/{kind}/v1/auth", headers or {}

    def send(answer):
        if isinstance(answer, SoftAuthenticator):
            address = f"{path}/webauthn/authenticate"
            asked = client.get(address, headers=headers).json()["data"]["request_options"]
            return post(client, address, {"credential": answer.get(asked)}, **headers)
        return post(client, f"{path}/2fa/authenticate", {"code": answer}, **headers)

    return send


def by_mfa_token(asked):
    def send(answer):
        body = {"mfa_token": asked.json()["mfa_token"]}
        if isinstance(answer, SoftAuthenticator):
            options = post(Client(), "/api/token/passkey/options/", body).json()["public_key"]
            return post(Client(), "/api/token/mfa/", body | {"credential": answer.get(options)})
        return post(Client(), "/api/token/mfa/", body | {"code": answer})

    return send


def password_page(site):
    site.enrol()
    sign_in(site.browser, site.owner)
    return by_step_page(site)


def admin(site):
    type(site.owner).objects.update(is_staff=True)
    site.enrol()
    asked = site.browser.get("/admin/", follow=True)
    body = {"login": site.owner.email, "password": PASSWORD}
    site.browser.post(asked.redirect_chain[-1][0], body)
    return by_step_page(site)


def password_api(site):
    site.enrol()
    return by_mfa_token(sign_in(Client(), site.owner, door="api"))


def exchange_api(site):
    site.settings.LEGACY_TOKEN_KEY = legacy.KEY
    legacy.came(site.owner)
    site.enrol()
    return by_mfa_token(post(Client(), legacy.PATH, {"subject_token": legacy.old_token()}))


def password_app(site):
    site.enrol()
    return by_app_step(sign_in(Client(), site.owner, door="app"))


def password_headless_browser(site):
    site.enrol()
    body = {"email": site.owner.email, "password": PASSWORD}
    post(site.browser, "/_allauth/browser/v1/auth/login", body)
    return by_headless_step(site.browser, "browser")


def proved_email_page(site):
    site.enrol()
    EmailAddress.objects.update(verified=False)
    sign_in(site.browser, site.owner)
    site.browser.post("/accounts/confirm-email/", {"code": code_in(site.deliver()[-1])})
    return by_step_page(site)


def proved_email_app(site):
    site.enrol()
    EmailAddress.objects.update(verified=False)
    asked = sign_in(Client(), site.owner, door="app")
    headers = {"x-session-token": asked.json()["meta"]["session_token"]}
    path = "/_allauth/app/v1/auth/email/verify"
    post(Client(), path, {"key": code_in(site.deliver()[-1])}, **headers)
    return by_app_step(asked)


def link_page(site):
    site.enrol()
    site.walk(site.kakao)
    site.prove(password=PASSWORD)
    return by_step_page(site)


def link_page_by_mailed_code(site):
    site.enrol()
    site.walk(site.kakao)
    sent = site.prove("code")
    site.browser.post(sent["Location"], {"code": code_in(site.deliver()[-1])})
    return by_step_page(site)


def link_by_mailed_code_headless(site):
    site.enrol()
    site.walk(site.kakao)
    site.prove("code")
    body = {"code": code_in(site.deliver()[-1])}
    post(site.browser, "/_allauth/browser/v1/auth/code/confirm", body)
    return by_headless_step(site.browser, "browser")


def code_page(site):
    site.enrol()
    site.browser.post("/accounts/login/code/", {"email": site.owner.email})
    site.browser.post("/accounts/login/code/confirm/", {"code": code_in(site.deliver()[-1])})
    return by_step_page(site)


def code_api(site):
    site.enrol()
    asked = post(Client(), "/api/token/code/", {"email": site.owner.email})
    body = {
        "code_token": asked.json()["code_token"],
        "code": code_in(site.deliver()[-1]),
    }
    return by_mfa_token(post(Client(), "/api/token/code/confirm/", body))


def code_app(site):
    site.enrol()
    path = "/_allauth/app/v1/auth/code"
    asked = post(Client(), f"{path}/request", {"email": site.owner.email})
    headers = {"x-session-token": asked.json()["meta"]["session_token"]}
    post(Client(), f"{path}/confirm", {"code": code_in(site.deliver()[-1])}, **headers)
    return by_app_step(asked)


def known_address_page(site):
    """Come by Kakao without an address, and type that of the account: the mailed code connects."""
    site.enrol()
    site.walk(site.kakao, identity=SHY_AT_KAKAO)
    site.browser.post("/accounts/3rdparty/signup/", {"email": site.owner.email})
    site.browser.post("/accounts/confirm-email/", {"code": code_in(site.deliver()[-1])})
    return by_step_page(site)


def link_api(site):
    site.enrol()
    refused = site.send("api", site.kakao, site.kakao.native())
    token = refused.json()["link_token"]
    return by_mfa_token(sign_in(Client(), site.owner, door="api", link_token=token))


def _connect(site, name):
    """Connect the provider while the account has no factor, then enrol."""
    standin = getattr(site, name)
    sign_in(site.browser, site.owner)
    start = site.browser.post(f"/accounts/{name}/login/?process=connect")
    site.browser.get(standin.consent(start["Location"]))
    assert SocialAccount.objects.filter(provider=name).exists()
    site.browser.post("/accounts/logout/")
    site.enrol()
    return standin


def provider_page(name):
    def walk(site):
        site.walk(_connect(site, name))
        return by_step_page(site)

    return walk


def provider_app(site):
    standin = _connect(site, "kakao")
    return by_app_step(site.send("app", standin, standin.native()))


def provider_api(site):
    standin = _connect(site, "kakao")
    return by_mfa_token(site.send("api", standin, standin.native()))


def deletion_undo(site):
    """A sign-in keeps an account whose deletion was asked for."""
    type(site.owner).objects.update(erase_at=timezone.now() + timedelta(days=3))
    return password_page(site)


def passkey_page(site):
    asked = site.browser.get(f"{PASSKEY_OPTIONS}/sign_in/").json()
    return site.browser.post(
        "/accounts/login/passkey/", {"credential": json.dumps(site.phone.get(asked))}
    )


def passkey_api(site):
    asked = post(Client(), "/api/token/passkey/options/", {}).json()["public_key"]
    return post(Client(), "/api/token/passkey/", {"credential": site.phone.get(asked)})


def passkey_headless(kind):
    def walk(site):
        client = site.browser if kind == "browser" else Client()
        path = f"/_allauth/{kind}/v1/auth/webauthn/login"
        asked = client.get(path).json()["data"]["request_options"]
        return post(client, path, {"credential": site.phone.get(asked)})

    walk.__name__ = f"passkey_headless_{kind}"
    return walk


PASSKEY_DOORS = {
    "accounts/login/passkey/": [passkey_page],
    "api/token/passkey/": [passkey_api],
    "headless/auth/webauthn/login": [passkey_headless("app"), passkey_headless("browser")],
}
"""The doors that a passkey opens alone. Call `site.enrol` before."""
DOORS = {
    "accounts/login/": [password_page, deletion_undo],
    "admin/": [admin],
    "api/token/": [password_api, link_api],
    "api/token/code/confirm/": [code_api],
    "api/token/exchange/": [exchange_api],
    "api/token/social/": [provider_api],
    "accounts/3rdparty/link/": [link_page],
    "accounts/login/code/confirm/": [link_page_by_mailed_code, code_page],
    "accounts/confirm-email/": [proved_email_page, known_address_page],
    "accounts/google/login/callback/": [provider_page("google")],
    "accounts/kakao/login/callback/": [provider_page("kakao")],
    "accounts/naver/login/callback/": [provider_page("naver")],
    "headless/auth/login": [password_app, password_headless_browser],
    "headless/auth/code/confirm": [link_by_mailed_code_headless, code_app],
    "headless/auth/email/verify": [proved_email_app],
    "headless/auth/provider/token": [provider_app],
}
"""The doors, by their address in the URLconf."""
NEW = "newcomer@example.com"


def sign_up_page(site):
    return site.browser.post("/accounts/signup/", {"email": NEW, "password1": PASSWORD})


def sign_up_passkey_page(site):
    return site.browser.post("/accounts/signup/passkey/", {"email": NEW})


def sign_up_headless(kind):
    def walk(site):
        client = site.browser if kind == "browser" else Client(raise_request_exception=False)
        body = {"email": NEW, "password": PASSWORD}
        return post(client, f"/_allauth/{kind}/v1/auth/signup", body)

    walk.__name__ = f"sign_up_headless_{kind}"
    return walk


def sign_up_passkey_app(site):
    client = Client(raise_request_exception=False)
    return post(client, "/_allauth/app/v1/auth/webauthn/signup", {"email": NEW})


def sign_up_by_provider(name):
    def walk(site):
        return site.walk(getattr(site, name))

    walk.__name__ = f"sign_up_by_{name}"
    return walk


def sign_up_by_shy_provider(site):
    site.walk(site.kakao, identity=SHY_AT_KAKAO)
    return site.browser.post("/accounts/3rdparty/signup/", {"email": NEW})


def sign_up_by_shy_provider_headless(site):
    site.walk(site.kakao, identity=SHY_AT_KAKAO)
    return post(site.browser, "/_allauth/browser/v1/auth/provider/signup", {"email": NEW})


def sign_up_by_native_api(site):
    return site.send("api", site.kakao, site.kakao.native())


def sign_up_by_native_app(site):
    return site.send("app", site.kakao, site.kakao.native())


SIGN_UPS = {
    "accounts/signup/": [sign_up_page],
    "accounts/signup/passkey/": [sign_up_passkey_page],
    "headless/auth/signup": [sign_up_headless("app"), sign_up_headless("browser")],
    "headless/auth/webauthn/signup": [sign_up_passkey_app],
    "accounts/google/login/callback/": [sign_up_by_provider("google")],
    "accounts/kakao/login/callback/": [sign_up_by_provider("kakao")],
    "accounts/naver/login/callback/": [sign_up_by_provider("naver")],
    "accounts/3rdparty/signup/": [sign_up_by_shy_provider],
    "headless/auth/provider/signup": [sign_up_by_shy_provider_headless],
    "headless/auth/provider/token": [sign_up_by_native_app],
    "api/token/social/": [sign_up_by_native_api],
}
"""The doors that make an account, by their address in the URLconf."""


def finish_by_code_page(site):
    """The owner of a mailbox signs in by a code to an account that nobody has proved."""
    site.browser.post("/accounts/login/code/", {"email": NEW})
    return site.browser.post("/accounts/login/code/confirm/", {"code": code_in(site.deliver()[-1])})


def finish_by_code_api(site):
    asked = post(Client(), "/api/token/code/", {"email": NEW}).json()["code_token"]
    body = {"code_token": asked, "code": code_in(site.deliver()[-1])}
    return post(Client(raise_request_exception=False), "/api/token/code/confirm/", body)


def finish_by_code_app(site):
    path = "/_allauth/app/v1/auth/code"
    asked = post(Client(), f"{path}/request", {"email": NEW})
    headers = {"x-session-token": asked.json()["meta"]["session_token"]}
    body = {"code": code_in(site.deliver()[-1])}
    return post(Client(raise_request_exception=False), f"{path}/confirm", body, **headers)


def finish_by_sign_in(site):
    """A sign-in by password to such an account asks for the code of the sign-up."""
    body = {"login": NEW, "password": PASSWORD}
    site.browser.post("/accounts/login/", body)
    return site.browser.post("/accounts/confirm-email/", {"code": code_in(site.deliver()[-1])})


def finish_by_app_sign_in(site):
    body = {"email": NEW, "password": PASSWORD}
    asked = post(Client(), "/_allauth/app/v1/auth/login", body)
    headers = {"x-session-token": asked.json()["meta"]["session_token"]}
    body = {"key": code_in(site.deliver()[-1])}
    client = Client(raise_request_exception=False)
    return post(client, "/_allauth/app/v1/auth/email/verify", body, **headers)


FINISHES = {
    "accounts/login/code/confirm/": [finish_by_code_page],
    "api/token/code/confirm/": [finish_by_code_api],
    "headless/auth/code/confirm": [finish_by_code_app],
    "accounts/confirm-email/": [finish_by_sign_in],
    "headless/auth/email/verify": [finish_by_app_sign_in],
}
"""The doors that prove the address of an account which somebody began earlier."""
SECOND_STEPS = {
    "accounts/2fa/enrol/",
    "headless/auth/2fa/enrol",
    "accounts/2fa/authenticate/",
    "api/token/mfa/",
    "headless/auth/2fa/authenticate",
    "headless/auth/webauthn/authenticate",
    "headless/auth/webauthn/enrol",
}
"""The addresses that take the second step, or add a factor as the second step."""
NEW_ACCOUNT = "makes an account, which has no factor yet"
MAILS = "sends a mail only"
RESET = "sets a password, and signs nobody in"
ENDS = "a provider reports the end of something"
NO_DOORS = {
    "accounts/3rdparty/signup/": NEW_ACCOUNT,
    "accounts/signup/": NEW_ACCOUNT,
    "accounts/signup/passkey/": NEW_ACCOUNT,
    "accounts/signup/passkey/add/": NEW_ACCOUNT,
    "headless/auth/provider/signup": NEW_ACCOUNT,
    "headless/auth/signup": NEW_ACCOUNT,
    "headless/auth/webauthn/signup": NEW_ACCOUNT,
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": RESET,
    "accounts/login/code/": MAILS,
    "accounts/password/reset/": MAILS,
    "api/token/code/": MAILS,
    "headless/auth/code/request": MAILS,
    "headless/auth/code/resend": MAILS,
    "headless/auth/email/verify/resend": MAILS,
    "headless/auth/password/request": MAILS,
    "headless/auth/password/reset": RESET,
    "accounts/google/security-events/": ENDS,
    "accounts/kakao/security-events/": ENDS,
    "accounts/kakao/unlinked/": ENDS,
}
"""Addresses that could sign somebody in, and why they don't, or why no account there has a factor."""
