"""Send each sign-out through the gate and through Django alone: answers, rows and messages are equal."""

import json
import re
from datetime import timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import redis
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django_redis import get_redis_connection
from structlog.testing import capture_logs

from accounts.audit.models import AuditEvent
from accounts.outbox.models import Job
from accounts.people.models import User
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from accounts.store import index
from accounts.store.engine import SID, SessionStore
from accounts.webhooks.models import WebhookDelivery
from api.keys import ring
from api.tokens import jwts
from tests.kit import forge
from tests.kit.bad_tokens import BAD
from tests.kit.clients import open_browser
from tests.kit.factories import UserFactory
from tests.kit.outage import without_redis
from tests.kit.two_ways import FORM, MASKS, REVOKE, Call, by_django, by_site, check
from tests.kit.webhooks import endpoint

FRONTEND = "https://app.example.com"
STILL_END = {
    "a refresh token",
    "typ 'rt+jwt'",
    *(f"{{'exp': {value!r}}}" for value in (1_700_000_000, 0, "never")),
}
"""What is bad for other calls only: the owner of an expired token may still sign out. We signed all of these."""
TOO_LARGE = {"too long", "a megabyte"}
IS_POSTGRES = connection.vendor == "postgresql"


def row_of(pair):
    return AuthSession.objects.get(pk=pair["sid"])


# Which token


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("as_form", [True, False], ids=["form", "json"])
def test_either_token(world, equal, kind, as_form):
    body = {"token": world.pair[kind]}

    answer, by_gate = equal(world.revoke(urlencode(body) if as_form else body))

    assert (answer.status, answer.body, by_gate) == ("200 OK", b"", True)
    assert answer.header("content-length") == "0"
    assert answer.header("content-type") is None


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "unknown", "", "a b", "%00"])
def test_a_hint(world, equal, kind, hint):
    text = f"token={world.pair[kind]}&token_type_hint={hint}&client_id=x&client_id=y"

    check(equal, world.revoke(text), answers=True, status=200)


@pytest.mark.parametrize("hint", ["access_token", "", 1, None, ["a"]])
def test_a_hint_in_json(world, equal, hint):
    body = {"token": world.pair["access"], "token_type_hint": hint}

    check(equal, world.revoke(body), answers=hint == "access_token", status=200)


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("as_form", [True, False], ids=["form", "json"])
def test_a_token_that_is_none(world, equal, name, as_form):
    body = {"token": BAD[name](world.pair)}

    answer, by_gate = equal(world.revoke(urlencode(body) if as_form else body))

    assert by_gate is (name in STILL_END)
    is_refused = body["token"] == "" or name in TOO_LARGE
    assert answer.status.startswith("4" if is_refused else "200")


@pytest.mark.parametrize("name", [name for name in BAD if name not in STILL_END])
def test_a_token_that_is_none_ends_nothing(world, name):
    by_site(world.revoke({"token": BAD[name](world.pair)}).environ())

    assert row_of(world.pair).is_active
    assert not AuditEvent.objects.filter(type="session.revoked").exists()


def test_a_token_of_a_stranger_with_our_claims_ends_nothing(world):
    for token in (
        forge.hs256(world.pair["access"], "x"),
        forge.changed(world.pair["access"], header={"alg": "none"}),
        ".".join([*world.pair["access"].split(".")[:2], world.pair["refresh"].split(".")[2]]),
    ):
        answer, by_gate = by_site(world.revoke({"token": token}).environ())
        assert (answer.status, by_gate) == ("200 OK", False)

    assert row_of(world.pair).is_active


def test_a_sid_that_was_changed_ends_nothing_of_another(world, obtain):
    """A token ends only its own sign-in, never that of another account."""
    other = obtain(UserFactory())
    head, _, signature = world.pair["access"].split(".")
    claims = forge.segment(forge.part(world.pair["access"], 1) | {"sid": other["sid"]})

    by_site(world.revoke({"token": f"{head}.{claims}.{signature}"}).environ())

    assert row_of(other).is_active
    assert row_of(world.pair).is_active


def test_a_token_ends_its_own_sign_in_alone(world, obtain):
    others = [obtain(world.user), obtain(UserFactory())]

    by_site(world.revoke({"token": world.pair["access"]}).environ())

    assert not row_of(world.pair).is_active
    assert [row_of(each).is_active for each in others] == [True, True]
    assert AuthSession.objects.filter(kind="browser").get().is_active


def test_the_token_of_a_machine(world, equal):
    token = world.machine()["HTTP_AUTHORIZATION"].removeprefix("Bearer ")

    check(equal, world.revoke({"token": token}), answers=True, status=200)

    assert AuthSession.objects.get(kind="service").is_active


def test_a_used_refresh_token(world, equal):
    by_site(world.refresh().environ())

    check(equal, world.revoke({"token": world.pair["refresh"]}), answers=True, status=200)


@pytest.mark.parametrize("how", ["signed out", "by an operator", "deleted", "disabled", "no row"])
def test_an_ended_sign_in(world, equal, how):
    match how:
        case "signed out":
            by_site(world.revoke({"token": world.pair["refresh"]}).environ())
        case "by an operator":
            sessions.revoke(row_of(world.pair), reason=sessions.Reason.ADMIN)
        case "deleted":
            world.user.delete()
        case "disabled":
            User.objects.update(is_active=False)
        case _:
            AuthSession.objects.all().delete()

    check(equal, world.revoke({"token": world.pair["refresh"]}), answers=True, status=200)


def test_a_key_that_is_gone(world, equal):
    token = forge.changed(world.pair["access"], header={"kid": uuid4().hex})

    check(equal, world.revoke({"token": token}), answers=False, status=200)


# Which delivery


@pytest.mark.parametrize("origin", [FRONTEND, "http://testserver", "https://evil.example", None])
@pytest.mark.parametrize("has_cookie", [True, False])
@pytest.mark.parametrize("body", ["nothing", "{}", "an empty form", "a token"])
def test_cookie_delivery(world, equal, origin, has_cookie, body):
    more = {"HTTP_X_TOKEN_DELIVERY": "cookie"}
    if origin:
        more["HTTP_ORIGIN"] = origin
    if has_cookie:
        more["HTTP_COOKIE"] = f"refresh={world.pair['refresh']}; language=ko"
    call = {
        "nothing": lambda: Call("POST", REVOKE, more=more),
        "{}": lambda: world.revoke({}, **more),
        "an empty form": lambda: world.revoke("a=b", **more),
        "a token": lambda: world.revoke({"token": world.pair["access"]}, **more),
    }[body]()
    is_ours = origin in {FRONTEND, "http://testserver"}
    has_token = has_cookie or body == "a token"

    answer, by_gate = equal(call)

    assert answer.status.startswith("200" if is_ours else "403")
    assert by_gate is (is_ours and has_token)
    if by_gate:
        assert "Max-Age=0" in answer.header("set-cookie")


@pytest.mark.parametrize("body", ["token=", "token", "token=&token_type_hint=x"])
def test_an_empty_token_beside_a_cookie_is_refused(world, equal, body):
    more = {
        "HTTP_X_TOKEN_DELIVERY": "cookie",
        "HTTP_ORIGIN": FRONTEND,
        "HTTP_COOKIE": f"refresh={world.pair['refresh']}",
    }

    check(equal, world.revoke(body, **more), answers=False, status=400)


@pytest.mark.parametrize("delivery", ["Cookie", "cookie ", "", "body"])
def test_a_delivery_that_is_unknown(world, equal, delivery):
    more = {
        "HTTP_X_TOKEN_DELIVERY": delivery,
        "HTTP_ORIGIN": FRONTEND,
        "HTTP_COOKIE": f"refresh={world.pair['refresh']}",
    }

    check(equal, Call("POST", REVOKE, b"{}", more=more), answers=False, status=400)
    own = world.revoke({"token": world.pair["access"]}, **more)
    check(equal, own, answers=True, status=200)


def test_a_cookie_ends_its_sign_in_and_no_other(world, obtain):
    other = obtain(UserFactory())
    more = {
        "HTTP_X_TOKEN_DELIVERY": "cookie",
        "HTTP_ORIGIN": FRONTEND,
        "HTTP_COOKIE": f"refresh={world.pair['refresh']}",
    }

    _, by_gate = by_site(Call("POST", REVOKE, more=more).environ())

    assert by_gate
    assert (row_of(world.pair).is_active, row_of(other).is_active) == (False, True)


def test_a_token_in_the_body_counts_before_the_cookie(world, obtain):
    other = obtain(UserFactory())
    more = {
        "HTTP_X_TOKEN_DELIVERY": "cookie",
        "HTTP_ORIGIN": FRONTEND,
        "HTTP_COOKIE": f"refresh={other['refresh']}",
    }

    by_site(world.revoke({"token": world.pair["refresh"]}, **more).environ())

    assert (row_of(world.pair).is_active, row_of(other).is_active) == (False, True)


def test_a_foreign_page_ends_nothing_by_cookie(world):
    more = {
        "HTTP_X_TOKEN_DELIVERY": "cookie",
        "HTTP_ORIGIN": "https://evil.example",
        "HTTP_COOKIE": f"refresh={world.pair['refresh']}; session={uuid4().hex}",
    }

    answer, by_gate = by_site(Call("POST", REVOKE, more=more).environ())

    assert (answer.status, by_gate) == ("403 Forbidden", False)
    assert row_of(world.pair).is_active


# How the body is written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "token",
        "token=",
        "tokn={token}",
        "token={token}&token=x",
        "token=x&token={token}",
        "token={token}&token_type_hint=a&token_type_hint=b",
        "token=%FF",
        "token=%00",
        "token={token}\xe9",
        "token={token}&a=\xe9",
        "token={token};a=b",
        "token={token}+",
        "token=+{token}",
        "%74oken={token}",
        "token={token}&",
        "&token={token}",
        "a&" * 101 + "token={token}",
    ],
    ids=range(18),
)
def test_a_form(world, equal, text):
    text = text.replace("{token}", world.pair["access"])
    good = {"%74oken", "token={}&", "&token={}"}

    _, by_gate = equal(world.revoke(text))

    is_good = any(text == each.replace("{}", world.pair["access"]) for each in good)
    assert by_gate is (is_good or text.startswith("%74oken"))


@pytest.mark.parametrize(
    "type_",
    [
        FORM,
        FORM + "; charset=utf-8",
        FORM + ";charset=UTF-8",
        FORM.upper(),
        FORM + "; charset=latin-1",
        FORM + "; x=y",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/json",
        "",
    ],
)
def test_a_type_of_a_form(world, equal, type_):
    body = urlencode({"token": world.pair["access"]}).encode()

    _, by_gate = equal(Call("POST", REVOKE, body, type_))

    assert by_gate is (type_.lower() in {FORM, FORM + "; charset=utf-8", FORM + ";charset=utf-8"})


@pytest.mark.parametrize("unknown", [{"client_id": "x"}, {"tokn": "y"}, {"client_secret": "z"}])
def test_a_member_that_is_unknown(world, equal, unknown):
    body = {"token": world.pair["access"]} | unknown

    check(equal, world.revoke(body), answers=False, status=200)


@pytest.mark.parametrize(
    "more",
    [
        {"HTTP_AUTHORIZATION": "Basic eDp5"},
        {"HTTP_AUTHORIZATION": "Bearer x"},
        {"HTTP_AUTHORIZATION": ""},
        {"HTTP_COOKIE": "session=x"},
        {"HTTP_X_CSRFTOKEN": "x"},
    ],
    ids=repr,
)
def test_other_credentials_do_not_count(world, equal, more):
    check(equal, world.revoke({"token": world.pair["access"]}, **more), answers=True, status=200)


def test_a_session_cookie_beside_the_token_stays_signed_in(world):
    by_site(world.revoke({"token": world.pair["access"]}, **world.cookie).environ())

    assert AuthSession.objects.get(kind="browser").is_active


# Outages


def test_without_redis(world, equal):
    with without_redis(world.settings):
        check(equal, world.revoke({"token": world.pair["access"]}), answers=True, status=200)


def test_without_the_database(world, equal, monkeypatch):
    asked = []

    def broken(*_, **__):
        asked.append(1)
        raise OperationalError("down")

    monkeypatch.setattr("accounts.statements.first", broken)

    with capture_logs() as lines:
        check(equal, world.revoke({"token": world.pair["access"]}), answers=False, status=503)

    assert "gate_failed" not in {line["event"] for line in lines}
    assert len(asked) == 2  # the gate and Django together once, and Django alone once


def test_without_keys(world, equal, monkeypatch):
    def broken(before):
        raise OperationalError("down")

    ring.forget()
    monkeypatch.setattr(ring, "_load", broken)

    check(equal, world.revoke({"token": world.pair["access"]}), answers=False, status=503)


# What it leaves: rows, messages, sessions, lines


@pytest.fixture
def commands(monkeypatch):
    """Everything that this process sends to Redis."""
    for alias in ("default", "sessions"):
        get_redis_connection(alias).ping()
    sent = []
    real = redis.connection.AbstractConnection.send_packed_command

    def send(self, command, check_health=True):
        sent.append(command if isinstance(command, bytes) else b"".join(command))
        return real(self, command, check_health)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", send)
    return sent


def session_of(pair, user):
    """Make a session for this sign-in in Redis, as a call of the headless API leaves one."""
    store = SessionStore()
    store["_auth_user_id"], store[SID] = str(user.pk), pair["sid"]
    store.create()
    return store.session_key


def masked(text, *names):
    for name in names:
        tag = f"{{{index.tag_of(name)}}}"
        text = text.replace(str(name), "<id>").replace(tag, "<tag>")
    text = re.sub(r'\\?"at\\?": ?[\d.]+', '"at": <time>', text)
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return re.sub(r"\$\d+", "$n", text)


def left_by(way, world, commands, call):
    """Sign out a new sign-in this way. Returns the answer and everything that it left."""
    session = sessions.open(
        world.user,
        kind=sessions.Kind.TOKEN,
        client=sessions.ClientInfo("192.0.2.1"),
        amr=["pwd"],
    )
    pair = jwts.pair(session)
    key = session_of(pair, world.user)
    environ = call(pair).environ() | {"HTTP_USER_AGENT": "curl/8.1", "REMOTE_ADDR": "192.0.2.9"}
    del commands[:]
    with capture_logs() as lines:
        answer = way(environ)
    answer = answer[0] if isinstance(answer, tuple) else answer
    sent = [masked(each.decode("latin-1"), session.pk, world.user.pk) for each in commands]
    event = AuditEvent.objects.get(type="session.revoked", sid=session.pk)
    columns = {
        name: getattr(event, name)
        for name in (field.attname for field in event._meta.concrete_fields)
        if name not in {"id", "created_at", "sid"}
    }
    row = AuthSession.objects.get(pk=session.pk)
    deliveries = [
        (each.type, each.cause, each.user_id, each.reason, each.occurred_at == event.created_at)
        for each in WebhookDelivery.objects.filter(sid=session.pk, type="session.revoked")
    ]
    assert not SessionStore().exists(key)
    return {
        "answer": answer.masked(),
        "sent": sent,
        "event": columns,
        "row": (row.revoked_reason, row.revoked_at is not None, row.refresh_jti != ""),
        "deliveries": deliveries,
        "jobs": Job.objects.filter(kind="webhook").count(),
        "lines": [
            {name: value for name, value in line.items() if value is not None} for line in lines
        ],
    }


CALLS = {
    "access": lambda pair: Call("POST", REVOKE, json.dumps({"token": pair["access"]}).encode()),
    "refresh": lambda pair: Call("POST", REVOKE, json.dumps({"token": pair["refresh"]}).encode()),
    "form": lambda pair: Call("POST", REVOKE, f"token={pair['refresh']}".encode(), FORM),
    "cookie": lambda pair: Call(
        "POST",
        REVOKE,
        more={
            "HTTP_X_TOKEN_DELIVERY": "cookie",
            "HTTP_ORIGIN": FRONTEND,
            "HTTP_COOKIE": f"refresh={pair['refresh']}",
        },
    ),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("has_endpoint", [False, True])
def test_both_ways_leave_the_same(world, fresh_feed, commands, call, has_endpoint):
    more = {"HTTP_X_REQUEST_ID": "abcdefgh-1234"}

    def called(pair):
        made = call(pair)
        made.more = made.more | more
        return made

    if has_endpoint:
        endpoint(events=["session.revoked"])
    by_gate = left_by(by_site, world, commands, called)
    Job.objects.all().delete()
    plainly = left_by(by_django, world, commands, called)

    assert by_gate == plainly
    assert by_gate["row"] == ("logout", True, True)
    assert by_gate["event"]["request_id"] == "abcdefgh-1234"
    assert by_gate["event"]["ip"] == "192.0.2.9"
    assert len(by_gate["sent"]) == 2
    assert len(by_gate["deliveries"]) == by_gate["jobs"] == int(has_endpoint)
    assert [line["event"] for line in by_gate["lines"]] == ["request_finished"]


@pytest.mark.django_db(transaction=True)
def test_this_process_refuses_the_access_token_at_once(world, fresh_feed):
    more = {"HTTP_AUTHORIZATION": f"Bearer {world.pair['access']}"}
    before, _ = by_site(Call("GET", "/api/me/", more=more).environ())

    by_site(world.revoke({"token": world.pair["refresh"]}).environ())

    after, _ = by_site(Call("GET", "/api/me/", more=more).environ())
    assert (before.status, after.status) == ("200 OK", "401 Unauthorized")


@pytest.mark.django_db(transaction=True)
def test_without_redis_the_row_ends_and_this_process_knows(world, fresh_feed):
    with without_redis(world.settings):
        answer, by_gate = by_site(world.revoke({"token": world.pair["refresh"]}).environ())

    assert (answer.status, by_gate) == ("200 OK", True)
    assert row_of(world.pair).revoked_reason == "logout"
    assert fresh_feed.is_revoked(row_of(world.pair).pk)


@pytest.mark.django_db(transaction=True)
def test_twice_is_recorded_and_told_once(world, fresh_feed, commands):
    call = world.revoke({"token": world.pair["refresh"]})
    answers = [by_site(call.environ()) for _ in range(2)]

    assert [(answer.status, by_gate) for answer, by_gate in answers] == [("200 OK", True)] * 2
    assert AuditEvent.objects.filter(type="session.revoked").count() == 1
    assert len(commands) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not IS_POSTGRES, reason="SQLite needs a transaction")
def test_it_costs_one_statement(world, fresh_feed):
    with CaptureQueriesContext(connection) as sql:
        by_site(world.revoke({"token": world.pair["refresh"]}).environ())

    assert len(sql) == 1


@pytest.mark.django_db(transaction=True)
def test_a_row_that_expired_still_ends(world):
    AuthSession.objects.update(expires_at=row_of(world.pair).created_at - timedelta(days=1))

    by_site(world.revoke({"token": world.pair["refresh"]}).environ())

    assert row_of(world.pair).revoked_reason == "logout"


def test_a_browsers_sign_in_is_none_of_this(client, world):
    """A session cookie is no token: only the page's form, with its CSRF token, signs a browser out."""
    open_browser(client, world.user)
    key = client.cookies["session"].value

    answer, by_gate = by_site(world.revoke({"token": key}).environ())

    assert (answer.status, by_gate) == ("200 OK", False)
    assert AuthSession.objects.filter(kind="browser", revoked_at=None).count() == 2
