"""Link a provider from an app: a link token and one proof of the account that has the address."""

import json
import threading
import time
from unittest.mock import ANY

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db import connections
from django.test import Client

from accounts import encryption
from accounts.audit.models import AuditEvent
from accounts.federation.linking import link_tokens, links
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import bearer
from tests.kit.connections import linked
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.outage import without_redis
from tests.kit.problems import invalid, problem
from tests.kit.proofs import let_proofs_age
from tests.kit.standins import MINJI, access_token_in

BOTH = pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)
APP = "/_allauth/app/v1/auth"
REFUSED = problem(401, "invalid_link_token")
pytestmark = pytest.mark.django_db


@pytest.fixture
def present(post):
    """Post to `/api/token/` with the right password. `changes` replaces fields of the body."""

    def run(link_token, **changes):
        body = {"email": MINJI, "password": PASSWORD, "link_token": link_token}
        return post("/api/token/", body | changes)

    return run


def tokens_of(standin):
    kind = "id_token" if standin.name == "google" else "access_token"
    return {kind: standin.native()[kind]}


def issued(owner, **changes):
    link = links.Link(
        **{"provider": "kakao", "uid": "1", "extra_data": {}}
        | {"email": MINJI, "user_id": str(owner.pk)}
        | changes
    )
    return link_tokens.issue(link)


@BOTH
def test_the_link_token_and_the_password_connect_the_provider(
    standin, owner, send, present, deliver
):
    told = send("api", standin, tokens_of(standin))

    response = present(told.json()["link_token"])
    later = send("api", standin, tokens_of(standin))

    assert told.status_code == 409
    assert told.json() == problem(409, "account_exists", link_token=ANY, expires_in=600)
    assert told["Cache-Control"] == "no-store"
    assert response.status_code == 200
    assert set(response.json()) == {"access", "refresh", "token_type", "expires_in", "sid"}
    assert later.status_code == 200
    assert linked() == {(standin.name, MINJI)}
    assert [mail.to for mail in deliver()] == [[MINJI]]
    event = AuditEvent.objects.get(type=AuditEvent.Type.SOCIAL_CONNECTED)
    assert (event.user, event.reason) == (owner, standin.name)


def test_a_link_token_without_the_proof_links_nothing(kakao, owner, send, present):
    token = send("api", kakao, tokens_of(kakao)).json()["link_token"]

    wrong = present(token, password="wrong")
    other = present(token, email=UserFactory().email)
    owners = present(token)

    assert wrong.json() == problem(401, "invalid_credentials")
    assert (other.status_code, other.json()) == (401, REFUSED)
    assert owners.status_code == 200
    assert linked() == {("kakao", MINJI)}


def test_a_link_token_links_once(owner, present):
    token = issued(owner)
    assert present(token).status_code == 200
    SocialAccount.objects.all().delete()

    again = present(token)

    assert (again.status_code, again.json()) == (401, REFUSED)
    assert AuthSession.objects.count() == 1
    assert not linked()


@pytest.mark.parametrize(
    "token",
    [
        lambda owner: "x",
        lambda owner: "가",
        lambda owner: issued(owner)[:-1],
        lambda owner: issued(owner, noted_at=time.time() - link_tokens.SECONDS),
        lambda owner: encryption.encrypt("null"),
        lambda owner: encryption.encrypt("x"),
        lambda owner: encryption.encrypt(json.dumps({"subject": "a mail that waits"})),
        lambda owner: encryption.encrypt(
            encryption.decrypt(issued(owner)).replace('"link"', '"x"', 1)
        ),
        lambda owner: encryption.encrypt(json.dumps({"purpose": "link"})),
        lambda owner: encryption.encrypt(json.dumps({"purpose": "link", "link": {"new": 1}})),
    ],
    ids=[
        "garbage",
        "no ASCII",
        "cut off",
        "late",
        "another secret",
        "no JSON",
        "a mail",
        "another purpose",
        "no link",
        "another release's",
    ],
)
def test_a_malformed_link_token_signs_nobody_in(owner, present, token):
    response = present(token(owner))

    assert (response.status_code, response.json()) == (401, REFUSED)
    assert not AuthSession.objects.exists()
    assert not linked()


@pytest.mark.parametrize(
    ("token", "code"),
    [(1.5, "invalid"), (None, "null"), (["x"], "invalid"), ("x" * 4097, "max_length")],
)
def test_a_token_of_another_type_gets_its_own_error_code(owner, present, token, code):
    response = present(token)

    assert response.json() == invalid(("/link_token", code))


def test_without_redis_no_link_token_is_accepted(owner, present, settings):
    with without_redis(settings):
        response = present(issued(owner))

    assert response.status_code == 503
    assert not linked()


def test_a_link_token_for_a_former_address_still_signs_in(owner, present):
    token = issued(owner, email="former@example.com")

    assert present(token).status_code == 200
    assert not linked()


def test_a_provider_linked_elsewhere_meanwhile_does_not_stop_the_sign_in(owner, user, present):
    SocialAccount.objects.create(user=user, provider="kakao", uid="1")

    assert present(issued(owner)).status_code == 200
    assert linked() == {("kakao", user.email)}


def test_an_account_created_at_the_same_time_is_a_conflict(kakao, send, monkeypatch):
    """Google and Kakao arrive at once. The later one gets a conflict, and a link token when it retries."""

    def none_yet(login):
        monkeypatch.undo()
        UserFactory(email=MINJI)

    monkeypatch.setattr(links, "wanted", none_yet)

    response = send("api", kakao, tokens_of(kakao))
    again = send("api", kakao, tokens_of(kakao))

    assert (response.status_code, response.json()) == (409, problem(409, "conflict"))
    assert again.json()["code"] == "account_exists"
    assert not linked()
    assert not AuthSession.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_uses_at_once_one_links(owner, present):
    token, answers, start = issued(owner), [], threading.Barrier(2)

    def use():
        start.wait(20)
        answers.append(present(token).status_code)
        connections.close_all()

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(answers) == [200, 401]
    assert linked() == {("kakao", MINJI)}


@pytest.fixture
def headless():
    """Post to the headless API of apps, with this session token."""

    def run(path, body, session="", client="app", **headers):
        headers |= {"x-session-token": session} if session else {}
        return Client(raise_request_exception=False).post(
            f"/_allauth/{client}/v1/auth/{path}",
            json.dumps(body),
            content_type="application/json",
            headers=headers,
        )

    return run


CREDENTIALS = {"email": MINJI, "password": PASSWORD}


@BOTH
def test_an_apps_session_keeps_the_link_for_its_sign_in(standin, owner, send, headless):
    told = send("headless", standin, tokens_of(standin))
    session = told.json()["meta"]["session_token"]

    response = headless("login", CREDENTIALS, session)

    assert told.status_code == 409
    assert told.json() == problem(409, "account_exists", meta={"session_token": ANY})
    assert response.status_code == 200
    assert access_token_in(response)
    assert linked() == {(standin.name, MINJI)}


@pytest.mark.parametrize("who", ["nobody's session", "somebody else"])
def test_another_session_or_account_links_nothing(kakao, owner, user, send, headless, who):
    session = send("headless", kakao, tokens_of(kakao)).json()["meta"]["session_token"]

    if who == "somebody else":
        response = headless("login", CREDENTIALS | {"email": user.email}, session)
    else:
        response = headless("login", CREDENTIALS)

    assert response.status_code == 200
    assert not linked()


def test_an_address_that_moved_to_another_account_links_nothing(kakao, owner, send, headless):
    """The link was for the account that had the address before."""
    session = send("headless", kakao, tokens_of(kakao)).json()["meta"]["session_token"]
    EmailAddress.objects.filter(user=owner).update(email="elsewhere@example.com")
    User.objects.filter(pk=owner.pk).update(email="elsewhere@example.com")
    UserFactory(email=MINJI)

    response = headless("login", CREDENTIALS, session)

    assert response.status_code == 200
    assert not linked()


def test_a_single_page_app_is_sent_to_the_page(google, owner, send, visitor):
    """It shares the browser's session, in which another visitor may have left a link."""
    body = {"provider": "google", "process": "login"}
    body["token"] = {"client_id": google.native_client} | tokens_of(google)
    browser = "/_allauth/browser/v1/auth"

    told = visitor.post(f"{browser}/provider/token", body, content_type="application/json")
    page = visitor.get("/accounts/3rdparty/link/")
    visitor.post(f"{browser}/login", CREDENTIALS, content_type="application/json")

    assert told.status_code == 409
    assert told.json() == problem(409, "account_exists")
    assert "/accounts/3rdparty/link/" in told.json()["detail"]
    assert page.status_code == 200
    assert visitor.get("/api/me/").status_code == 200
    assert not linked()


def test_the_link_page_returns_to_the_single_page_app(google, owner, visitor, prove):
    back = "http://testserver/spa"
    start = visitor.post(
        "/_allauth/browser/v1/auth/provider/redirect",
        f"provider=google&process=login&callback_url={back}",
        content_type="application/x-www-form-urlencoded",
    )

    asked = visitor.get(google.consent(start["Location"]))
    done = prove(password=PASSWORD)

    assert asked["Location"] == "/accounts/3rdparty/link/"
    assert done["Location"] == back
    assert linked() == {("google", MINJI)}


@BOTH
def test_connecting_asks_for_the_password_before_it_takes_the_token(
    standin, owner, obtain, headless
):
    me = bearer(obtain(owner)["access"])
    let_proofs_age()
    body = {"provider": standin.name, "process": "connect"}
    body["token"] = {"client_id": standin.native_client} | tokens_of(standin)

    nobody = headless("provider/token", body)
    asked = headless("provider/token", body, **me)
    headless("reauthenticate", {"password": PASSWORD}, **me)
    connected = headless("provider/token", body, **me)
    again = headless("provider/token", body, **me)

    assert [nobody.status_code, asked.status_code] == [401, 401]
    assert {"id": "reauthenticate"} in asked.json()["data"]["flows"]
    assert connected.status_code == 200
    assert again.status_code == 400
    assert linked() == {(standin.name, MINJI)}
