"""Walk through every door up to its second step, for the matrix of doors, factors and policies.

A door is a function of a `Site`. It gives the first step and returns a function that takes a code
and sends it as the second step.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone

from tests.kit.clients import sign_in
from tests.kit.factories import PASSWORD
from tests.kit.factors import app_code, enrol
from tests.kit.mails import code_in

STEP = "/accounts/2fa/authenticate/"
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

    def enrol(self):
        """Give the owner the factors, and set the policy. Call after all preparations that sign in."""
        self.settings.MFA_REQUIRED_FOR = self.policy
        if self.has_factors:
            self.factors = enrol(self.owner)

    def code(self, kind):
        return {
            "totp": lambda: app_code(self.factors[0]),
            "recovery_codes": self.factors[1].pop,
        }[kind]()


def post(client, path, body, **headers):
    return client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def by_step_page(site):
    return lambda code: site.browser.post(STEP, {"code": code})


def by_app_step(asked):
    token = asked.json()["meta"].get("session_token", "")
    path = "/_allauth/app/v1/auth/2fa/authenticate"
    return lambda code: post(Client(), path, {"code": code}, **{"x-session-token": token})


def by_mfa_token(asked):
    def send(code):
        body = {"mfa_token": asked.json()["mfa_token"], "code": code}
        return post(Client(), "/api/token/mfa/", body)

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


def password_app(site):
    site.enrol()
    return by_app_step(sign_in(Client(), site.owner, door="app"))


def password_headless_browser(site):
    site.enrol()
    path = "/_allauth/browser/v1/auth"
    post(site.browser, f"{path}/login", {"email": site.owner.email, "password": PASSWORD})
    return lambda code: post(site.browser, f"{path}/2fa/authenticate", {"code": code})


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
    path = "/_allauth/browser/v1/auth"
    post(site.browser, f"{path}/code/confirm", {"code": code_in(site.deliver()[-1])})
    return lambda code: post(site.browser, f"{path}/2fa/authenticate", {"code": code})


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


DOORS = {
    "accounts/login/": [password_page, deletion_undo],
    "admin/": [admin],
    "api/token/": [password_api, link_api],
    "api/token/code/confirm/": [code_api],
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
SECOND_STEPS = {
    "accounts/2fa/enrol/",
    "headless/auth/2fa/enrol",
    "accounts/2fa/authenticate/",
    "api/token/mfa/",
    "headless/auth/2fa/authenticate",
}
"""The addresses that take the second step, or add a factor as the second step."""
NEW_ACCOUNT = "makes an account, which has no factor yet"
MAILS = "sends a mail only"
RESET = "sets a password, and signs nobody in"
ENDS = "a provider reports the end of something"
NO_DOORS = {
    "accounts/3rdparty/signup/": NEW_ACCOUNT,
    "accounts/signup/": NEW_ACCOUNT,
    "headless/auth/provider/signup": NEW_ACCOUNT,
    "headless/auth/signup": NEW_ACCOUNT,
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
