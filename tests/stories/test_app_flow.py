"""Sign up, sign in and sign out from a native app, through allauth's headless API."""

from unittest.mock import ANY

import pytest
from django.test import Client
from django.utils import timezone
from django_redis import get_redis_connection

from accounts.audit.models import AuditEvent
from accounts.people.models import User
from accounts.signins.models import AuthSession
from accounts.store.engine import SessionStore
from tests.kit import forge
from tests.kit.clients import bearer, sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in
from tests.kit.problems import problem
from tests.kit.proofs import let_proofs_age

META = {
    "is_authenticated": True,
    "access_token": ANY,
    "refresh_token": ANY,
    "token_type": "Bearer",
    "expires_in": 3600,
    "sid": ANY,
}
NEW = {"email": "New@Example.com", "password": "a few unrelated words"}


@pytest.fixture
def meta(app, user):
    """Return the tokens that the app gets by signing in."""
    return sign_in(Client(), user, door="app").json()["meta"]


@pytest.fixture
def authorization(meta):
    return f"Bearer {meta['access_token']}"


def test_sign_up_returns_a_pair_after_the_mailed_code(app, deliver, client):
    pending = app("POST", "auth/signup", NEW)
    assert pending.status_code == 401
    assert pending.json()["meta"] == {"is_authenticated": False, "session_token": ANY}
    assert {"id": "verify_email", "is_pending": True} in pending.json()["data"]["flows"]
    token = pending.json()["meta"]["session_token"]
    assert not AuthSession.objects.exists()

    done = app("POST", "auth/email/verify", {"key": code_in(deliver()[0])}, x_session_token=token)

    assert done.status_code == 200
    assert done.json()["meta"] == META
    assert not done.cookies
    session = AuthSession.objects.get()
    assert (str(session.pk), session.kind) == (done.json()["meta"]["sid"], "token")
    access = done.json()["meta"]["access_token"]
    assert client.get("/api/me/", headers=bearer(access)).json()["email"] == "new@example.com"
    assert forge.part(access, 1)["sid"] == str(session.pk)


def test_five_wrong_codes_end_a_code(app, deliver):
    token = app("POST", "auth/signup", NEW).json()["meta"]["session_token"]
    code = code_in(deliver()[0])
    answers = [
        app("POST", "auth/email/verify", {"key": "0000-0000"}, x_session_token=token).json()
        for _ in range(5)
    ]

    late = app("POST", "auth/email/verify", {"key": code}, x_session_token=token)

    assert [answer["errors"][0]["code"] for answer in answers] == ["incorrect_code"] * 5
    assert late.status_code == 400
    assert late.json()["errors"][0]["code"] == "incorrect_code"
    assert not AuthSession.objects.exists()


def test_signing_up_with_a_taken_address_looks_the_same(app, user, deliver):
    fresh = app("POST", "auth/signup", NEW)

    taken = app("POST", "auth/signup", NEW | {"email": user.email})

    assert taken.status_code == fresh.status_code
    assert set(taken.json()) == set(fresh.json())
    assert taken.json()["data"] == fresh.json()["data"] | {"user": ANY} or (
        taken.json()["data"].keys() == fresh.json()["data"].keys()
    )
    assert not [
        mail for mail in deliver() if mail.to == [user.email] and "code" in mail.subject.lower()
    ]


def test_signing_in_returns_the_pair_and_no_session_token(app, user):
    response = sign_in(Client(), user, door="app")

    assert response.status_code == 200
    assert response.json()["meta"] == META
    assert not response.cookies
    assert AuthSession.objects.get().kind == "token"


def test_the_pair_is_returned_once(app, authorization):
    response = app("GET", "auth/session", authorization=authorization)

    assert response.status_code == 200
    assert response.json()["meta"] == {"is_authenticated": True}


@pytest.mark.parametrize("path", ["auth/session", "account/email", "account/providers"])
def test_the_access_token_opens_account_endpoints(app, authorization, path):
    response = app("GET", path, authorization=authorization)

    assert response.status_code == 200


@pytest.mark.parametrize("path", ["auth/session", "account/email", "account/providers"])
@pytest.mark.parametrize("credential", ["", "Bearer x", "Bearer ", "Bearer a.b.c"])
def test_account_endpoints_refuse_a_bad_token(app, db, path, credential):
    response = app("GET", path, authorization=credential)

    assert response.status_code == 401
    error = ', error="invalid_token"' if credential else ""
    assert response["WWW-Authenticate"] == f'Bearer realm="api"{error}'
    assert "access_token" not in response.text


@pytest.mark.parametrize("kind", ["made up", "ended"])
def test_a_call_that_needs_a_token_refuses_a_bad_one(app, pair, kind):
    token = pair["access"] if kind == "ended" else "a.b.c"
    AuthSession.objects.update(revoked_at=timezone.now(), revoked_reason="admin")

    response = app("GET", "account/email", authorization=f"Bearer {token}")

    assert response.status_code == 401
    assert response.json() == problem(401, "invalid_token")
    assert response["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "config", None, 200),
        ("POST", "auth/signup", NEW, 401),
        ("POST", "auth/password/request", {"email": "nobody@example.com"}, 200),
        ("GET", "auth/password/reset", None, 400),
        ("POST", "tokens/refresh", {"refresh_token": "x"}, 400),
        ("POST", "auth/provider/token", {"provider": "google", "process": "login"}, 400),
    ],
)
def test_a_call_that_needs_no_token_ignores_a_bad_one(app, db, method, path, body, status):
    response = app(method, path, body, authorization="Bearer a.b.c")

    assert response.status_code == status
    assert "invalid_token" not in response.get("WWW-Authenticate", "")


def test_a_sign_up_under_way_goes_on_beside_a_bad_token(app, deliver):
    token = app("POST", "auth/signup", NEW).json()["meta"]["session_token"]
    key = {"key": code_in(deliver()[0])}

    response = app(
        "POST", "auth/email/verify", key, x_session_token=token, authorization="Bearer a.b.c"
    )

    assert response.status_code == 200


def test_connecting_a_provider_needs_a_good_token(app, db):
    body = {"provider": "google", "process": "connect"}

    response = app("POST", "auth/provider/token", body, authorization="Bearer a.b.c")

    assert response.json() == problem(401, "invalid_token")


def test_an_expired_token_does_not_hinder_the_next_sign_in(app, user):
    body = {"email": user.email, "password": PASSWORD}

    response = app("POST", "auth/login", body, authorization="Bearer a.b.c")

    assert response.status_code == 200
    assert response.json()["meta"]["access_token"]


@pytest.mark.parametrize("path", ["account/phone", "auth/phone/verify"])
def test_an_address_that_is_not_offered_is_404_for_an_app(db, path):
    client = Client(enforce_csrf_checks=True)

    response = client.post(f"/_allauth/app/v1/{path}", {}, content_type="application/json")

    assert response.status_code == 404
    assert response.json() == problem(404, "not_found")


def test_a_refresh_token_is_no_access_token(app, meta):
    response = app("GET", "account/email", authorization=f"Bearer {meta['refresh_token']}")

    assert response.status_code in {401, 410}


def test_an_access_token_alone_changes_no_address(app, authorization, deliver):
    let_proofs_age()

    response = app(
        "POST", "account/email", {"email": "second@example.com"}, authorization=authorization
    )

    assert response.status_code == 401
    assert {"id": "reauthenticate"} in response.json()["data"]["flows"]
    assert [mail for mail in deliver() if mail.to == ["second@example.com"]] == []


def test_a_sign_in_that_ends_during_reauthentication_is_a_401(
    app, authorization, monkeypatch, user
):
    """Here allauth saves the session itself, before the middleware does."""
    original = SessionStore.save

    def late(self, *args, **kwargs):
        for name in get_redis_connection("sessions").keys("session:*"):
            get_redis_connection("sessions").delete(name)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(SessionStore, "save", late)

    response = app(
        "POST", "auth/reauthenticate", {"password": PASSWORD}, authorization=authorization
    )

    assert response.status_code == 401
    assert response.json()["code"] == "session_ended"


def test_with_the_password_an_address_is_added_over_bearer(app, authorization, deliver):
    app("POST", "auth/reauthenticate", {"password": PASSWORD}, authorization=authorization)

    response = app(
        "POST", "account/email", {"email": "second@example.com"}, authorization=authorization
    )

    assert response.status_code == 200
    assert [mail for mail in deliver() if mail.to == ["second@example.com"]]


def test_a_password_change_by_bearer_ends_all_sign_ins_but_this_one(
    app, authorization, meta, user, obtain, client
):
    other = obtain(user)

    response = app(
        "POST",
        "account/password/change",
        {"current_password": PASSWORD, "new_password": "a wholly new passphrase"},
        authorization=authorization,
    )

    assert response.status_code == 200
    live = AuthSession.objects.active().values_list("pk", flat=True)
    assert [str(sid) for sid in live] == [meta["sid"]]
    assert client.get("/api/me/", headers=bearer(other["access"])).status_code == 401
    assert client.get("/api/me/", headers=bearer(meta["access_token"])).status_code == 200
    assert app("GET", "auth/session", authorization=authorization).status_code == 200
    assert User.objects.get().check_password("a wholly new passphrase")


def test_a_wrong_current_password_changes_nothing(app, authorization, user):
    response = app(
        "POST",
        "account/password/change",
        {"current_password": "wrong", "new_password": "a wholly new passphrase"},
        authorization=authorization,
    )

    assert response.status_code == 400
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_signing_out_ends_the_pair(app, authorization, meta, client):
    response = app("DELETE", "auth/session", authorization=authorization)

    assert response.status_code == 401
    assert AuthSession.objects.get().revoked_reason == "logout"
    assert client.get("/api/me/", headers=bearer(meta["access_token"])).status_code == 401
    refreshed = app("POST", "tokens/refresh", {"refresh_token": meta["refresh_token"]})
    assert refreshed.status_code in {400, 401}
    assert app("GET", "auth/session", authorization=authorization).status_code in {401, 410}
    assert AuditEvent.objects.filter(type="session.revoked").count() == 1


@pytest.mark.django_db(transaction=True)
def test_signing_out_leaves_nothing_in_redis(app, user):
    meta = sign_in(Client(), user, door="app").json()["meta"]

    app("DELETE", "auth/session", authorization=f"Bearer {meta['access_token']}")

    assert get_redis_connection("sessions").keys("*") == []


@pytest.mark.django_db(transaction=True)
def test_revoking_the_pair_ends_its_session_too(app, client, user):
    meta = sign_in(Client(), user, door="app").json()["meta"]

    client.post(
        "/api/token/revoke/", {"token": meta["refresh_token"]}, content_type="application/json"
    )

    assert get_redis_connection("sessions").keys("*") == []


def test_refreshing_returns_the_next_pair(app, meta, client):
    response = app("POST", "tokens/refresh", {"refresh_token": meta["refresh_token"]})

    assert response.status_code == 200
    data = response.json()["data"]
    assert data["refresh_token"] != meta["refresh_token"]
    assert forge.part(data["access_token"], 1)["sid"] == meta["sid"]
    assert client.get("/api/me/", headers=bearer(data["access_token"])).status_code == 200


def test_the_new_access_token_still_finds_the_session(app, meta):
    data = app("POST", "tokens/refresh", {"refresh_token": meta["refresh_token"]}).json()["data"]

    response = app("GET", "account/email", authorization=f"Bearer {data['access_token']}")

    assert response.status_code == 200


@pytest.mark.parametrize("token", ["x", "", None, [], {}, 1, "a.b.c"], ids=repr)
def test_an_invalid_refresh_token_is_refused(app, db, token):
    response = app("POST", "tokens/refresh", {"refresh_token": token})

    assert response.status_code in {400, 401}


def test_a_pair_of_the_simple_endpoint_reaches_no_flow_session(app, obtain, user):
    pair = obtain(user)

    response = app("GET", "auth/session", authorization=f"Bearer {pair['access']}")

    assert response.status_code < 500


def test_a_browsers_cookie_is_no_session_token(app, signed_in):
    cookie = signed_in.cookies["session"].value

    answers = [
        app(method, path, x_session_token=cookie)
        for method, path in [
            ("GET", "auth/session"),
            ("GET", "account/email"),
            ("DELETE", "auth/session"),
        ]
    ]

    assert {answer.status_code for answer in answers} <= {401, 410}
    assert signed_in.get("/api/me/").status_code == 200


def test_a_pending_apps_session_token_is_no_browsers_cookie(app, db):
    token = app("POST", "auth/signup", NEW).json()["meta"]["session_token"]
    browser = Client()
    browser.cookies["session"] = token

    answers = [
        browser.get(path) for path in ("/accounts/", "/accounts/email/", "/api/me/", "/admin/")
    ]

    assert [answer.status_code for answer in answers] == [302, 302, 401, 302]
    assert not AuthSession.objects.exists()


def test_a_pending_session_token_stops_working_after_the_sign_in(app, deliver):
    token = app("POST", "auth/signup", NEW).json()["meta"]["session_token"]
    app("POST", "auth/email/verify", {"key": code_in(deliver()[0])}, x_session_token=token)

    response = app("GET", "auth/session", x_session_token=token)

    assert response.status_code in {401, 410}
    assert not response.json()["meta"]["is_authenticated"]


@pytest.mark.parametrize("token", ["x", "a" * 32, "Bearer x", "../x", "session:x"])
def test_an_invented_session_token_is_refused(app, db, token):
    response = app("GET", "auth/session", x_session_token=token)

    assert response.status_code in {401, 410}


@pytest.mark.parametrize(
    ("email", "password"),
    [("visitor", "not the password"), ("nobody@example.com", PASSWORD), ("disabled", PASSWORD)],
)
def test_all_wrong_credentials_get_the_same_answer(app, user, email, password):
    addresses = {"visitor": user.email, "disabled": UserFactory(disabled=True).email}

    response = app(
        "POST", "auth/login", {"email": addresses.get(email, email), "password": password}
    )

    assert response.status_code == 400
    assert response.json() == {
        "status": 400,
        "errors": [{"message": ANY, "code": "email_password_mismatch", "param": "password"}],
    }


def test_the_sixth_failure_is_limited(app, user):
    for _ in range(5):
        app("POST", "auth/login", {"email": user.email, "password": "x"})

    response = sign_in(Client(), user, door="app")

    assert response.status_code in {400, 429}
    assert "access_token" not in response.text
    assert (
        response.status_code == 429
        or response.json()["errors"][0]["code"] == "too_many_login_attempts"
    )


def test_a_user_disabled_while_verifying_is_not_signed_in(app, deliver):
    token = app("POST", "auth/signup", NEW).json()["meta"]["session_token"]
    code = code_in(deliver()[0])
    User.objects.update(is_active=False)

    response = app("POST", "auth/email/verify", {"key": code}, x_session_token=token)

    assert response.status_code in {400, 401, 403}
    assert "access_token" not in response.text
    assert not AuthSession.objects.exists()


def test_a_browser_client_gets_no_tokens(browser, user):
    response = browser.post(
        "/_allauth/browser/v1/auth/login",
        {"email": user.email, "password": PASSWORD},
        content_type="application/json",
    )

    assert response.status_code == 200
    assert response.json()["meta"] == {"is_authenticated": True}
    assert AuthSession.objects.get().kind == "browser"
    assert browser.get("/api/me/").status_code == 200


def test_a_browser_client_needs_the_csrf_token(user):
    strict = Client(enforce_csrf_checks=True)

    response = strict.post(
        "/_allauth/browser/v1/auth/login",
        {"email": user.email, "password": PASSWORD},
        content_type="application/json",
    )

    assert response.status_code == 403
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "csrf_failed"


def test_a_password_reset_ends_every_pair_and_signs_nobody_in(app, meta, user, deliver, client):
    app("POST", "auth/password/request", {"email": user.email})
    key = deliver()[0].body.split("/accounts/password/reset/key/")[1].split("/")[0]

    response = app(
        "POST", "auth/password/reset", {"key": key, "password": "a wholly new passphrase"}
    )

    assert response.status_code == 401
    assert "access_token" not in response.text
    assert client.get("/api/me/", headers=bearer(meta["access_token"])).status_code == 401
    assert AuthSession.objects.get().revoked_reason == "password_reset"
