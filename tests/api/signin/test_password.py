"""Test `POST /api/token/`: every wrong credential gets one answer; the audit log has the reason."""

import json
from unittest.mock import ANY

import pytest
from django.contrib.auth.hashers import identify_hasher
from django.core import mail as django_mail
from django.test import Client
from django_redis import get_redis_connection

from accounts.audit.models import AuditEvent
from accounts.outbox.models import Job
from accounts.people.hashers import Argon2idPasswordHasher
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.problems import invalid, problem
from tests.kit.two_ways import Call, as_response, by_site

PAIR = {"access": ANY, "refresh": ANY, "token_type": "Bearer", "expires_in": 3600, "sid": ANY}


@pytest.fixture(params=["django", "gate"])
def post(request, post):
    """Post by Django alone, and with the gate ahead of it."""
    if request.param == "django":
        return post

    def run(path, body, *, headers=None, **more):
        named = {
            f"HTTP_{name.upper().replace('-', '_')}": each for name, each in (headers or {}).items()
        }
        call = Call("POST", path, json.dumps(body).encode(), more=more | named)
        return as_response(by_site(call.environ())[0])

    return run


def told(response):
    """Return all that the caller can see, without the parts that are random in each answer."""
    body = response.json()
    body.pop("request_id")
    headers = {name.lower(): value for name, value in response.items()}
    headers.pop("x-request-id")
    return response.status_code, body, headers, response.cookies.output()


def last_event():
    return AuditEvent.objects.filter(type="login.failed").values(
        "user", "identifier", "reason", "ip", "user_agent", "sid"
    )[0]


@pytest.fixture
def wrong(post, user):
    """Return the answer to a wrong password for an existing account."""
    return told(post("/api/token/", {"email": user.email, "password": "not the password"}))


def test_good_credentials_return_a_pair_and_nothing_else(post, user):
    response = post("/api/token/", {"email": user.email, "password": PASSWORD})

    assert response.status_code == 200
    assert response.json() == PAIR
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Type"] == "application/json"
    assert not response.cookies


@pytest.mark.parametrize("form", ["{}", "  {}\n", "\u3000{}"])
def test_padding_and_case_of_the_email_do_not_matter(post, user, form):
    email = form.format(user.email.upper())

    response = post("/api/token/", {"email": email, "password": PASSWORD})

    assert response.status_code == 200


@pytest.mark.parametrize("password", [f" {PASSWORD}", f"{PASSWORD} ", PASSWORD.upper()])
def test_padding_and_case_of_the_password_matter(post, user, password):
    response = post("/api/token/", {"email": user.email, "password": password})

    assert response.status_code == 401


def test_a_wrong_password_returns_401_invalid_credentials(post, user):
    response = post("/api/token/", {"email": user.email, "password": "not the password"})

    assert response.status_code == 401
    assert response.json() == problem(401, "invalid_credentials")
    assert response["Content-Type"] == "application/problem+json"
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response["Cache-Control"] == "no-store"
    assert last_event() == {
        "user": user.pk,
        "identifier": user.email,
        "reason": "wrong_password",
        "ip": "127.0.0.1",
        "user_agent": ANY,
        "sid": None,
    }


def test_an_unknown_email_gets_the_wrong_password_answer(post, wrong):
    response = post("/api/token/", {"email": "Nobody@example.com", "password": PASSWORD})

    assert told(response) == wrong
    assert last_event()["user"] is None
    assert last_event()["identifier"] == "nobody@example.com"
    assert last_event()["reason"] == "unknown_user"


@pytest.mark.parametrize("password", [PASSWORD, "not the password"])
def test_a_disabled_account_gets_the_wrong_password_answer(post, wrong, password):
    disabled = UserFactory(disabled=True)

    response = post("/api/token/", {"email": disabled.email, "password": password})

    assert told(response) == wrong
    assert last_event()["user"] == disabled.pk
    assert last_event()["reason"] == "user_inactive"


def test_an_account_without_password_gets_the_wrong_password_answer(post, wrong):
    social = UserFactory()
    social.set_unusable_password()
    social.save()

    response = post("/api/token/", {"email": social.email, "password": PASSWORD})

    assert told(response) == wrong


def test_a_disabled_unverified_account_gets_the_wrong_password_answer(post, wrong):
    disabled = UserFactory(disabled=True, verified=False)

    response = post("/api/token/", {"email": disabled.email, "password": PASSWORD})

    assert told(response) == wrong


def test_only_the_right_password_reveals_an_unverified_account(post, wrong):
    unverified = UserFactory(verified=False)

    refused = post("/api/token/", {"email": unverified.email, "password": "not the password"})
    response = post("/api/token/", {"email": unverified.email, "password": PASSWORD})

    assert told(refused) == wrong
    assert response.status_code == 401
    assert response.json() == problem(401, "email_unverified")
    assert "/_allauth/app/v1/auth/login" in response.json()["detail"]


def test_an_unverified_account_gets_no_sign_in_no_mail_and_no_session(post, session_keys, db):
    unverified = UserFactory(verified=False)

    post("/api/token/", {"email": unverified.email, "password": PASSWORD})

    assert not AuthSession.objects.exists()
    assert not Job.objects.filter(kind="mail").exists()
    assert django_mail.outbox == []
    assert session_keys() == []


@pytest.mark.parametrize("password", [PASSWORD, "not the password"])
def test_nothing_is_left_in_redis(post, user, session_keys, password):
    before = session_keys()

    post("/api/token/", {"email": user.email, "password": password})

    assert session_keys() == before


def test_the_sign_in_is_recorded(post, user):
    pair = post(
        "/api/token/",
        {"email": user.email, "password": PASSWORD},
        headers={"user-agent": "curl/8.1"},
    ).json()

    session = AuthSession.objects.get()
    assert str(session.pk) == pair["sid"]
    assert (session.user, session.kind, session.client_id) == (user, "token", "first-party")
    assert (session.ip, session.user_agent, session.amr) == ("127.0.0.1", "curl/8.1", ["pwd"])
    assert list(AuditEvent.objects.values_list("type", "user", "sid", "ip")) == [
        ("login.succeeded", user.pk, session.pk, "127.0.0.1"),
    ]
    user.refresh_from_db()
    assert user.last_login is not None


def test_two_sign_ins_of_one_user_are_both_active(post, user):
    first = post("/api/token/", {"email": user.email, "password": PASSWORD}).json()

    second = post("/api/token/", {"email": user.email, "password": PASSWORD}).json()

    assert first["sid"] != second["sid"]
    assert AuthSession.objects.active().count() == 2


def test_a_browsers_cookie_sent_along_changes_nothing(signed_in, user, session_keys):
    other = UserFactory()
    before = session_keys()

    response = signed_in.post(
        "/api/token/",
        json.dumps({"email": other.email, "password": PASSWORD}),
        content_type="application/json",
    )

    assert response.status_code == 200
    assert not response.cookies
    assert session_keys() == before
    assert AuthSession.objects.get(pk=response.json()["sid"]).user == other
    assert AuthSession.objects.active().for_user(user.pk).count() == 1
    assert signed_in.get("/api/me/").json()["email"] == user.email


def test_a_wrong_password_does_not_sign_a_browser_out(signed_in, user):
    response = signed_in.post(
        "/api/token/",
        json.dumps({"email": user.email, "password": "not the password"}),
        content_type="application/json",
    )

    assert response.status_code == 401
    assert not response.cookies
    assert signed_in.get("/api/me/").status_code == 200


def test_the_endpoint_needs_no_csrf_token(user):
    strict = Client(enforce_csrf_checks=True)

    response = strict.post(
        "/api/token/",
        json.dumps({"email": user.email, "password": PASSWORD}),
        content_type="application/json",
    )

    assert response.status_code == 200


@pytest.mark.parametrize(
    "header", ["Bearer stale", "Bearer ", "Bearer", "Basic YTpi", "\xff", "a b c"]
)
def test_a_useless_authorization_header_is_ignored(post, user, header):
    response = post(
        "/api/token/",
        {"email": user.email, "password": PASSWORD},
        headers={"authorization": header},
    )

    assert response.status_code == 200


def test_the_sixth_wrong_password_of_an_account_is_refused_everywhere(post, user):
    for number in range(5):
        post(
            "/api/token/",
            {"email": user.email, "password": "not the password"},
            REMOTE_ADDR=f"192.0.2.{number}",
        )

    response = post(
        "/api/token/", {"email": user.email, "password": PASSWORD}, REMOTE_ADDR="192.0.2.99"
    )

    assert response.status_code == 429
    assert response.json() == problem(429, "too_many_requests")
    assert 0 < int(response["Retry-After"]) <= 300
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    assert not AuthSession.objects.exists()


@pytest.mark.parametrize("kind", ["unknown", "disabled"])
def test_the_limit_is_the_same_for_unknown_and_disabled_accounts(post, db, kind):
    email = UserFactory(disabled=True).email if kind == "disabled" else "nobody@example.com"

    statuses = [
        post(
            "/api/token/", {"email": email, "password": PASSWORD}, REMOTE_ADDR=f"192.0.2.{number}"
        ).status_code
        for number in range(7)
    ]

    assert statuses == [401] * 5 + [429] * 2


def test_the_limit_ignores_case_and_padding_of_the_email(post, user):
    forms = [user.email, user.email.upper(), f" {user.email}", user.email.title(), f"{user.email} "]
    for number, email in enumerate(forms):
        post("/api/token/", {"email": email, "password": "x"}, REMOTE_ADDR=f"192.0.2.{number}")

    response = post(
        "/api/token/", {"email": user.email, "password": PASSWORD}, REMOTE_ADDR="192.0.2.99"
    )

    assert response.status_code == 429


def test_the_limit_of_one_account_does_not_affect_another(post, user):
    for number in range(6):
        post(
            "/api/token/",
            {"email": user.email, "password": "x"},
            REMOTE_ADDR=f"192.0.2.{number}",
        )
    other = UserFactory()

    response = post("/api/token/", {"email": other.email, "password": PASSWORD})

    assert response.status_code == 200


def test_pages_and_api_share_the_limit(browser, post, user):
    for number in range(5):
        browser.post(
            "/accounts/login/",
            {"login": user.email, "password": "x"},
            REMOTE_ADDR=f"192.0.2.{number}",
        )

    response = post("/api/token/", {"email": user.email, "password": PASSWORD})

    assert response.status_code == 429


def test_an_address_is_limited_across_accounts(post, db, settings):
    settings.LIMITS = settings.LIMITS | {"sign_in_network": (10, 300)}

    statuses = [
        post("/api/token/", {"email": f"nobody{number}@example.com", "password": "x"}).status_code
        for number in range(11)
    ]

    assert statuses == [401] * 10 + [429]


@pytest.mark.slow
def test_right_passwords_from_one_address_are_not_limited(post, user, settings):
    settings.LIMITS = settings.LIMITS | {"sign_in_network": (2, 300)}

    statuses = [
        post("/api/token/", {"email": user.email, "password": PASSWORD}).status_code
        for _ in range(31)
    ]

    assert statuses == [200] * 31


def test_a_forwarded_address_is_ignored(post, db, settings):
    settings.LIMITS = settings.LIMITS | {"sign_in_network": (10, 300)}

    statuses = [
        post(
            "/api/token/",
            {"email": f"nobody{number}@example.com", "password": "x"},
            headers={"x-forwarded-for": f"198.51.100.{number}"},
        ).status_code
        for number in range(11)
    ]

    assert statuses[-1] == 429
    assert set(AuditEvent.objects.values_list("ip", flat=True)) == {"127.0.0.1"}


def test_a_password_of_129_characters_is_refused_before_any_hash(post, user, settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.ForbiddenHasher"]

    response = post("/api/token/", {"email": user.email, "password": "p" * 129})

    assert response.status_code == 400
    assert response.json() == invalid(("/password", "max_length"))


class ForbiddenHasher(Argon2idPasswordHasher):
    """Raises an error on every use of a hash."""

    algorithm = "forbidden"

    def encode(self, password, salt):
        raise AssertionError("a password was hashed")

    def verify(self, password, encoded):
        raise AssertionError("a password was hashed")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/accounts/login/", {"login": "{email}", "password": "p" * 60_000}),
        ("/accounts/signup/", {"email": "new@example.com", "password1": "p" * 60_000}),
    ],
)
def test_pages_do_not_hash_an_overlong_password(browser, user, settings, path, body):
    settings.PASSWORD_HASHERS = [f"{__name__}.ForbiddenHasher"]
    body = {name: value.format(email=user.email) for name, value in body.items()}

    response = browser.post(path, body)

    assert response.status_code == 200


@pytest.mark.parametrize("path", ["login", "signup"])
def test_the_app_flow_does_not_hash_an_overlong_password(post, user, settings, path):
    settings.PASSWORD_HASHERS = [f"{__name__}.ForbiddenHasher"]
    email = user.email if path == "login" else "new@example.com"

    response = post(f"/_allauth/app/v1/auth/{path}", {"email": email, "password": "p" * 60_000})

    assert response.status_code == 400


def test_passwords_are_stored_as_argon2id_with_owasps_parameters(post, db, settings):
    settings.PASSWORD_HASHERS = ["accounts.people.hashers.Argon2idPasswordHasher"]
    user = UserFactory()

    response = post("/api/token/", {"email": user.email, "password": PASSWORD})

    assert response.status_code == 200
    stored = User.objects.get(pk=user.pk).password
    assert stored.startswith("argon2-nfkc$argon2id$v=19$m=19456,t=2,p=1$")
    assert identify_hasher(stored).decode(stored)["memory_cost"] >= 19456


def test_a_weaker_argon2_hash_is_upgraded_at_sign_in(post, db, settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.WeakArgon2"]
    user = UserFactory()
    settings.PASSWORD_HASHERS = ["accounts.people.hashers.Argon2idPasswordHasher"]

    response = post("/api/token/", {"email": user.email, "password": PASSWORD})

    assert response.status_code == 200
    assert "m=19456,t=2,p=1" in User.objects.get(pk=user.pk).password


class WeakArgon2(Argon2idPasswordHasher):
    memory_cost = 1024
    time_cost = 1


def test_the_rate_limits_are_in_the_shared_cache(post, user):
    post("/api/token/", {"email": user.email, "password": "x"})

    assert list(get_redis_connection("default").scan_iter("attempts:sign_in_*"))
