"""Trust a browser: it skips the second step for some days, and what ends that."""

import json
import re
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.factors import changes, fingerprint
from accounts.people.models import User
from accounts.signins import sessions, trusted_browsers
from accounts.signins.models import AuthSession, TrustedBrowser
from tests.kit.clients import CHROME, is_signed_in, sign_in
from tests.kit.doors import STEP
from tests.kit.factories import PASSWORD, AuthSessionFactory, UserFactory
from tests.kit.factors import enrol, enrol_passkey
from tests.kit.racing import at_once

pytestmark = pytest.mark.django_db
COOKIE = "trusted"


@pytest.fixture(autouse=True)
def thirty_days(settings):
    settings.MFA_TRUSTED_BROWSER_DAYS = 30


@pytest.fixture
def codes(user):
    return enrol(user)[1]


@pytest.fixture
def browser():
    return Client(headers={"user-agent": CHROME})


def trust(browser, user, codes):
    """Sign in with the box ticked, and sign out."""
    sign_in(browser, user)
    browser.post(STEP, {"code": codes.pop(), "trust": "on"})
    browser.post("/accounts/logout/")


@pytest.fixture
def trusted(browser, user, codes):
    """Return a browser that the user trusts, signed out."""
    trust(browser, user, codes)
    return browser


def is_asked(browser, user, password=PASSWORD):
    """Return True if the sign-in by password asks for the second step."""
    answer = sign_in(browser, user, password)
    assert answer.status_code == 302
    return answer["Location"].startswith(STEP)


def test_a_trusted_browser_is_asked_once(trusted, user):
    assert not is_asked(trusted, user)
    assert is_signed_in(trusted)
    row = AuthSession.objects.filter(revoked_at=None).get()
    assert row.amr == ["pwd"]
    assert AuditEvent.objects.filter(type="trusted_browser.added", user=user).count() == 1


def test_only_a_ticked_box_trusts(browser, user, codes):
    sign_in(browser, user)
    browser.post(STEP, {"code": codes.pop()})
    browser.post("/accounts/logout/")

    assert COOKIE not in browser.cookies
    assert is_asked(browser, user)


def test_a_wrong_code_trusts_nothing(browser, user, codes):
    sign_in(browser, user)
    browser.post(STEP, {"code": "00000-00000", "trust": "on"})

    assert COOKIE not in browser.cookies
    assert not TrustedBrowser.objects.exists()


def test_the_page_offers_it_if_the_setting_allows(browser, user, codes, settings):
    sign_in(browser, user)
    offered = browser.get(STEP).text
    settings.MFA_TRUSTED_BROWSER_DAYS = 0
    off = browser.get(STEP).text
    browser.post(STEP, {"code": codes.pop(), "trust": "on"})

    assert "for 30 days" in offered
    assert 'name="trust"' not in off
    assert COOKIE not in browser.cookies
    assert not TrustedBrowser.objects.exists()


def test_the_setting_ends_all_trust(trusted, user, settings):
    settings.MFA_TRUSTED_BROWSER_DAYS = 0

    assert is_asked(trusted, user)


def test_the_cookie_has_its_flags_and_no_readable_row(trusted, user):
    cookie = trusted.cookies[COOKIE]
    row = TrustedBrowser.objects.get()

    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert cookie["max-age"] == 30 * 86400
    assert len(cookie.value) == 43
    assert cookie.value not in str(TrustedBrowser.objects.values())
    assert row.user == user


def test_over_https_the_cookie_is_secure(browser, user, codes, settings):
    settings.HTTPS = True
    settings.TRUSTED_COOKIE_NAME = "__Host-trusted"
    sign_in(browser, user)
    browser.post(STEP, {"code": codes.pop(), "trust": "on"})
    cookie = browser.cookies["__Host-trusted"]

    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")


@pytest.mark.parametrize("kind", ["staff", "admin"])
def test_staff_trust_no_browser(browser, kind, settings):
    member = UserFactory(**{kind: True})
    codes = enrol(member)[1]
    sign_in(browser, member)
    page = browser.get(STEP).text
    browser.post(STEP, {"code": codes.pop(), "trust": "on"})

    assert 'name="trust"' not in page
    assert COOKIE not in browser.cookies


def test_an_account_that_becomes_staff_is_asked(trusted, user):
    User.objects.filter(pk=user.pk).update(is_staff=True)

    assert is_asked(trusted, user)


def test_the_trust_ends_after_30_days(trusted, user):
    with time_machine.travel(timezone.now() + timedelta(days=29)):
        assert not is_asked(
            Client(headers={"cookie": f"trusted={trusted.cookies[COOKIE].value}"}), user
        )
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert is_asked(
            Client(headers={"cookie": f"trusted={trusted.cookies[COOKIE].value}"}), user
        )
        assert trusted_browsers.prune() == 1


def test_the_cookie_does_not_help_another_account(trusted):
    other = UserFactory()
    enrol(other)

    assert is_asked(trusted, other)


def test_two_accounts_trust_one_browser(trusted, user):
    other = UserFactory()
    trust(trusted, other, enrol(other)[1])

    assert not is_asked(trusted, user)
    trusted.post("/accounts/logout/")
    assert not is_asked(trusted, other)


def test_trusting_again_replaces_the_row(trusted, user, codes):
    row = TrustedBrowser.objects.get()
    TrustedBrowser.objects.update(fingerprint="changed")
    trust(trusted, user, codes)

    assert TrustedBrowser.objects.get() != row


@pytest.mark.parametrize("value", ["", ".", "x" * 43, "x" * 4000, ".".join(["y" * 43] * 9)])
def test_a_forged_cookie_is_asked(trusted, user, value):
    trusted.cookies[COOKIE] = value

    assert is_asked(trusted, user)


# What ends it


def new_codes(user):
    changes.replace_recovery_codes(user, client=ClientInfo())


def renew_app(user):
    changes.remove_app(user, client=ClientInfo())
    enrol(user)


def add_a_factor(user):
    Authenticator.objects.create(user=user, type="webauthn", data={})


def password_in_the_database(user):
    user.set_password("another long passphrase")
    user.save()


def everywhere(user):
    sessions.revoke_all(user, reason=sessions.Reason.OTHER_DEVICE)


def provider_report(user):
    sessions.revoke_opened_by("google", user, reason=sessions.Reason.PROVIDER)


ENDS = [new_codes, renew_app, add_a_factor, password_in_the_database, everywhere, provider_report]


@pytest.mark.parametrize("end", ENDS)
def test_it_ends(trusted, user, end):
    end(user)
    user.refresh_from_db()
    password = PASSWORD if user.check_password(PASSWORD) else "another long passphrase"

    assert is_asked(trusted, user, password)


def test_an_upgrade_of_the_hash_does_not_end_it(trusted, user, settings):
    argon = "accounts.people.hashers.Argon2idPasswordHasher"
    settings.PASSWORD_HASHERS = [argon, *settings.PASSWORD_HASHERS]

    assert not is_asked(trusted, user)
    assert User.objects.get().password.startswith("argon2")


def test_a_password_change_ends_it(trusted, user, codes):
    is_asked(trusted, user)
    trusted.post("/accounts/2fa/reauthenticate/", {"code": codes.pop()})
    new = "another long passphrase"
    trusted.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new})
    trusted.post("/accounts/logout/")

    assert not TrustedBrowser.objects.exists()
    assert is_asked(trusted, user, new)


def test_signing_out_all_other_devices_ends_it(trusted, user, codes):
    other = Client()
    sign_in(other, user)
    other.post(STEP, {"code": codes.pop()})
    other.post("/accounts/sessions/revoke-others/")

    assert is_asked(trusted, user)


def test_ending_its_sign_in_from_another_device_ends_it(trusted, user, codes):
    is_asked(trusted, user)
    sid = AuthSession.objects.filter(revoked_at=None).get().pk
    other = Client()
    sign_in(other, user)
    other.post(STEP, {"code": codes.pop()})
    other.post(f"/accounts/sessions/{sid}/revoke/")

    assert is_asked(trusted, user)


def copy_of(trusted):
    """Return the browser of a thief who has the cookie and the password."""
    thief = Client(headers={"user-agent": CHROME})
    thief.cookies[COOKIE] = trusted.cookies[COOKIE].value
    return thief


@pytest.mark.parametrize("kind", ["page", "api"])
def test_ending_the_sign_in_of_a_copied_cookie_ends_it(trusted, user, codes, kind):
    """Also if the owner has signed in by the same trust since then."""
    thief = copy_of(trusted)
    assert not is_asked(thief, user)
    stolen = AuthSession.objects.filter(revoked_at=None).get().pk
    assert not is_asked(trusted, user)
    trusted.post("/accounts/2fa/reauthenticate/", {"code": codes.pop()})

    if kind == "page":
        trusted.post(f"/accounts/sessions/{stolen}/revoke/")
    else:
        trusted.delete(f"/api/sessions/{stolen}/")

    assert AuthSession.objects.get(pk=stolen).revoked_at
    assert not TrustedBrowser.objects.exists()
    assert is_asked(thief, user)


def test_ending_an_earlier_sign_in_of_the_browser_ends_it(browser, user, codes):
    """The browser lost its session, as by a restart, and used the trust since then."""
    sign_in(browser, user)
    browser.post(STEP, {"code": codes.pop(), "trust": "on"})
    first = AuthSession.objects.get()
    del browser.cookies["session"]
    assert not is_asked(browser, user)
    browser.post("/accounts/logout/")

    sessions.revoke(first, reason=sessions.Reason.OTHER_DEVICE)

    assert is_asked(browser, user)


def test_ending_the_sign_in_of_an_app_leaves_it(trusted, user):
    app = AuthSessionFactory(user=user, token=True)

    sessions.revoke(app, reason=sessions.Reason.OTHER_DEVICE)

    assert not is_asked(trusted, user)


def test_the_list_of_devices_shows_it_and_ends_it(trusted, user):
    is_asked(trusted, user)
    page = trusted.get("/accounts/sessions/")
    row = TrustedBrowser.objects.get()
    path = f"/accounts/sessions/trusted/{row.pk}/end/"
    answer = trusted.post(path)
    trusted.post("/accounts/logout/")

    assert "Trusted browsers" in page.text
    assert path in page.text
    assert answer.status_code == 302
    assert AuditEvent.objects.filter(type="trusted_browser.ended", user=user).exists()
    assert is_asked(trusted, user)


def test_nobody_ends_the_trust_of_another_account(trusted, signed_in_other):
    row = TrustedBrowser.objects.get()
    ids = [row.pk, uuid4()]
    answers = [signed_in_other.post(f"/accounts/sessions/trusted/{pk}/end/") for pk in ids]

    assert [(one.status_code, one["Location"]) for one in answers] == [
        (302, "/accounts/sessions/")
    ] * 2
    page = signed_in_other.get("/accounts/sessions/").text
    assert page.count("That browser is no longer trusted.") == 2
    assert TrustedBrowser.objects.exists()


@pytest.fixture
def signed_in_other():
    browser = Client()
    sign_in(browser, UserFactory())
    return browser


# What it does not do


@pytest.mark.parametrize(
    "path",
    ["/accounts/delete/", "/accounts/data/", "/accounts/2fa/totp/deactivate/", "/accounts/email/"],
)
def test_it_is_no_fresh_proof_on_pages(trusted, user, path):
    is_asked(trusted, user)
    answer = trusted.post(path, {"action_add": "", "email": "thief@example.com"})
    if path == "/accounts/data/":
        answer = trusted.get(path)

    assert answer["Location"].startswith("/accounts/2fa/reauthenticate/")
    assert Authenticator.objects.filter(user=user, type="totp").exists()


def test_it_is_no_fresh_proof_for_the_api(trusted, user):
    is_asked(trusted, user)
    answer = trusted.delete("/api/me/")

    assert answer.status_code == 401
    assert answer.json()["code"] == "fresh_proof_required"


def test_a_code_then_proves_it(trusted, user, codes):
    is_asked(trusted, user)
    trusted.post("/accounts/2fa/reauthenticate/", {"code": codes.pop()})

    assert trusted.get("/accounts/data/").status_code == 200
    assert AuthSession.objects.filter(revoked_at=None).get().amr == ["pwd", "mfa"]


def test_the_password_proves_it_once_the_factors_are_gone(trusted, user):
    is_asked(trusted, user)
    Authenticator.objects.filter(user=user).delete()
    before = trusted.get("/accounts/data/")
    trusted.post("/accounts/reauthenticate/", {"password": PASSWORD})

    assert before.status_code == 302
    assert trusted.get("/accounts/data/").status_code == 200


def test_the_admin_asks_a_sign_in_without_the_second_step(browser, settings):
    settings.MFA_REQUIRED_FOR = "nobody"
    member = UserFactory(admin=True)
    codes = enrol(member)[1]
    sign_in(browser, member)
    browser.post(STEP, {"code": codes.pop()})
    opened = browser.get("/admin/").status_code
    AuthSession.objects.update(amr=["pwd"])
    answer = browser.get("/admin/")

    assert opened == 200
    assert answer["Location"].startswith("/accounts/2fa/reauthenticate/")


def stage_trusts(trusted, user, monkeypatch, act):
    """Let `act` run after the stage has accepted the trust, and before the sign-in opens."""
    find = trusted_browsers.find

    def find_then_act(*args, **kwargs):
        found = find(*args, **kwargs)
        act(user)
        return found

    monkeypatch.setattr(trusted_browsers, "find", find_then_act)
    sign_in(trusted, user)


@pytest.mark.parametrize("end", [new_codes, add_a_factor, everywhere])
def test_a_trust_that_ends_meanwhile_opens_nothing(trusted, user, monkeypatch, end):
    stage_trusts(trusted, user, monkeypatch, end)

    assert not is_signed_in(trusted)
    assert not AuthSession.objects.filter(revoked_at=None).exists()


def test_a_sign_in_that_ended_trusts_nothing(browser, user, codes):
    session = AuthSessionFactory(user=user, revoked=True)
    token = trusted_browsers.remember(
        session, former=[], fingerprint=fingerprint.of(user), client=ClientInfo()
    )

    assert token is None
    assert not TrustedBrowser.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(4))
def test_signing_out_everywhere_leaves_no_trusted_sign_in(trusted, user, turn):
    """A sign-in by trust at the same time opens before the end, and is ended, or it is refused."""

    def act(number):
        if number:
            sessions.revoke_all(user, reason=sessions.Reason.OTHER_DEVICE)
        else:
            sign_in(trusted, user)

    at_once(2, act)

    assert not TrustedBrowser.objects.exists()
    assert not AuthSession.objects.filter(revoked_at=None).exists()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_sign_in_behind_the_end_of_all_uses_no_trust(trusted, user, monkeypatch):
    """It opens after `revoke_all` has looked for sign-ins, and before that commits."""
    row, opened, results = TrustedBrowser.objects.get(), threading.Event(), []
    live = sessions._live

    def enter():
        try:
            client = ClientInfo()
            session = sessions.open(user, kind="browser", client=client, amr=["pwd"])
            opened.set()
            stamp = fingerprint.of(user)
            results.append(trusted_browsers.use(row.pk, session, user=user, fingerprint=stamp))
        finally:
            connections.close_all()

    thread = threading.Thread(target=enter)

    def live_then_enter(user):
        found = list(live(user))
        thread.start()
        opened.wait(1)  # SQLite lets it write after the commit only
        thread.join(1)
        return found

    monkeypatch.setattr(sessions, "_live", live_then_enter)
    sessions.revoke_all(user, reason=sessions.Reason.OTHER_DEVICE)
    thread.join(30)

    assert results == [False]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(4))
def test_signing_out_everywhere_leaves_no_new_trust(user, codes, turn):
    session = AuthSessionFactory(user=user, amr=["pwd", "mfa"])
    stamp = fingerprint.of(user)

    def act(number):
        if number:
            sessions.revoke_all(user, reason=sessions.Reason.OTHER_DEVICE)
        else:
            trusted_browsers.remember(session, former=[], fingerprint=stamp, client=ClientInfo())

    at_once(2, act)

    assert not TrustedBrowser.objects.exists()


def end_it(session):
    sessions.revoke(session, reason=sessions.Reason.OTHER_DEVICE)


def end_those_of_its_provider(session):
    sessions.revoke_opened_by("google", session.user, reason=sessions.Reason.PROVIDER)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", [end_it, end_those_of_its_provider])
def test_an_end_that_waits_for_a_new_trust_ends_it(user, codes, end):
    """The trust is written, and commits after the end has looked for trust."""
    session = AuthSessionFactory(user=user, amr=["google", "mfa"])

    def run():
        try:
            end(session)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        stamp = fingerprint.of(user)
        trusted_browsers.remember(session, former=[], fingerprint=stamp, client=ClientInfo())
        thread.start()
        thread.join(1)
        assert thread.is_alive()
    thread.join(30)

    assert not AuthSession.objects.filter(revoked_at=None).exists()
    assert not TrustedBrowser.objects.exists()


@pytest.mark.parametrize("path", ["/api/token/", "/_allauth/app/v1/auth/login"])
def test_an_app_with_the_cookie_is_asked(trusted, user, path):
    """A thief of the cookie can't choose the door that gives tokens."""
    body = {"email": user.email, "password": PASSWORD}
    answer = trusted.post(path, body, content_type="application/json")

    assert answer.status_code == 401
    assert not AuthSession.objects.filter(revoked_at=None).exists()


# With a passkey, and by the headless API


def test_a_passkey_trusts_the_browser_by_the_box_in_its_form(browser, user, codes):
    phone = enrol_passkey(user)
    sign_in(browser, user)
    page = browser.get(STEP).text
    form = re.search(r'<form class="form passkey".*?</form>', page, re.DOTALL)[0]
    asked = browser.get("/accounts/2fa/passkeys/options/second_step/").json()
    browser.post(STEP, {"credential": json.dumps(phone.get(asked)), "trust": "on"})
    browser.post("/accounts/logout/")

    assert 'name="trust"' in form
    assert not is_asked(browser, user)


def test_the_sign_in_page_has_no_box(browser, db):
    assert 'name="trust"' not in browser.get("/accounts/login/").text


def headless_step(kind, user, *, by, wanted, answer):
    """Sign in by the headless API with a second step. Returns the client and the answer."""
    client = Client(headers={"user-agent": CHROME})
    path = f"/_allauth/{kind}/v1/auth"

    def send(method, address, body=None):
        data = "" if body is None else json.dumps(body)
        return client.generic(
            method,
            f"{path}/{address}",
            data,
            content_type="application/json",
            headers={"x-session-token": token} if token else {},
        )

    token = ""
    begun = send("POST", "login", {"email": user.email, "password": PASSWORD})
    token = begun.json()["meta"].get("session_token", "")
    trust = {} if wanted is None else {"trust": wanted}
    if by == "code":
        return client, send("POST", "2fa/authenticate", {"code": answer.pop()} | trust)
    asked = send("GET", "webauthn/authenticate").json()["data"]["request_options"]["publicKey"]
    body = {"credential": answer.get(asked)} | trust
    return client, send("POST", "webauthn/authenticate", body)


@pytest.mark.parametrize("by", ["code", "passkey"])
def test_a_frontend_asks_for_trust(user, codes, by):
    answer = codes if by == "code" else enrol_passkey(user)
    frontend, done = headless_step("browser", user, by=by, wanted=True, answer=answer)
    frontend.post("/accounts/logout/")

    assert done.status_code == 200
    assert not is_asked(frontend, user)


@pytest.mark.parametrize("by", ["code", "passkey"])
@pytest.mark.parametrize(("kind", "wanted"), [("browser", None), ("browser", False), ("app", True)])
def test_no_trust_without_wish_nor_for_apps(user, codes, by, kind, wanted):
    answer = codes if by == "code" else enrol_passkey(user)
    client, done = headless_step(kind, user, by=by, wanted=wanted, answer=answer)

    assert done.status_code == 200
    assert COOKIE not in client.cookies
    assert not TrustedBrowser.objects.exists()
