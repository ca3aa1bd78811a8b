"""Check the session and the sign-in of each request: fail closed, and survive an outage of Redis."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django_redis import get_redis_connection

from accounts.people.models import User
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from accounts.store import engine
from tests.kit import stored_sessions
from tests.kit.clients import CHROME
from tests.kit.factories import AuthSessionFactory, UserFactory
from tests.kit.outage import without_redis

PAGE = "/accounts/email/"


def is_signed_out(response):
    return response.status_code == 302 and response["Location"].startswith("/accounts/login/")


def store_of(browser):
    return engine.SessionStore(browser.cookies["session"].value)


def age(by):
    """Every session began so long ago."""
    stored_sessions.age(get_redis_connection("sessions"), int(by.total_seconds()))


def idle_for(time):
    """Shorten the lifetime of each session in Redis, as if no request came for this time."""
    redis = get_redis_connection("sessions")
    for key in [*redis.keys("session:*"), *redis.keys("sid:*")]:
        redis.expire(key, redis.ttl(key) - int(time.total_seconds()))


def test_a_live_sign_in_opens_pages(signed_in):
    response = signed_in.get(PAGE)

    assert response.status_code == 200
    assert response.wsgi_request.auth_session == AuthSession.objects.get()


def test_a_revoked_sign_in_is_signed_out_at_its_next_request(signed_in):
    sessions.revoke(AuthSession.objects.get(), reason=sessions.Reason.ADMIN)

    response = signed_in.get(PAGE)

    assert is_signed_out(response)
    assert get_redis_connection("sessions").keys("*session:*") == []


def test_an_ended_row_alone_signs_out(signed_in):
    AuthSession.objects.update(revoked_at=timezone.now(), revoked_reason="admin")

    response = signed_in.get(PAGE)

    assert is_signed_out(response)


def test_a_busy_sign_in_ends_after_ninety_days_too(signed_in, settings):
    age(settings.AUTH_SESSION_LIFETIME)

    response = signed_in.get(PAGE)

    assert is_signed_out(response)


@pytest.mark.parametrize("sid", [None, "", "x", 1, [], {}], ids=repr)
def test_a_session_with_an_unknown_sid_is_signed_out(signed_in, sid):
    store = store_of(signed_in)
    store["sid"] = sid
    store.save()

    response = signed_in.get(PAGE)

    assert is_signed_out(response)
    assert AuthSession.objects.get().revoked_at is None


def test_a_session_without_a_sid_is_signed_out(signed_in):
    store = store_of(signed_in)
    del store["sid"]
    store.save()

    response = signed_in.get(PAGE)

    assert is_signed_out(response)


def test_a_session_with_another_users_sign_in_ends_at_the_next_touch(signed_in):
    strangers = AuthSessionFactory()
    store = store_of(signed_in)
    store["sid"] = str(strangers.pk)
    store.save()
    idle_for(timedelta(minutes=6))

    response = signed_in.get(PAGE)

    assert is_signed_out(response)
    strangers.refresh_from_db()
    assert strangers.revoked_at is None


@pytest.mark.parametrize("quietly", [True, False], ids=["by UPDATE", "by save"])
def test_a_disabled_user_is_signed_out(signed_in, user, quietly):
    if quietly:
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        user.is_active = False
        user.save()

    response = signed_in.get(PAGE)

    assert is_signed_out(response)


def test_a_deleted_user_is_signed_out(signed_in, user):
    user.delete()

    response = signed_in.get(PAGE)

    assert is_signed_out(response)


def test_a_password_changed_in_the_database_signs_out(signed_in, user):
    user.set_password("another correct horse")
    user.save()

    response = signed_in.get(PAGE)

    assert is_signed_out(response)


def test_a_request_without_cookie_asks_neither_redis_nor_database(client, dead_redis):
    response = client.get("/livez")

    assert response.status_code == 200


@pytest.mark.parametrize("path", [PAGE, "/accounts/login/", "/accounts/", "/admin/"])
def test_an_outage_shows_a_503_page_and_keeps_the_cookie(signed_in, dead_redis, path):
    signed_in.raise_request_exception = False
    cookie = signed_in.cookies["session"].value

    response = signed_in.get(path)

    assert response.status_code == 503
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert response["Retry-After"] == "3"
    assert response["Cache-Control"] == "no-store"
    assert "session" not in response.cookies
    assert signed_in.cookies["session"].value == cookie


@pytest.mark.parametrize(
    "path", ["/api/me/", "/api/sessions/", "/_allauth/browser/v1/auth/session"]
)
def test_an_outage_is_a_503_problem_for_machines(signed_in, dead_redis, path):
    signed_in.raise_request_exception = False

    response = signed_in.get(path)

    assert response.status_code == 503
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "store_unavailable"
    assert response["Retry-After"] == "3"
    assert not response.cookies


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/accounts/login/", {"login": "a@example.com", "password": "x"}),
        ("/accounts/signup/", {"email": "a@example.com", "password1": "correct horse battery"}),
        ("/accounts/password/reset/", {"email": "a@example.com"}),
    ],
)
def test_a_form_sent_in_an_outage_gets_the_503_page(browser, dead_redis, path, body):
    browser.raise_request_exception = False

    response = browser.post(path, body)

    assert response.status_code == 503
    assert response["Retry-After"] == "3"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/token/", {"email": "a@example.com", "password": "x"}),
        ("/_allauth/app/v1/auth/login", {"email": "a@example.com", "password": "x"}),
        (
            "/_allauth/app/v1/auth/signup",
            {"email": "a@example.com", "password": "correct horse battery"},
        ),
    ],
)
def test_a_call_sent_in_an_outage_gets_the_503_problem(dead_redis, path, body):
    client = Client(raise_request_exception=False)

    response = client.post(path, body, content_type="application/json")

    assert response.status_code == 503
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "store_unavailable"
    assert response["Retry-After"] == "3"


def test_after_the_outage_everybody_is_still_signed_in(signed_in, settings):
    signed_in.raise_request_exception = False
    with without_redis(settings):
        during = signed_in.get(PAGE)

    response = signed_in.get(PAGE)

    assert during.status_code == 503
    assert response.status_code == 200


def test_a_sign_out_in_an_outage_shows_an_error(signed_in, settings):
    signed_in.raise_request_exception = False
    with without_redis(settings):
        response = signed_in.post("/accounts/logout/")

    assert response.status_code == 503


def test_bearer_tokens_work_through_an_outage(client, obtain, user, settings):
    pair = obtain(user)
    client.cookies.clear()
    with without_redis(settings):
        me = client.get("/api/me/", headers={"authorization": f"Bearer {pair['access']}"})
        refreshed = client.post(
            "/api/token/refresh/", {"refresh": pair["refresh"]}, content_type="application/json"
        )
        revoked = client.post(
            "/api/token/revoke/", {"token": pair["refresh"]}, content_type="application/json"
        )

    assert (me.status_code, refreshed.status_code, revoked.status_code) == (200, 200, 200)
    assert AuthSession.objects.get().revoked_reason == "logout"


def test_a_sign_in_revoked_in_an_outage_is_out_when_redis_is_back(signed_in, settings):
    with without_redis(settings):
        sessions.revoke(AuthSession.objects.get(), reason=sessions.Reason.ADMIN)

    response = signed_in.get(PAGE)

    assert is_signed_out(response)


def test_an_invented_session_id_is_not_used(client, db):
    client.cookies["session"] = "a" * 32

    client.post("/accounts/login/", {"login": "nobody@example.com", "password": "x"})
    response = client.get("/accounts/login/")

    assert response.status_code == 200
    assert not engine.SessionStore().exists("a" * 32)


@pytest.mark.parametrize("value", ["", "a", "a" * 5000, "../x", "é", '"quoted"'], ids=ascii)
def test_a_garbled_cookie_is_no_session(db, value):
    stranger = Client(
        headers={"user-agent": CHROME, "cookie": f"session={value}"}, raise_request_exception=False
    )

    response = stranger.get(PAGE)

    assert is_signed_out(response)


def test_two_users_on_one_browser_one_after_the_other(signed_in, user):
    second = UserFactory()
    signed_in.post("/accounts/logout/")
    signed_in.post("/accounts/login/", {"login": second.email, "password": "correct horse battery"})

    response = signed_in.get("/api/me/")

    assert response.json()["email"] == second.email
    assert AuthSession.objects.get(user=user).revoked_reason == "logout"


def test_a_sign_out_clears_what_the_browser_keeps(signed_in):
    page = signed_in.get("/accounts/")
    out = signed_in.post("/accounts/logout/")
    after = signed_in.get("/accounts/login/")

    assert out["Clear-Site-Data"] == '"cache", "storage"'
    assert "Clear-Site-Data" not in page
    assert "Clear-Site-Data" not in after


def test_a_sign_out_by_the_headless_api_clears_it_too(signed_in):
    response = signed_in.delete("/_allauth/browser/v1/auth/session")

    assert response.status_code == 401
    assert response["Clear-Site-Data"] == '"cache", "storage"'
