"""Count the SQL statements and Redis commands of requests: none if the token holds all that they need."""

import json
import re
from uuid import UUID

import pytest
import redis
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from django.utils import timezone
from django_redis import get_redis_connection
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.people.models import User
from api.authentication import BearerUser
from config.urls import urlpatterns as site
from tests.kit.clients import bearer
from tests.kit.factories import PASSWORD
from tests.kit.two_ways import Call, by_site


class ClaimsView(APIView):
    """A view of another app, which reads only the token's claims."""

    def get(self, request):
        return Response({"sub": str(request.user.pk), "sid": str(request.auth.sid)})


urlpatterns = [path("api/claims/", ClaimsView.as_view()), path("", include(site))]


@pytest.fixture
def claims(settings):
    settings.ROOT_URLCONF = __name__
    return "/api/claims/"


@pytest.fixture
def access(obtain, user, fresh_feed):
    return obtain(user)["access"]


@pytest.fixture
def asked(monkeypatch):
    """Return a list of every Redis command that this process sends."""
    commands = []
    real = redis.connection.AbstractConnection.send_packed_command

    def send(self, command, check_health=True):
        data = command if isinstance(command, bytes) else b"".join(command)
        commands.append(re.findall(rb"\r\n([A-Za-z]+)\r\n", data))
        return real(self, command, check_health)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", send)
    return commands


def test_the_counters_see_sql_and_redis(client, user, asked):
    """Without this, the tests below could pass because nothing is counted."""
    with CaptureQueriesContext(connection) as sql:
        client.post("/accounts/login/", {"login": user.email, "password": "wrong"})

    assert len(sql) > 0
    assert asked


def test_a_view_that_needs_only_the_token_costs_nothing(client, claims, access, user, asked):
    first = client.get(claims, headers=bearer(access))

    with CaptureQueriesContext(connection) as sql:
        response = client.get(claims, headers=bearer(access))

    assert first.status_code == response.status_code == 200
    assert response.json()["sub"] == str(user.pk)
    assert [query["sql"] for query in sql] == []
    assert asked == []


def test_a_call_of_no_browser_reads_its_headers_in_place(client, claims, access):
    request = client.get(claims, headers=bearer(access)).wsgi_request

    assert "headers" not in vars(request)  # Django's copy of all headers, made by the first use


def test_a_token_that_was_never_seen_costs_nothing_either(client, claims, access, asked):
    with CaptureQueriesContext(connection) as sql:
        response = client.get(claims, headers=bearer(access))

    assert response.status_code == 200
    assert (len(sql), asked) == (0, [])


@pytest.mark.parametrize("token", ["x", "a.b.c", "forged"])
def test_refusing_a_token_costs_nothing(client, claims, access, asked, token):
    text = access[:-4] + "AAAA" if token == "forged" else token

    with CaptureQueriesContext(connection) as sql:
        response = client.get(claims, headers=bearer(text))

    assert response.status_code == 401
    assert (len(sql), asked) == (0, [])


def test_refusing_a_revoked_token_costs_nothing(client, claims, access, fresh_feed, asked):
    sid = client.get(claims, headers=bearer(access)).json()["sid"]
    fresh_feed.add(UUID(sid))

    with CaptureQueriesContext(connection) as sql:
        response = client.get(claims, headers=bearer(access))

    assert response.status_code == 401
    assert (len(sql), asked) == (0, [])


def test_verify_costs_nothing_as_a_view(client, access, asked):
    with CaptureQueriesContext(connection) as sql:
        response = client.get("/api/verify", headers=bearer(access))

    assert response.status_code == 204
    assert (len(sql), asked) == (0, [])


@pytest.fixture
def by_gate(access, signed_in):
    """Send a request ahead of Django. Return the gate's status and the number of its statements."""
    cookie = signed_in.cookies["session"].value
    credentials = {
        "bearer": {"HTTP_AUTHORIZATION": f"Bearer {access}"},
        "cookie": {"HTTP_COOKIE": f"session={cookie}"},
        "nothing": {},
    }

    def send(method, path, *, by, body=b""):
        call = Call(method, path, body, more=credentials[by])
        with CaptureQueriesContext(connection) as sql:
            answer, has_answered = by_site(call.environ())
        assert has_answered
        return answer.status, len(sql)

    return send


def test_verify_costs_nothing_ahead_of_django(by_gate, asked):
    asked.clear()

    assert by_gate("GET", "/api/verify", by="bearer") == ("204 No Content", 0)
    assert asked == []


@pytest.mark.parametrize("path", ["/api/verify", "/api/me/"])
def test_a_cookie_costs_one_statement_and_one_round_trip(by_gate, asked, path):
    asked.clear()

    status, statements = by_gate("GET", path, by="cookie")

    assert (status[0], statements) == ("2", 1)
    assert asked == [[b"GETRANGE", b"PTTL"]]


def test_the_own_account_by_token_costs_one_statement_ahead_of_django(by_gate, asked):
    asked.clear()

    assert by_gate("GET", "/api/me/", by="bearer") == ("200 OK", 1)
    assert asked == []


def test_a_refresh_costs_one_statement_ahead_of_django(by_gate, obtain, user, asked):
    body = json.dumps({"refresh": obtain(user)["refresh"]}).encode()
    asked.clear()

    assert by_gate("POST", "/api/token/refresh/", by="nothing", body=body) == ("200 OK", 1)
    assert asked == []


def test_token_verify_costs_nothing(post, access, asked):
    with CaptureQueriesContext(connection) as sql:
        response = post("/api/token/verify/", {"token": access})

    assert response.status_code == 200
    assert (len(sql), asked) == (0, [])


def test_reading_the_own_account_costs_one_statement(client, access, asked):
    with CaptureQueriesContext(connection) as sql:
        response = client.get("/api/me/", headers=bearer(access))

    assert response.status_code == 200
    assert len(sql) == 1
    assert asked == []


def test_listing_the_own_devices_costs_one_statement(client, access, asked):
    with CaptureQueriesContext(connection) as sql:
        response = client.get("/api/sessions/", headers=bearer(access))

    assert response.status_code == 200
    assert len(sql) == 1
    assert asked == []


def test_a_refresh_costs_one_statement(obtain, user, post, fresh_feed, asked):
    pair = obtain(user)

    with CaptureQueriesContext(connection) as sql:
        response = post("/api/token/refresh/", {"refresh": pair["refresh"]})

    assert response.status_code == 200
    assert len(sql) == 1, [query["sql"] for query in sql]


def test_a_repeat_costs_two_statements(obtain, user, post, fresh_feed):
    pair = obtain(user)
    post("/api/token/refresh/", {"refresh": pair["refresh"]})
    again = post("/api/token/refresh/", {"refresh": pair["refresh"]}).json()

    with CaptureQueriesContext(connection) as sql:
        response = post("/api/token/refresh/", {"refresh": again["refresh"]})

    assert response.status_code == 200
    assert len(sql) == 2


def test_the_user_of_a_token_is_read_on_access_only(access, user):
    caller = BearerUser(user.pk)
    with CaptureQueriesContext(connection) as sql:
        assert (caller.pk, caller.id, caller.is_authenticated) == (user.pk, user.pk, True)
        assert len(sql) == 0
        assert caller.email == user.email
        assert caller.display_name == ""
    assert len(sql) == 1


def test_keys_cost_nothing_once_read(client, access):
    with CaptureQueriesContext(connection) as sql:
        response = client.get("/.well-known/jwks.json")

    assert response.status_code == 200
    assert len(sql) == 0


def limiter_calls(asked):
    """Return the calls that count attempts. The others belong to sessions."""
    return [call for call in asked if b"attempts:" in call]


@pytest.fixture
def sent(monkeypatch):
    """Everything that this process sends to Redis, whole."""
    for alias in ("default", "sessions"):
        get_redis_connection(alias).ping()  # a new connection says hello first
    calls = []
    real = redis.connection.AbstractConnection.send_packed_command

    def send(self, command, check_health=True):
        calls.append(command if isinstance(command, bytes) else b"".join(command))
        return real(self, command, check_health)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", send)
    return calls


@pytest.mark.parametrize(("password", "count"), [(PASSWORD, 2), ("wrong", 1)])
@pytest.mark.parametrize("door", ["page", "api"])
def test_limiting_a_sign_in_costs_two_round_trips(client, post, user, sent, door, password, count):
    if door == "page":
        client.post("/accounts/login/", {"login": user.email, "password": password})
    else:
        post("/api/token/", {"email": user.email, "password": password})

    assert len(limiter_calls(sent)) == count
    assert not [call for call in sent if b":lock" in call or b"allauth" in call]


def test_a_sign_in_by_api_asks_redis_twice_in_all(post, user, sent, fresh_feed):
    User.objects.update(last_login=timezone.now())  # a first sign-in also looks for a decoy
    post("/api/token/", {"email": user.email, "password": PASSWORD})

    assert len(sent) == 2


def test_a_refresh_asks_redis_nothing(obtain, user, post, fresh_feed, sent):
    pair = obtain(user)
    sent.clear()

    response = post("/api/token/refresh/", {"refresh": pair["refresh"]})

    assert response.status_code == 200
    assert sent == []


OPENING = ["UPDATE accounts_user"]
"""The statement that also writes the row and the event of a sign-in. It needs no transaction of its own."""
if connection.vendor == "sqlite":
    OPENING += [
        "INSERT accounts_authsession",
        "INSERT accounts_auditevent",
        "SELECT accounts_webhookendpoint",
    ]
IN_TRANSACTIONS = int(connection.vendor == "sqlite")
SIGN_IN = [
    "SELECT accounts_user",
    "SELECT mfa_authenticator",
    *OPENING,
    "SELECT mfa_authenticator",
    "SELECT accounts_auditevent",
]
"""The statements of a sign-in by password, in their order."""


def statements(sql):
    """Return the verb and the first table of each statement. In a test, a transaction is a savepoint."""
    form = re.compile(
        r'(?:WITH \w+ AS \(\s*)?(UPDATE|INSERT INTO|DELETE FROM|SELECT .*? FROM) "?(\w+)', re.DOTALL
    )
    found = [form.match(query["sql"].strip()) for query in sql]
    return [f"{match[1].split()[0]} {match[2]}" for match in found if match]


def transactions(sql):
    return sum(query["sql"].startswith("SAVEPOINT") for query in sql)


def test_a_sign_in_by_api_opens_by_one_statement_on_postgresql(post, user, fresh_feed):
    post("/api/token/", {"email": user.email, "password": PASSWORD})

    with CaptureQueriesContext(connection) as sql:
        response = post("/api/token/", {"email": user.email, "password": PASSWORD})

    assert response.status_code == 200
    assert statements(sql) == SIGN_IN
    assert transactions(sql) == IN_TRANSACTIONS


def test_a_sign_in_by_page_opens_by_one_statement_on_postgresql(client, user):
    form = {"login": user.email, "password": PASSWORD}
    client.post("/accounts/login/", form)  # the device is known after it, and the offer was made
    client.post("/accounts/logout/")

    with CaptureQueriesContext(connection) as sql:
        response = client.post("/accounts/login/", form)

    assert response.status_code == 302
    assert statements(sql) == [
        "SELECT accounts_auditevent",
        *SIGN_IN,
        "SELECT accounts_factorreset",
    ]
    assert transactions(sql) == IN_TRANSACTIONS


SIGN_OUT = ["UPDATE accounts_authsession"]
"""The statement of a sign-out, which also writes the event. It needs no transaction of its own."""
WEBHOOKS = ["INSERT accounts_auditevent", "SELECT accounts_webhookendpoint"]
if connection.vendor == "sqlite":
    SIGN_OUT += WEBHOOKS


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_sign_out_by_api_costs_one_statement_on_postgresql(
    obtain, user, post, fresh_feed, sent, kind, django_capture_on_commit_callbacks
):
    token = obtain(user)[kind]
    sent.clear()

    with (
        django_capture_on_commit_callbacks(execute=True),
        CaptureQueriesContext(connection) as sql,
    ):
        response = post("/api/token/revoke/", {"token": token})

    assert response.status_code == 200
    assert statements(sql) == SIGN_OUT
    assert transactions(sql) == IN_TRANSACTIONS
    assert len(sent) == 2  # the bell, and the session that an app may have


def test_a_sign_out_by_page_costs_one_statement_on_postgresql(signed_in, fresh_feed, sent):
    sent.clear()

    with CaptureQueriesContext(connection) as sql:
        response = signed_in.post("/accounts/logout/")

    assert response.status_code == 302
    assert statements(sql) == ["SELECT accounts_user", *SIGN_OUT]
    assert transactions(sql) == IN_TRANSACTIONS


def test_a_sign_out_by_device_list_costs_the_same(obtain, user, client, fresh_feed, sent):
    pair = obtain(user)
    sent.clear()

    with CaptureQueriesContext(connection) as sql:
        response = client.delete(f"/api/sessions/{pair['sid']}/", headers=bearer(pair["access"]))

    assert response.status_code == 204
    assert statements(sql) == ["SELECT accounts_authsession", *SIGN_OUT]
    assert transactions(sql) == IN_TRANSACTIONS
