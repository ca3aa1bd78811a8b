"""Connect and disconnect provider accounts, and always keep a way to sign in."""

import threading

import pytest
from allauth.core import context
from allauth.socialaccount.models import SocialAccount
from django.db import connection, connections
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.federation.endings import reports
from accounts.outbox.models import Job
from accounts.people.models import User
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from tests.kit.clients import bearer, is_signed_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.problems import problem
from tests.kit.proofs import confirm_by_password, let_proofs_age, send_again

BOTH = pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)
PAGE = "/accounts/3rdparty/"
API = "/_allauth/app/v1/account/providers"
pytestmark = pytest.mark.django_db


@pytest.fixture
def newcomer(google, walk, visitor):
    """Return a user who can sign in only by Google. `visitor` is the user's browser."""
    walk(google)
    return User.objects.get()


def connect(browser, standin):
    start = browser.post(f"/accounts/{standin.name}/login/?process=connect")
    return browser.get(standin.consent(start["Location"]))


def connected(user):
    return set(SocialAccount.objects.filter(user=user).values_list("provider", flat=True))


@BOTH
def test_connect_and_disconnect_after_the_password(standin, signed_in, user, deliver):
    """The site mails both addresses: the account's and the provider's, which differ here."""
    let_proofs_age()
    asked = signed_in.post(f"/accounts/{standin.name}/login/?process=connect")
    start = send_again(signed_in, confirm_by_password(signed_in, asked))
    before = connected(user)
    done = signed_in.get(standin.consent(start["Location"]))
    page = signed_in.get(PAGE)
    account = SocialAccount.objects.get()
    told = sorted(mail.to[0] for mail in deliver())
    gone = signed_in.post(PAGE, {"account": account.pk})

    assert asked["Location"].startswith("/accounts/reauthenticate/?next=")
    assert before == set()
    assert done["Location"] == PAGE
    assert account.user == user
    assert "minji.kim@example.com" in page.text
    assert told == sorted(["minji.kim@example.com", user.email])
    assert user.email not in next(
        mail.body for mail in deliver() if mail.to == ["minji.kim@example.com"]
    )
    # Google needs a token first; test_disconnection.py tests the rest.
    assert gone["Location"].startswith(standin.origin if standin.name == "google" else PAGE)
    assert connected(user) == set()
    assert [mail.to for mail in deliver()[2:]] == [[user.email]]
    assert set(AuditEvent.objects.values_list("type", flat=True)) >= {
        AuditEvent.Type.SOCIAL_CONNECTED,
        AuditEvent.Type.SOCIAL_DISCONNECTED,
    }


def test_a_connection_moves_from_an_account_that_nobody_proved(kakao, walk, signed_in, user):
    """A person signs up by Kakao with a mistyped address, and later connects Kakao to the real account."""
    stuck = Client()
    walk(kakao, stuck, identity="4012345673")
    stuck.post("/accounts/3rdparty/signup/", {"email": "dead.mailbox@example.org"})
    before = SocialAccount.objects.get().user

    start = signed_in.post("/accounts/kakao/login/?process=connect")
    signed_in.get(kakao.consent(start["Location"], identity="4012345673"))

    assert before != user
    assert SocialAccount.objects.get().user == user
    assert not User.objects.filter(pk=before.pk).exists()


def test_a_connection_of_another_user_is_not_taken(google, signed_in, user):
    other = UserFactory()
    SocialAccount.objects.create(user=other, provider="google", uid="100000000000000000001")

    connect(signed_in, google)

    assert "connected to another account" in signed_in.get(PAGE).text
    assert connected(user) == set()
    assert connected(other) == {"google"}


def test_a_connection_whose_proof_is_over_on_the_way_back_is_dropped(google, signed_in, user):
    """It may be a thief's with the same session. allauth would make it after the owner's proof."""
    start = signed_in.post("/accounts/google/login/?process=connect")
    let_proofs_age()

    asked = signed_in.get(google.consent(start["Location"]))
    confirmed = confirm_by_password(signed_in, asked)

    assert asked["Location"] == "/accounts/reauthenticate/?next=%2Faccounts%2F3rdparty%2F"
    assert confirmed["Location"] == PAGE
    assert connected(user) == set()


def test_disconnecting_another_users_connection_changes_nothing(signed_in, user):
    theirs = SocialAccount.objects.create(user=UserFactory(), provider="google", uid="1")

    answers = [signed_in.post(PAGE, {"account": one}) for one in (theirs.pk, "", "\x00", "9" * 40)]

    assert {answer.status_code for answer in answers} == {200}
    assert SocialAccount.objects.get() == theirs


def test_the_last_way_to_sign_in_stays_with_an_explanation(newcomer, visitor, confirm):
    account = SocialAccount.objects.get()
    confirm(visitor, newcomer)

    page = visitor.get(PAGE).text
    refused = visitor.post(PAGE, {"account": account.pk})
    visitor.post("/accounts/password/set/", {"password1": "a new pass phrase"})
    visitor.post("/accounts/reauthenticate/", {"password": "a new pass phrase"})
    gone = visitor.post(PAGE, {"account": account.pk})

    assert "This is your only way in." in page
    assert 'href="/accounts/password/set/"' in page
    assert 'name="account"' not in page
    assert refused.status_code == 200
    assert 'role="alert"' in refused.text
    assert gone.status_code == 302
    assert connected(newcomer) == set()


def test_an_app_cannot_remove_the_last_way_to_sign_in(newcomer, client, google, send):
    tokens = send("api", google, {"id_token": google.native()["id_token"]}).json()
    account = SocialAccount.objects.get()

    answer = client.delete(
        API,
        {"provider": "google", "account": account.uid},
        content_type="application/json",
        headers=bearer(tokens["access"]),
    )

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "no_password"
    assert connected(newcomer) == {"google"}


def test_deleting_an_account_removes_its_last_way_to_sign_in(newcomer):
    newcomer.delete()

    assert not SocialAccount.objects.exists()
    assert not User.objects.exists()


@pytest.mark.parametrize("door", ["page", "api"])
@BOTH
def test_a_connection_that_ends_during_a_sign_in_signs_nobody_in(
    standin, walk, visitor, send, monkeypatch, door
):
    """The report locks the user first. The sign-in checks the connection again after the lock."""
    walk(standin)
    visitor.post("/accounts/logout/")
    account, before, opened = (
        SocialAccount.objects.get(),
        AuthSession.objects.count(),
        sessions.open,
    )

    def late(*args, **kwargs):
        with context.request_context(None):  # the report arrives in another request
            reports.unlinked(account.provider, account.uid)
        return opened(*args, **kwargs)

    monkeypatch.setattr(sessions, "open", late)
    answer = walk(standin) if door == "page" else send("api", standin, standin.native())

    assert not SocialAccount.objects.exists()
    assert AuthSession.objects.count() == before
    assert visitor.get("/api/me/").status_code == 401
    assert answer.status_code == (302 if door == "page" else 401)


@pytest.mark.parametrize("door", ["page", "app"])
def test_a_disconnection_ends_the_sign_ins_that_the_provider_opened(
    kakao, walk, send, signed_in, user, obtain, door, confirm_by_app
):
    """A thief who once signed in by the provider is out. The one who disconnects stays, and so do others."""
    pair = obtain(user)
    connect(signed_in, kakao)
    thief = Client()
    walk(kakao, thief)
    thiefs_app = send("api", kakao, kakao.native(nonce="one"), nonce="one").json()["access"]
    before = is_signed_in(thief), signed_in.get("/api/me/", headers=bearer(thiefs_app)).status_code
    account = SocialAccount.objects.get()

    if door == "page":
        gone = signed_in.post(PAGE, {"account": account.pk})
        assert gone.status_code == 302
    else:
        confirm_by_app(pair["access"], user)
        body = {"provider": "kakao", "account": account.uid}
        gone = Client().delete(
            API, body, content_type="application/json", headers=bearer(pair["access"])
        )
        assert gone.status_code == 200

    assert before == (True, 200)
    assert not SocialAccount.objects.exists()
    assert not is_signed_in(thief)
    assert Client().get("/api/me/", headers=bearer(thiefs_app)).status_code == 401
    assert is_signed_in(signed_in)
    assert Client().get("/api/me/", headers=bearer(pair["access"])).status_code == 200


def test_a_sign_in_by_the_provider_that_disconnects_it_stays(kakao, walk, user, deliver):
    browser = Client()
    browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    connect(browser, kakao)
    browser.post("/accounts/logout/")
    walk(kakao, browser)

    gone = browser.post(PAGE, {"account": SocialAccount.objects.get().pk})

    assert gone.status_code == 302
    assert not SocialAccount.objects.exists()
    assert is_signed_in(browser)


@pytest.mark.parametrize("provider", ["elsewhere", "kakao"])
@pytest.mark.parametrize("door", ["page", "api"])
def test_a_connection_of_a_removed_provider_is_shown_and_can_be_removed(
    signed_in, user, deliver, obtain, settings, door, provider
):
    """The site calls no provider, because it knows no address of a removed one."""
    remaining = {"google": settings.SOCIALACCOUNT_PROVIDERS["google"]}
    settings.SOCIALACCOUNT_PROVIDERS = remaining
    account = SocialAccount.objects.create(
        user=user, provider=provider, uid="1", extra_data={"name": "Minji there"}
    )
    if door == "page":
        signed_in.post("/accounts/reauthenticate/", {"password": PASSWORD})
        shown = signed_in.get(PAGE)
        machine = signed_in.get(PAGE, headers={"x-requested-with": "XMLHttpRequest"})
        gone = signed_in.post(PAGE, {"account": account.pk})
        assert machine.json()["data"]["socialaccounts"][0]["provider"] == provider
        assert (gone.status_code, gone["Location"]) == (302, PAGE)
    else:
        headers = bearer(obtain(user)["access"])
        body = {"provider": provider, "account": "1"}
        proof = "/_allauth/app/v1/auth/reauthenticate"
        signed_in.post(
            proof, {"password": PASSWORD}, content_type="application/json", headers=headers
        )
        shown = signed_in.get(API, headers=headers)
        gone = signed_in.delete(API, body, content_type="application/json", headers=headers)
        assert (gone.status_code, gone.json()) == (200, {"status": 200, "data": []})

    assert shown.status_code == 200
    assert provider in shown.text.lower()
    assert connected(user) == set()
    assert AuditEvent.objects.filter(type="social.disconnected", reason=provider).count() == 1
    assert not Job.objects.filter(kind="unlink").exists()
    (mail,) = [each for each in deliver() if "disconnected" in each.subject]
    assert f"An account at {provider}" in mail.body


@pytest.mark.parametrize("doors", [("page", "page"), ("page", "app"), ("app", "app")])
@pytest.mark.django_db(transaction=True)
def test_two_disconnects_at_once_keep_one_way_to_sign_in(
    newcomer, visitor, google, send, doors, monkeypatch, confirm, confirm_by_app
):
    """On PostgreSQL both pass the first check, and the later one fails in its transaction.

    On SQLite a transaction excludes the other, so the later one fails at the first check.
    """
    access = send("api", google, {"id_token": google.native()["id_token"]}).json()["access"]
    confirm(visitor, newcomer)
    confirm_by_app(access, newcomer)
    SocialAccount.objects.create(user=newcomer, provider="kakao", uid="4012345671")
    meeting, answers = threading.Barrier(2), []
    get_provider, here = SocialAccount.get_provider, threading.local()

    def met(account, *args, **kwargs):
        """Wait for the other thread, at the first call: it comes between the check and the deletion."""
        if connection.vendor == "postgresql" and not hasattr(here, "has_met"):
            here.has_met = True
            meeting.wait(20)
        return get_provider(account, *args, **kwargs)

    def run(door, account):
        browser = Client(raise_request_exception=False)
        browser.cookies = visitor.cookies
        if connection.vendor == "sqlite":
            meeting.wait(20)
        if door == "page":
            answers.append(browser.post(PAGE, {"account": account.pk}).status_code)
        else:
            body = {"provider": account.provider, "account": account.uid}
            answer = browser.delete(
                API, body, content_type="application/json", headers=bearer(access)
            )
            answers.append({200: 302}.get(answer.status_code, answer.status_code))
            if answer.status_code == 409:
                assert answer.json() == problem(409, "conflict")
        connections.close_all()

    pairs = zip(doors, SocialAccount.objects.order_by("pk"), strict=True)
    monkeypatch.setattr(SocialAccount, "get_provider", met)
    threads = [threading.Thread(target=run, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    # 401: the first one ended the sign-in of the other, which its provider had opened.
    refusals = {401, 409} if connection.vendor == "postgresql" else {200, 400, 401, 409}
    assert answers.count(302) == 1
    assert set(answers) - {302} <= refusals
    assert len(connected(newcomer)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_refused_disconnect_shows_no_message_of_success(newcomer, visitor, monkeypatch, confirm):
    account = SocialAccount.objects.get()
    confirm(visitor, newcomer)
    monkeypatch.setattr(
        "allauth.socialaccount.forms.flows.connect.validate_disconnect", lambda *args: None
    )

    refused = visitor.post(PAGE, {"account": account.pk})

    assert refused.status_code == 409
    assert "is disconnected" not in visitor.get(PAGE).text
    assert connected(newcomer) == {"google"}
