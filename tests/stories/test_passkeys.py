"""Passkeys on pages: sign in, second step, fresh proof, list, add, rename, remove, sign up, the offer."""

import json
import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.test import Client
from fido2.utils import websafe_encode

from accounts.audit.models import AuditEvent
from accounts.factors.passkeys import credentials
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import is_signed_in, open_browser, sign_in
from tests.kit.factories import UserFactory
from tests.kit.factors import enrol_app, enrol_passkey
from tests.kit.mails import code_in
from tests.kit.passkeys import SoftAuthenticator
from tests.kit.proofs import let_proofs_age

SIGN_IN = "/accounts/login/passkey/"
STEP = "/accounts/2fa/authenticate/"
PROOF = "/accounts/2fa/reauthenticate/"
LIST = "/accounts/2fa/passkeys/"
ADD = "/accounts/2fa/passkeys/add/"


@pytest.fixture
def phone(user):
    return enrol_passkey(user)


def asked(browser, purpose, query=""):
    return browser.get(f"/accounts/2fa/passkeys/options/{purpose}/{query}")


def answer(browser, device, purpose, path, *, form=None, **lies):
    credential = device.get(asked(browser, purpose).json(), **lies)
    return browser.post(path, {"credential": json.dumps(credential)} | (form or {}))


def make(browser, device, path=ADD, query="", form=None, **lies):
    credential = device.create(asked(browser, "register", query).json(), **lies)
    return browser.post(f"{path}{query}", {"credential": json.dumps(credential)} | (form or {}))


# Signing in


def test_a_passkey_signs_in_without_a_second_step(browser, user, phone):
    response = answer(browser, phone, "sign_in", f"{SIGN_IN}?next=/accounts/profile/")

    assert response["Location"] == "/accounts/profile/"
    session = AuthSession.objects.get()
    assert session.amr == ["pop", "user", "mfa"]
    assert session.kind == "browser"
    assert [e.type for e in AuditEvent.objects.filter(user=user)] == ["login.succeeded"]


@pytest.mark.parametrize(("choice", "lasts"), [("on", True), ("off", False)])
def test_a_passkey_keeps_the_choice_to_stay_signed_in(browser, phone, choice, lasts):
    answer(browser, phone, "sign_in", SIGN_IN, form={"remember": choice})

    assert (browser.session.get("_session_expiry") != 0) is lasts


def test_a_refused_passkey_shows_the_sign_in_page(browser, phone):
    response = answer(browser, phone, "sign_in", SIGN_IN, signature=b"x")

    assert response.status_code == 400
    assert "That passkey was not accepted." in response.text
    assert 'name="password"' in response.text
    assert "passkey-signals" not in response.text
    assert not is_signed_in(browser)


def test_an_unknown_passkey_is_signalled_to_the_browser(browser, phone):
    Authenticator.objects.all().delete()
    text = answer(browser, phone, "sign_in", SIGN_IN).text

    signals = json.loads(re.search(r'id="passkey-signals"[^>]*>(.*?)</script>', text)[1])
    credential_id = websafe_encode(phone.passkey.credential_id)
    assert signals == {"unknown": {"rpId": "testserver", "credentialId": credential_id}}


def test_a_used_answer_signs_nobody_in(browser, another_browser, phone):
    credential = phone.get(asked(browser, "sign_in").json())
    first = browser.post(SIGN_IN, {"credential": json.dumps(credential)})
    second = another_browser.post(SIGN_IN, {"credential": json.dumps(credential)})

    assert first.status_code == 302
    assert second.status_code == 400
    assert not is_signed_in(another_browser)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 60_000, "x" * 70_000])
def test_a_form_without_an_answer_is_refused(browser, db, text):
    response = browser.post(SIGN_IN, {"credential": text})

    assert response.status_code in (400, 413)
    assert "not readable" in response.text or response.status_code == 413


def test_too_many_refused_passkeys_have_to_wait(browser, phone, settings):
    settings.LIMITS = settings.LIMITS | {"passkey": (2, 60)}
    codes = [
        answer(browser, phone, "sign_in", SIGN_IN, signature=b"x").status_code for _ in range(3)
    ]

    assert codes == [400, 400, 429]


def test_a_disabled_account_reads_what_a_stranger_reads(browser, user, phone):
    User.objects.update(is_active=False)
    response = answer(browser, phone, "sign_in", SIGN_IN)

    assert response.status_code == 400
    assert "That passkey was not accepted." in response.text
    assert AuditEvent.objects.get().reason == "user_inactive"


def test_an_address_that_is_not_proved_is_proved_first(browser, user, phone, deliver):
    EmailAddress.objects.update(verified=False)
    response = answer(browser, phone, "sign_in", SIGN_IN)

    assert response["Location"] == "/accounts/confirm-email/"
    assert not is_signed_in(browser)


def test_a_passkey_keeps_an_account_that_was_to_be_deleted(browser, user, phone):
    from django.utils import timezone  # noqa: PLC0415

    User.objects.update(erase_at=timezone.now())
    answer(browser, phone, "sign_in", SIGN_IN)
    user.refresh_from_db()

    assert user.erase_at is None


def test_opening_the_address_of_the_form_leads_to_the_sign_in_page(browser, db):
    assert browser.get(SIGN_IN)["Location"] == "/accounts/login/"


# Second step and fresh proof


def test_a_passkey_is_the_second_step_after_the_password(browser, user, phone):
    sign_in(browser, user)
    page = browser.get(STEP).text
    wrong = answer(browser, phone, "second_step", STEP, signature=b"x")
    right = answer(browser, phone, "second_step", STEP)

    assert "Use a passkey" in page
    assert 'name="code"' in page
    assert "That passkey was not accepted." in wrong.text
    assert right.status_code == 302
    assert AuthSession.objects.get().amr == ["pwd", "pop", "user", "mfa"]


def test_an_account_without_passkeys_is_not_asked_for_one(browser, user):
    enrol_app(user)
    sign_in(browser, user)

    assert "Use a passkey" not in browser.get(STEP).text


def test_options_of_a_second_step_need_that_step(browser, signed_in, phone):
    statuses = [
        asked(client, purpose).status_code
        for client in (Client(), signed_in)
        for purpose in ("second_step", "fresh_proof", "register", "other")
    ]

    assert statuses == [404, 404, 404, 404, 404, 200, 200, 404]


def test_options_are_limited_and_never_stored(browser, db, settings):
    response = asked(browser, "sign_in")

    assert "no-store" in response["Cache-Control"]
    assert not response.cookies


def test_a_passkey_is_a_fresh_proof(browser, user, phone):
    answer(browser, phone, "sign_in", SIGN_IN)
    let_proofs_age()
    refused = browser.get(ADD)
    confirmed = answer(browser, phone, "fresh_proof", refused["Location"])

    assert refused["Location"].startswith(PROOF)
    assert confirmed["Location"] == ADD
    assert browser.get(ADD).status_code == 200


def test_an_answer_for_the_sign_in_is_no_fresh_proof(browser, user, phone):
    answer(browser, phone, "sign_in", SIGN_IN)
    let_proofs_age()
    answer(browser, phone, "sign_in", PROOF)

    assert browser.get(ADD).status_code == 302


# The list


def test_a_visitor_adds_a_passkey_and_reads_the_recovery_codes(signed_in, user, deliver):
    response = make(signed_in, SoftAuthenticator(), form={"name": "My phone"})
    shown = signed_in.get(response["Location"])

    assert len(re.findall(r"<li><code>", shown.text)) == 10
    assert [row.data["name"] for row in credentials.of(user)] == ["My phone"]
    assert "My phone" in signed_in.get(LIST).text
    assert "Synced to your devices" in signed_in.get(LIST).text
    assert AuthSession.objects.get().amr[-1] == "mfa"
    assert "Passkey" in deliver()[-1].body


def test_the_form_of_an_added_passkey_sent_again_leads_to_the_list(signed_in, user):
    phone = SoftAuthenticator()
    credential = phone.create(asked(signed_in, "register").json())
    form = {"credential": json.dumps(credential), "name": "My phone"}
    first = signed_in.post(ADD, form)

    again = signed_in.post(ADD, form | {"other": "so that it is no repeat within seconds"})

    assert first.status_code == 303
    assert again["Location"] == LIST
    assert "This passkey was added already." in signed_in.get(LIST).text
    assert len(credentials.of(user)) == 1


@pytest.mark.parametrize(
    ("lie", "text"),
    [
        ({"origin": "https://evil.example"}, "not accepted"),
        ({"is_verified": False}, "must check that it is you"),
        ({"challenge": b"x" * 32}, "took too long"),
        ({"attestation": b""}, "not readable"),
    ],
)
def test_a_wrong_new_passkey_is_refused(signed_in, user, lie, text):
    response = make(signed_in, SoftAuthenticator(), **lie)

    assert text in response.text
    assert credentials.of(user) == []


def test_a_security_key_is_added_for_the_second_step_only(signed_in, user):
    key = SoftAuthenticator(is_synced=False)
    make(signed_in, key, query="?kind=key", is_verified=False)

    text = signed_in.get(LIST).text
    assert "Second step only" in text
    assert "On this one device only" in text
    assert answer(Client(), key, "sign_in", SIGN_IN).status_code == 400


@pytest.mark.parametrize("path", [ADD, "{pk}/remove/", "{pk}/name/"])
def test_a_change_needs_a_fresh_proof(signed_in, user, phone, path):
    address = path if path == ADD else f"{LIST}{credentials.of(user)[0].pk}/{path[5:]}"
    let_proofs_age()
    answers = [signed_in.get(address), signed_in.post(address, {"name": "x"})]

    assert [each["Location"].partition("?")[0] for each in answers] == [PROOF] * 2
    assert credentials.of(user)[0].data["name"] != "x"


def test_options_for_a_new_passkey_need_a_fresh_proof(signed_in, phone):
    let_proofs_age()

    assert asked(signed_in, "register").status_code == 302


def test_an_unproved_address_adds_no_passkey(signed_in, user):
    EmailAddress.objects.update(verified=False)

    assert signed_in.get(ADD)["Location"] == "/accounts/2fa/"


def test_a_passkey_is_renamed_and_removed(signed_in, user, phone, deliver):
    pk = credentials.of(user)[0].pk
    signed_in.post(f"{LIST}{pk}/name/", {"name": " Old\tphone "})
    renamed = signed_in.get(LIST).text
    empty = signed_in.post(f"{LIST}{pk}/name/", {"name": "\u200b "})
    signed_in.post(f"{LIST}{pk}/remove/")
    text = signed_in.get(LIST).text
    signals = json.loads(re.search(r'id="passkey-signals"[^>]*>(.*?)</script>', text)[1])

    assert "Old phone" in renamed
    assert "Please enter a name." in empty.text
    assert "You have no passkey yet." in text
    assert signals["accepted"]["allAcceptedCredentialIds"] == []
    assert signals["accepted"]["rpId"] == "testserver"
    assert "no longer" in deliver()[-1].body


def without_ids(text):
    return re.sub(r'(value|nonce)="[^"]{16,}"', "", text)


def test_nobody_opens_a_passkey_of_somebody_else(signed_in, user):
    other = UserFactory()
    enrol_passkey(other)
    theirs = credentials.of(other)[0].pk
    answers = {
        pk: [
            (answer.status_code, answer["Location"], without_ids(signed_in.get(LIST).text))
            for method in ("get", "post")
            for page in ("name", "remove")
            for answer in [getattr(signed_in, method)(f"{LIST}{pk}/{page}/", {"name": "x"})]
        ]
        for pk in (theirs, theirs + 1000)
    }

    assert answers[theirs] == answers[theirs + 1000]
    for status, address, text in answers[theirs]:
        assert (status, address) == (302, LIST)
        assert "That passkey is removed already." in text
    assert len(credentials.of(other)) == 1


def test_a_removed_passkey_no_longer_signs_in(browser, signed_in, user, phone):
    signed_in.post(f"{LIST}{credentials.of(user)[0].pk}/remove/")

    response = answer(Client(), phone, "sign_in", SIGN_IN)
    assert "doesn&#x27;t know that passkey" in response.text


def test_the_policy_is_content_with_a_passkey(browser, user, phone, settings):
    settings.MFA_REQUIRED_FOR = "all"
    answer(browser, phone, "sign_in", SIGN_IN)

    assert is_signed_in(browser)


# Signing up


def sign_up(browser, deliver, email="new@example.com"):
    browser.post("/accounts/signup/passkey/", {"email": email})
    return browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})


def test_a_visitor_signs_up_by_a_passkey_after_the_mailed_code(browser, db, deliver):
    phone = SoftAuthenticator()
    proved = sign_up(browser, deliver)
    before = is_signed_in(browser)
    done = make(browser, phone, proved["Location"])

    assert proved["Location"] == "/accounts/signup/passkey/add/"
    assert not before
    assert len(re.findall(r"<li><code>", browser.get(done["Location"]).text)) == 10
    assert is_signed_in(browser)
    user = User.objects.get()
    assert not user.has_usable_password()
    assert AuthSession.objects.get().amr[-3:] == ["pop", "user", "mfa"]
    assert answer(Client(), phone, "sign_in", SIGN_IN).status_code == 302


def test_the_sign_up_page_leads_to_the_sign_up_by_passkey(browser, db):
    text = browser.get("/accounts/signup/?next=/accounts/profile/").text

    assert 'href="/accounts/signup/passkey/?next=%2Faccounts%2Fprofile%2F"' in text
    page = browser.get("/accounts/signup/passkey/?next=/accounts/profile/").text
    assert 'name="next" value="/accounts/profile/"' in page


def test_a_visitor_without_passkeys_goes_on_without(browser, db, deliver):
    proved = sign_up(browser, deliver)
    browser.post(proved["Location"], {"action": "skip"})

    assert is_signed_in(browser)
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("add", [enrol_app, enrol_passkey], ids=["app", "passkey"])
def test_a_factor_added_elsewhere_meanwhile_ends_the_sign_up(browser, db, deliver, add):
    """The owner has signed in elsewhere by a mailed code; this browser gave no second step."""
    proved = sign_up(browser, deliver)
    add(User.objects.get())
    browser.raise_request_exception = False
    make(browser, SoftAuthenticator(), proved["Location"])

    assert Authenticator.objects.count() == 1
    assert not is_signed_in(browser)


def test_a_wrong_passkey_keeps_the_sign_up_waiting(browser, db, deliver):
    proved = sign_up(browser, deliver)
    response = make(
        browser, SoftAuthenticator(), proved["Location"], signature=None, is_verified=False
    )

    assert "must check that it is you" in response.text
    assert not is_signed_in(browser)


def test_a_sign_up_by_passkey_hides_who_has_an_account(browser, another_browser, user, deliver):
    known = browser.post("/accounts/signup/passkey/", {"email": user.email})
    new = another_browser.post("/accounts/signup/passkey/", {"email": "new@example.com"})
    guesses = [
        client.post("/accounts/login/", {"login": email, "password": password}).text.count(
            "The email or the password is wrong."
        )
        for client, email in ((Client(), user.email), (Client(), "new@example.com"))
        for password in ("", "None", "wrong password")
        if password
    ]

    assert known.status_code == new.status_code == 302
    assert known["Location"] == new["Location"]
    assert guesses == [1, 1, 1, 1]


def test_a_sign_up_by_passkey_takes_over_an_unproved_account(
    browser, another_browser, db, deliver, settings
):
    """A stranger's password for the same address doesn't open the account afterwards."""
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"confirm_email": None}
    email, password = "new@example.com", "a password of a stranger"
    another_browser.post("/accounts/signup/", {"email": email, "password1": password})
    proved = sign_up(browser, deliver, email)
    make(browser, SoftAuthenticator(), proved["Location"])

    assert is_signed_in(browser)
    assert not User.objects.get().has_usable_password()


# The offer


def test_a_password_sign_in_offers_a_passkey_once(browser, user):
    sign_in(browser, user)
    first = browser.get("/accounts/").text
    browser.post("/accounts/logout/")
    sign_in(browser, user)

    assert "Next time without a password?" in first
    assert "Next time without a password?" not in browser.get("/accounts/").text


def test_the_offer_closes_for_good(browser, user):
    sign_in(browser, user)
    closed = browser.post("/accounts/2fa/passkeys/later/")

    assert closed["Location"] == "/accounts/"
    assert "Next time without a password?" not in browser.get("/accounts/").text


def test_an_account_with_a_passkey_gets_no_offer(browser, user, phone):
    sign_in(browser, user)
    answer(browser, phone, "second_step", STEP)

    assert "Next time without a password?" not in browser.get("/accounts/").text


# What other software reads


def test_password_managers_find_the_pages_of_passkeys(client, db):
    response = client.get("/.well-known/passkey-endpoints")

    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == {
        "enroll": f"http://testserver{ADD}",
        "manage": f"http://testserver{LIST}",
    }


def test_the_sign_in_page_offers_passkeys_in_the_field(browser, db):
    text = browser.get("/accounts/login/").text

    assert 'autocomplete="username webauthn"' in text
    assert 'data-options="/accounts/2fa/passkeys/options/sign_in/" data-offered' in text
    assert re.search(r'<form class="form passkey"[^>]* hidden>', text)


# Texts that depend on a setting, or on the account


@pytest.mark.parametrize("is_by_code", [True, False])
def test_the_sign_up_promises_a_mailed_code_only_if_one_signs_in(
    browser, db, deliver, settings, is_by_code
):
    settings.SIGN_IN_BY_CODE = is_by_code
    page = browser.get(sign_up(browser, deliver)["Location"]).text

    assert ("by a code that we mail to you" in page) is is_by_code
    assert ("set a password afterwards" in page) is not is_by_code


@pytest.mark.parametrize("is_by_code", [True, False])
def test_the_overview_knows_whether_an_account_has_a_way_in(
    browser, db, deliver, settings, is_by_code
):
    settings.SIGN_IN_BY_CODE = is_by_code
    browser.post(sign_up(browser, deliver)["Location"], {"action": "skip"})
    page = browser.get("/accounts/").text

    assert ("you sign in another way" in page) is is_by_code
    assert ("you need it to sign in the next time" in page) is not is_by_code


@pytest.mark.parametrize("has_password", [True, False])
def test_the_pages_of_factors_name_a_password_only_if_there_is_one(browser, user, has_password):
    if not has_password:
        user.set_unusable_password()
        user.save()
    open_browser(browser, user)
    first = browser.get("/accounts/2fa/").text + browser.get(ADD).text
    enrol_passkey(user)
    row = Authenticator.objects.get()
    last = browser.get(f"/accounts/2fa/passkeys/{row.pk}/remove/").text
    row.delete()
    enrol_app(user)
    last += browser.get("/accounts/2fa/totp/deactivate/").text

    assert first.count("your password alone lets nobody in") == 2 * has_password
    assert last.count("your password alone lets you in") == 2 * has_password
    assert last.count("you sign in without a second step") == 2 * (not has_password)


@pytest.mark.parametrize("providers", [["kakao"], []])
def test_the_page_of_connections_offers_none_without_providers(
    signed_in, provider_settings, settings, providers
):
    if not providers:
        settings.SOCIALACCOUNT_PROVIDERS = {}

    page = signed_in.get("/accounts/3rdparty/").text
    assert ("Connect an account" in page) is bool(providers)
