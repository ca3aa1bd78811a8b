"""Send each request through the gate and through Django alone: status, headers and body are equal.

`answers` says which requests the gate answers by itself. All others it must leave to Django as they came.
"""

import json
import time
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.db import OperationalError
from django_redis import get_redis_connection
from structlog.testing import capture_logs

from accounts.people.models import User
from accounts.signins import refusals, sessions
from accounts.signins.models import AuthSession
from api.keys import ring
from api.tokens import jwts
from config.gate import answering
from tests.kit import forge
from tests.kit.bad_tokens import BAD
from tests.kit.outage import without_redis
from tests.kit.two_ways import (
    CHECK,
    FORM,
    INTROSPECT,
    ME,
    REFRESH,
    REVOKE,
    SERVICES,
    VERIFY,
    Call,
    by_django,
    by_site,
    check,
)

READING = [ME, VERIFY, SERVICES]
FRONTEND = "https://app.example.com"


# Who asks


def good(path):
    return 200 if path == ME else 204


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_good_token(world, equal, path, method, scheme):
    more = {"HTTP_AUTHORIZATION": f"{scheme} {world.pair['access']}"}

    check(equal, Call(method, path, more=more), answers=True, status=good(path))


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_good_cookie(world, equal, path, method):
    check(equal, Call(method, path, more=world.cookie), answers=True, status=good(path))


@pytest.mark.parametrize("path", READING)
def test_a_token_beside_a_cookie(world, equal, path):
    check(
        equal, Call("GET", path, more=world.cookie | world.bearer), answers=True, status=good(path)
    )


@pytest.mark.parametrize("path", READING)
def test_a_bad_token_beside_a_good_cookie(world, equal, path):
    more = world.cookie | {"HTTP_AUTHORIZATION": "Bearer x"}

    check(equal, Call("GET", path, more=more), answers=False, status=401)


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_bad_token(world, equal, path, make):
    more = {"HTTP_AUTHORIZATION": f"Bearer {make(world.pair)}"}

    check(equal, Call("GET", path, more=more), answers=False, status=401)


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"HTTP_AUTHORIZATION": "Basic eDp5"},
        {"HTTP_AUTHORIZATION": ""},
        {"HTTP_COOKIE": "session="},
        {"HTTP_COOKIE": "session=x"},
        {"HTTP_COOKIE": f"session={'a' * 32}"},
        {"HTTP_COOKIE": "a=b; c"},
    ],
    ids=repr,
)
def test_no_good_credential(world, equal, path, more):
    check(equal, Call("GET", path, more=more), answers=False, status=401)


COOKIES = {
    "twice, the good one last": ("session=x; session={}", True),
    "twice, the good one first": ("session={}; session=x", False),
    "in quotes": ('session="{}"', True),
    "escaped": ('session="\\101{}"', False),
    "with spaces": ("  session = {} ;", True),
    "without a name": ("{}", False),
    "joined by a comma": ("session={},a=b", False),
    "of another case": ("Session={}", False),
    "before a space of Latin-1": ("session={}\xa0", False),
    "before a control character of Latin-1": ("session={}\x85", False),
    "before a space of UTF-8": ("session={}\xc2\xa0", True),
    "beside bytes that are no UTF-8": ("a=\xff; session={}", True),
    "after a space of Latin-1": ("\xa0session={}", False),
    "after a space of UTF-8": ("\xe2\x80\x80session={}", False),
    "after a control character of UTF-8": ("a=b; \xc2\x85session={}", False),
    "after a control character": ("a=b; \x1csession={}", False),
    "before a space of UTF-8 in its name": ("session\xc2\xa0={}", False),
    "over one that only looks like it": ("session={}; \xe2\x80\x80session=x", True),
}


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize(("text", "is_good"), COOKIES.values(), ids=COOKIES)
def test_a_cookie(world, equal, path, text, is_good):
    text = text.format(world.browser.cookies["session"].value)

    answer, by_gate = equal(Call("GET", path, more={"HTTP_COOKIE": text}))

    assert answer.status.startswith(str(good(path) if is_good else 401))
    assert by_gate is (is_good and text.isascii())


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize(
    ("value", "is_whole"),
    [("a1" * 16, True), ("a1" * 32, True), ("", False), ("a1" * 17, False), ("a-" * 16, False)],
)
def test_a_csrf_cookie(world, path, value, is_whole):
    """Django replaces one of another form, by a random one."""
    more = {"HTTP_COOKIE": f"{world.cookie['HTTP_COOKIE']}; csrf={value}"}
    call = Call("GET", path, more=more)
    answer, by_gate = by_site(call.environ())

    assert answer.status.startswith(str(good(path)))
    assert by_gate is is_whole
    for each in (answer, by_django(call.environ())):
        assert (each.header("set-cookie") is None) is is_whole


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        ("Bearer   {}  ", True),
        ("Bearer\t{}", False),
        (" Bearer {}", False),
        ("Bearer {}\xa0", False),
        ("Bearer {}\x00", False),
        ("Bearer {},Bearer {}", False),
        ("Bearer {} {}", False),
        ("Bearer{}", False),
    ],
)
def test_an_odd_authorization(world, equal, path, text, is_good):
    more = {"HTTP_AUTHORIZATION": text.replace("{}", world.pair["access"])}

    check(
        equal, Call("GET", path, more=more), answers=is_good, status=good(path) if is_good else 401
    )


@pytest.mark.parametrize("path", READING)
def test_another_scheme_beside_a_good_cookie(world, equal, path):
    more = world.cookie | {"HTTP_AUTHORIZATION": "Basic eDp5"}

    check(equal, Call("GET", path, more=more), answers=False, status=good(path))


@pytest.mark.parametrize(
    ("path", "status"), [(ME, 403), (VERIFY, 403), (SERVICES, 204)], ids=[ME, VERIFY, SERVICES]
)
@pytest.mark.parametrize("scope", ["", "orders:read"])
def test_a_machine(world, equal, path, status, scope):
    call = Call("GET", path, more=world.machine(scope))

    check(equal, call, answers=status == 204, status=status)


# Who was allowed in, and no longer is


def end_sign_in(world):
    for row in AuthSession.objects.all():
        sessions.revoke(row, reason=sessions.Reason.ADMIN)


def disable(world):
    world.user.is_active = False
    world.user.save()


def change_password(world):
    world.user.set_password("another correct horse")
    world.user.save()


def give_rights(world):
    world.user.is_staff = True
    world.user.save()


def delete(world):
    world.user.delete()


def disable_unheard(world):
    User.objects.update(is_active=False)


def give_rights_unheard(world):
    User.objects.update(is_staff=True)


def replace_password_unheard(world):
    User.objects.update(password="!")


LATE = [end_sign_in, disable, change_password, give_rights, delete]
UNHEARD = [disable_unheard, give_rights_unheard, replace_password_unheard]
"""By SQL alone, which sends no signal."""


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize("credential", ["bearer", "cookie"])
@pytest.mark.parametrize("change", LATE, ids=lambda way: way.__name__)
def test_an_end(world, equal, path, credential, change):
    change(world)

    check(equal, Call("GET", path, more=getattr(world, credential)), answers=False, status=401)


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize("change", UNHEARD, ids=lambda way: way.__name__)
def test_an_end_that_nobody_heard_of(world, equal, path, change):
    change(world)

    check(equal, Call("GET", path, more=world.cookie), answers=False, status=401)


@pytest.mark.parametrize("change", [*LATE, disable_unheard], ids=lambda way: way.__name__)
def test_a_refresh_after_the_end(world, equal, change):
    change(world)

    check(equal, world.refresh(), answers=False, status=401)


@pytest.mark.parametrize("change", LATE, ids=lambda way: way.__name__)
def test_a_check_of_a_token_after_the_end(world, equal, change):
    change(world)
    body = json.dumps({"token": world.pair["access"]}).encode()

    check(equal, Call("POST", CHECK, body), answers=False, status=401)


@pytest.mark.parametrize("path", READING)
def test_a_session_that_is_due_for_a_check(world, equal, path):
    (name,) = get_redis_connection("sessions").keys("session:*")
    get_redis_connection("sessions").expire(name, 100)

    answer, by_gate = equal(Call("GET", path, more=world.cookie))

    assert not by_gate
    assert answer.status.startswith(str(good(path)))


# Outages


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize("credential", ["bearer", "cookie"])
def test_without_redis(world, equal, path, credential):
    call = Call("GET", path, more=getattr(world, credential))
    with without_redis(world.settings):
        answer, by_gate = equal(call)

    assert by_gate is (credential == "bearer")
    assert answer.status.startswith(str(good(path)) if by_gate else "503")


@pytest.mark.parametrize("path", READING)
def test_while_ends_are_unknown(world, equal, path):
    world.settings.REVOCATION_MAX_STALE = -1.0

    check(equal, Call("GET", path, more=world.bearer), answers=False, status=503)


def test_without_the_users_table(world, equal, monkeypatch):
    asked = []

    def broken(*_):
        asked.append(1)
        raise OperationalError("down")

    monkeypatch.setattr("accounts.statements.first", broken)

    with capture_logs() as lines:
        check(equal, Call("GET", ME, more=world.bearer), answers=False, status=503)
        check(equal, world.refresh(), answers=False, status=503)
        check(equal, Call("GET", ME, more=world.cookie), answers=False, status=503)

    assert "gate_failed" not in {line["event"] for line in lines}  # Django writes the line
    # The gate and Django together once, and Django alone once: a thread waits 5 s for each.
    assert len(asked) == 6


@pytest.mark.parametrize("path", READING)
def test_without_keys(world, equal, path, monkeypatch):
    def broken(before):
        raise OperationalError("down")

    ring.forget()
    jwts._remembered.cache_clear()
    monkeypatch.setattr(ring, "_load", broken)

    check(equal, Call("GET", path, more=world.bearer), answers=False, status=503)


# How the request is written


@pytest.mark.parametrize("path", [*READING, CHECK, REFRESH, REVOKE, INTROSPECT])
@pytest.mark.parametrize(
    ("more", "answers"),
    [
        ({"HTTP_ORIGIN": FRONTEND}, True),
        ({"HTTP_ORIGIN": "https://evil.example"}, True),
        ({"HTTP_ORIGIN": "null"}, True),
        ({"HTTP_ORIGIN": ""}, True),
        ({"HTTP_ORIGIN": "http://testserver"}, True),
        ({"HTTP_ORIGIN": "HTTPS://app.example.com"}, False),
        ({"HTTP_ORIGIN": "https://app.example.com.evil.example"}, False),
        ({"HTTP_ORIGIN": "http://app.example.com"}, False),
        ({"HTTP_ORIGIN": "https://[x"}, True),
        ({"HTTP_ORIGIN": FRONTEND + "/"}, False),
        ({"HTTP_ORIGIN": "https://app.exa\tmple.com"}, False),  # `urlsplit` removes the tab
        ({"HTTP_ACCEPT_LANGUAGE": "ko"}, True),
        ({"HTTP_ACCEPT_LANGUAGE": "ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7"}, True),
        ({"HTTP_ACCEPT_LANGUAGE": "ko_KR"}, True),
        ({"HTTP_ACCEPT_LANGUAGE": "fr"}, True),
        ({"HTTP_ACCEPT_LANGUAGE": ";;q=x,\u00ff"}, True),
        ({"HTTP_ACCEPT_LANGUAGE": "en," * 200}, False),
        ({"HTTP_COOKIE": "language=ko"}, True),
        ({"HTTP_COOKIE": "language=xx; a=b"}, True),
        ({"HTTP_ACCEPT": "*/*"}, True),
        ({"HTTP_ACCEPT": "application/json"}, True),
        ({"HTTP_ACCEPT": "application/json, text/plain, */*"}, True),
        ({"HTTP_ACCEPT": "text/html"}, False),
        ({"HTTP_ACCEPT": ""}, False),  # accepts nothing
        ({"HTTP_ACCEPT": "application/json; indent=4"}, False),
        ({"HTTP_X_REQUEST_ID": "abcdefgh-1234"}, True),
        ({"HTTP_X_REQUEST_ID": "short"}, True),
        ({"HTTP_X_REQUEST_ID": "new\nline-00000000"}, True),
        ({"QUERY_STRING": "a=1"}, False),
        ({"QUERY_STRING": "format=api"}, False),
        ({"SCRIPT_NAME": "/prefix"}, False),
        ({"HTTP_HOST": "testserver"}, True),
        ({"HTTP_HOST": "testserver:8443"}, True),
        ({"HTTP_HOST": "evil.example"}, False),
        ({"HTTP_HOST": "testserver@evil.example"}, False),
        ({"HTTP_HOST": ""}, False),
        ({"HTTP_HOST": None}, False),  # the name of the server instead
        ({"HTTP_HOST": "TESTSERVER."}, True),
        ({"HTTP_HOST": "testserver:x"}, False),
        ({"HTTP_HOST": "testserver,evil.example"}, False),
        ({"HTTP_HOST": "testserver\x00"}, False),
        ({"HTTP_COOKIE": "language=ko\xa0"}, False),
        ({"HTTP_USER_AGENT": "curl/8.1"}, True),
        ({"HTTP_X_FORWARDED_FOR": "198.51.100.7"}, True),
        ({"HTTP_X_FORWARDED_HOST": "evil.example"}, True),
        ({"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"}, True),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, False),
    ],
    ids=repr,
)
def test_a_header(world, equal, path, more, answers):
    call = {
        CHECK: lambda: Call("POST", CHECK, json.dumps({"token": world.pair["access"]}).encode()),
        REFRESH: world.refresh,
        REVOKE: lambda: world.revoke({"token": world.pair["access"]}),
        INTROSPECT: lambda: world.introspect(urlencode({"token": world.pair["access"]})),
    }.get(path, lambda: Call("GET", path, more=world.bearer))()
    call.more = call.more | more

    _, by_gate = equal(call)

    is_for_gateways = path in {VERIFY, SERVICES} and "HTTP_ACCEPT" in more
    assert by_gate is (answers or is_for_gateways)


EXTENDED = ["charset*=utf-8''zlib", "charset =zlib", "x*=unknown''y", "x*=a; x*0=b"]
"""Parameters for which Python's parser raises an error, or that name a codec that is no charset."""


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize("parameters", EXTENDED)
def test_an_extended_parameter(world, equal, path, parameters):
    of_type = {"CONTENT_TYPE": f"text/plain; {parameters}"}
    of_accept = {"HTTP_ACCEPT": f"*/*; {parameters}"}

    check(equal, Call("GET", path, more=world.bearer | of_type), answers=True, status=good(path))
    _, by_gate = equal(Call("GET", path, more=world.bearer | of_accept))

    assert by_gate is (path != ME)


@pytest.mark.parametrize("path", [*READING, CHECK, REFRESH, REVOKE, INTROSPECT])
@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "FOO"]
)
def test_a_method(world, equal, path, method):
    _, by_gate = equal(Call(method, path, b"{}", more=world.bearer | {"CONTENT_LENGTH": "2"}))

    assert not by_gate


@pytest.mark.parametrize(
    "path",
    ["/api/me", "/api/verify/", "//api/verify", "/api/token/refresh", "/api/ME/", "/api/me/x"],
)
def test_an_address_beside_a_door(world, equal, path):
    _, by_gate = equal(Call("GET", path, more=world.bearer))

    assert not by_gate


@pytest.mark.parametrize("way", ["proxy", "plain", "lying"])
def test_a_site_on_https(world, equal, way):
    world.settings.SECURE_SSL_REDIRECT = True
    world.settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    said = {
        "proxy": {"HTTP_X_FORWARDED_PROTO": "https"},
        "plain": {},
        "lying": {"HTTP_X_FORWARDED_PROTO": "http", "wsgi.url_scheme": "https"},
    }[way]

    _, by_gate = equal(Call("GET", ME, more=world.bearer | said))

    assert by_gate is (way == "proxy")


def test_a_name_in_every_alphabet(world, equal):
    User.objects.update(display_name='문지기 \u2028 </script> "\\ 😀 é', locale="ko")

    check(equal, Call("GET", ME, more=world.bearer), answers=True, status=200)


def test_roles(world, equal):
    world.settings.TOKEN_ROLES = True
    world.user.groups.create(name="editors")

    for call in (
        Call("GET", ME, more=world.bearer),
        Call("GET", VERIFY, more=world.cookie),
        world.refresh(),
    ):
        check(equal, call, answers=True, status=good(call.path) if call.method == "GET" else 200)


# Bodies

BODIES = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b'"x"',
    b"1" * 5000,
    b"[" * 5000,
    b'{"a":',
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    '{"refresh": "x", "token": "x"}'.encode("utf-16"),
    b'{"refresh": 1}',
    b'{"refresh": null}',
    b'{"refresh": []}',
    b'{"refresh": ""}',
    b'{"refresh": "x"}',
    b'{"refresh": "a.b.c", "refresh": "a.b.c"}',
    b'{"token": "a.b.c", "token": "a.b.c"}',
    b'{"refresh": "a.b.c", "unknown": "x"}',
    b'{"token": "a.b.c", "unknown": "x"}',
    b'{"token": NaN}',
    b'{"token": "\\u0000"}',
    b'{"token": "\\ud800"}',
    b'{"token": "a.b.c"}',
    b'{"refresh": "' + b"a" * 20_000 + b'"}',
]


@pytest.mark.parametrize("path", [REFRESH, CHECK, REVOKE])
@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:40]))
def test_a_bad_body(world, equal, path, body):
    _, by_gate = equal(Call("POST", path, body))

    assert not by_gate


@pytest.mark.parametrize("path", [REFRESH, CHECK, REVOKE])
@pytest.mark.parametrize(
    ("type_", "answers"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("application/json;charset=UTF-8", True),
        ("APPLICATION/JSON", True),
        ("application/json; charset=latin-1", False),
        ("application/json; x=y", False),
        ("text/plain", False),
        ("", False),
        (FORM, False),
        ("multipart/form-data; boundary=x", False),
        ("application/problem+json", False),
    ],
)
def test_a_content_type(world, equal, path, type_, answers):
    body = (
        {"refresh": world.pair["refresh"]} if path == REFRESH else {"token": world.pair["access"]}
    )

    _, by_gate = equal(Call("POST", path, json.dumps(body).encode(), type_))

    assert by_gate is answers


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999999999999999", "x", "3"])
def test_a_false_length(world, equal, length):
    call = world.refresh()
    call.more = {"CONTENT_LENGTH": length}

    _, by_gate = equal(call)

    assert not by_gate


def test_a_body_without_a_length(world, equal):
    """Over HTTP/2. It has a token, so the cookie must not count."""
    body = json.dumps({"refresh": "x"}).encode()
    more = {
        "CONTENT_LENGTH": None,
        "wsgi.input_terminated": True,
        "HTTP_ORIGIN": FRONTEND,
        "HTTP_X_TOKEN_DELIVERY": "cookie",
        "HTTP_COOKIE": f"refresh={world.pair['refresh']}",
    }

    check(equal, Call("POST", REFRESH, body, "", more), answers=False, status=415)


class Torn:
    """The body of a client that went away."""

    def read(self, *_):
        raise OSError("connection reset")


@pytest.mark.parametrize("path", [CHECK, REFRESH, REVOKE, INTROSPECT])
def test_a_torn_body_is_left_to_django(world, path):
    environ = Call("POST", path, b"{}").environ() | {"wsgi.input": Torn()}

    assert answering.answer(environ, None) is None


def test_too_many_fields_are_no_defect(world, equal):
    with capture_logs() as lines:
        answer, by_gate = equal(world.introspect("a&" * 101 + "token=a.b.c"))

    assert (answer.status, by_gate) == ("400 Bad Request", False)
    assert "gate_failed" not in {line["event"] for line in lines}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
@pytest.mark.parametrize("path", [CHECK, REFRESH])
def test_a_bad_token_in_the_body(world, equal, path, make):
    name = "token" if path == CHECK else "refresh"
    token = make(world.pair if path == CHECK else world.pair | {"refresh": world.pair["access"]})

    _, by_gate = equal(Call("POST", path, json.dumps({name: token}).encode()))

    assert not by_gate


# The next tokens


def test_the_next_tokens(world, equal):
    check(equal, world.refresh(), answers=True, status=200)


@pytest.mark.parametrize("key", ["k" * 16, "short", "k" * 16 + "!", ""])
def test_the_next_tokens_with_a_retry_key(world, equal, key):
    _, by_gate = equal(world.refresh(HTTP_IDEMPOTENCY_KEY=key))

    assert by_gate is (key == "k" * 16)


@pytest.mark.parametrize(("header", "answers"), [("k" * 16, True), ("l" * 16, False), (None, True)])
def test_the_next_tokens_with_a_retry_key_in_the_body(world, equal, header, answers):
    body = {"refresh": world.pair["refresh"], "retry_key": "k" * 16}
    more = {} if header is None else {"HTTP_IDEMPOTENCY_KEY": header}

    _, by_gate = equal(world.refresh(body, **more))

    assert by_gate is answers


@pytest.mark.parametrize("whose", ["own", "another's", "garbage"])
@pytest.mark.parametrize("is_required", [True, False])
def test_the_next_tokens_with_the_access_token(world, equal, obtain, whose, is_required):
    world.settings.REFRESH_REQUIRES_ACCESS_TOKEN = is_required
    access = {
        "own": lambda: world.pair["access"],
        "another's": lambda: obtain(world.user)["access"],
        "garbage": lambda: "a.b.c",
    }[whose]()

    _, by_gate = equal(world.refresh({"refresh": world.pair["refresh"], "access": access}))

    assert by_gate is (whose == "own")


def test_the_next_tokens_without_the_access_token_that_they_need(world, equal):
    world.settings.REFRESH_REQUIRES_ACCESS_TOKEN = True

    check(equal, world.refresh(), answers=False, status=401)


@pytest.mark.parametrize("origin", [FRONTEND, "http://testserver", "https://evil.example", None])
@pytest.mark.parametrize("has_cookie", [True, False])
@pytest.mark.parametrize("body", [b"", b"{}"])
def test_the_next_tokens_by_cookie(world, equal, origin, has_cookie, body):
    more = {"HTTP_X_TOKEN_DELIVERY": "cookie"}
    if origin:
        more["HTTP_ORIGIN"] = origin
    if has_cookie:
        more["HTTP_COOKIE"] = f"refresh={world.pair['refresh']}; language=ko"

    _, by_gate = equal(Call("POST", REFRESH, body, more=more))

    assert by_gate is (origin in {FRONTEND, "http://testserver"} and has_cookie)


def test_a_cookie_that_was_not_asked_for(world, equal):
    more = {"HTTP_COOKIE": f"refresh={world.pair['refresh']}"}

    check(equal, Call("POST", REFRESH, b"{}", more=more), answers=False, status=401)


def test_a_used_token_gets_its_successor_again(world, equal):
    first, _ = by_site(world.refresh().environ())

    answer, by_gate = equal(world.refresh())

    assert not by_gate
    successors = [json.loads(each.body)["refresh"] for each in (first, answer)]
    assert forge.part(successors[0], 1) == forge.part(successors[1], 1)


# What services ask


@pytest.mark.parametrize(
    ("make", "answers"),
    [
        (lambda pair: {"token": pair["access"]}, True),
        (lambda pair: {"token": pair["refresh"]}, True),
        (lambda pair: {"token": pair["access"], "token_type_hint": "refresh_token"}, True),
        (lambda pair: {"token": pair["access"], "other": "x"}, True),
        (lambda pair: {"token": "a.b.c"}, True),
        (lambda pair: {"token": "x"}, False),
        (lambda pair: {"token": ""}, False),
        (lambda pair: {}, False),
        (lambda pair: [("token", pair["access"]), ("token", "x")], False),
        (
            lambda pair: [
                ("token", pair["access"]),
                ("token_type_hint", "a"),
                ("token_type_hint", "b"),
            ],
            False,
        ),
    ],
    ids=range(10),
)
def test_an_introspection(world, equal, make, answers):
    _, by_gate = equal(world.introspect(urlencode(make(world.pair))))

    assert by_gate is answers


@pytest.mark.parametrize("authorization", [None, "Basic x", "Bearer x", "basic eDp5"])
def test_an_introspection_by_a_stranger(world, equal, authorization):
    more = {"HTTP_AUTHORIZATION": authorization} if authorization else {}

    check(
        equal,
        world.introspect(urlencode({"token": world.pair["access"]}), more),
        answers=False,
        status=401,
    )


@pytest.mark.parametrize("type_", ["application/json", "text/plain", "", FORM + "; charset=utf-8"])
def test_an_introspection_in_another_form(world, equal, type_):
    _, by_gate = equal(world.introspect(urlencode({"token": world.pair["access"]}), type=type_))

    assert by_gate is type_.startswith(FORM)


def test_an_introspection_of_an_ended_sign_in(world, equal):
    end_sign_in(world)

    check(
        equal,
        world.introspect(urlencode({"token": world.pair["access"]})),
        answers=True,
        status=200,
    )


@pytest.mark.parametrize(("is_staff", "scope"), [(False, ""), (True, "admin")])
def test_the_next_tokens_have_the_rights_of_their_user(world, equal, is_staff, scope):
    User.objects.update(is_staff=is_staff)

    answer, by_gate = equal(world.refresh())

    claims = forge.part(json.loads(answer.body)["access"], 1)
    assert (by_gate, claims["scope"], claims["sub"]) == (True, scope, str(world.user.pk))


@pytest.mark.parametrize("path", [REFRESH, CHECK, REVOKE])
def test_a_member_that_is_sent_twice(world, equal, path):
    name, token = {
        REFRESH: ("refresh", world.pair["refresh"]),
        CHECK: ("token", world.pair["access"]),
        REVOKE: ("token", world.pair["access"]),
    }[path]
    body = f'{{"{name}": "a.b.c", "{name}": "{token}"}}'.encode()

    check(equal, Call("POST", path, body), answers=False, status=400)


class Kept(dict):
    def clear(self):
        """Keep the tokens between both ways."""


def test_a_token_that_was_refused_too_often(world, equal, monkeypatch):
    claims = forge.part(world.pair["refresh"], 1)
    name = f"{UUID(claims['sid'])}:{claims['jti']}"
    monkeypatch.setattr(refusals, "_full", Kept({name: time.time() + 100}))

    check(equal, world.refresh(), answers=False, status=429)


def test_the_next_tokens_of_a_demo_account_outside_of_the_demo(world, equal):
    world.settings.REFUSED_EMAILS = [world.user.email]

    check(equal, world.refresh(), answers=False, status=401)
