"""Send garbage to every address of the site: it answers with an error, but never with a 500."""

import json

import pytest
from django.test import Client

from accounts.people.models import User
from tests.kit.addresses import every_path
from tests.kit.clients import CHROME, bearer
from tests.kit.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.sweep

PATHS = every_path()
HEADLESS = [path for path in PATHS if path.startswith("/_allauth/")]
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"

QUERIES = {
    "a NUL": {"q": "\x00", "next": "\x00", "page": "\x00", "p": "\x00"},
    "numbers too large": {"page": "9" * 5000, "p": "9" * 30, "limit": "9" * 30, "o": "9" * 30},
    "not numbers": {"page": "x", "p": "-1", "limit": "-1", "cursor": "x", "o": "x.y", "e": "x"},
    "unknown names": {"user__password__startswith": "a", "kind__exact": "\x00", "format": "xml"},
    "another site": {"next": "https://evil.example", "process": "x", "scope": "x", "state": "x"},
    "a callback's": {"code": "x", "state": "x", "error": "x", "error_description": "\x00"},
}
FORMS = {
    "nothing": (b"", FORM),
    "a NUL": (b"login=%00&password=%00&email=%00&code=%00&next=%00&language=%00&action=%00", FORM),
    "a surrogate": (
        b"login=%ED%A0%80&password=%ED%A0%80&email=%ED%A0%80@b.example&code=%ED%A0%80",
        FORM,
    ),
    "invalid UTF-8": (b"login=\xff&password=\xff\xfe&email=\xff&code=\xc3&display_name=\xff", FORM),
    "too many fields": (b"&".join(b"a%d=1" % n for n in range(300)), FORM),
    "a form in another charset": (b"login=a", f"{FORM}; charset=utf-16"),
    "a form in a codec that is no charset": (b"login=a", f"{FORM}; charset=zlib"),
    "multipart without an end": (b"--x\r\nContent-Disposition: form-data; name=", MULTIPART),
    "multipart without a boundary": (b"x", "multipart/form-data"),
    "multipart in a codec that is no charset": (
        b'--x\r\nContent-Disposition: form-data; name="login"\r\n\r\na\r\n--x--\r\n',
        f"{MULTIPART}; charset=zlib",
    ),
    "a file where text belongs": (
        b'--x\r\nContent-Disposition: form-data; name="login"; filename="a"\r\n\r\na\r\n--x--\r\n',
        MULTIPART,
    ),
    "too many files": (
        b"".join(
            b'--x\r\nContent-Disposition: form-data; name="%d"; filename="a"\r\n\r\na\r\n' % n
            for n in range(101)
        )
        + b"--x--\r\n",
        MULTIPART,
    ),
    "no content type": (b"x", ""),
    "an unknown content type": (b"x", "a/b/c; charset=?"),
    "a million bytes": (b"login=" + b"a" * 1_000_000, FORM),
}
FIELDS = [
    "email",
    "username",
    "password",
    "current_password",
    "new_password",
    "key",
    "code",
    "provider",
    "process",
    "token",
    "refresh_token",
    "primary",
    "callback_url",
    "account",
    "phone",
    "credential",
]
JSON = {
    "broken": b'{"email": ',
    "empty object": b"{}",
    "null": b"null",
    "an array": b"[1, 2]",
    "a string": b'"x"',
    "a number": b"1",
    "not a number": b'{"email": NaN, "password": Infinity}',
    "fields that are null": json.dumps(dict.fromkeys(FIELDS)).encode(),
    "fields that are arrays": json.dumps({field: [{}] for field in FIELDS}).encode(),
    "fields that are objects": json.dumps({field: {"a": {"b": None}} for field in FIELDS}).encode(),
    "fields that are numbers": json.dumps(dict.fromkeys(FIELDS, 1e308)).encode(),
    "fields that are true": json.dumps(dict.fromkeys(FIELDS, True)).encode(),
    "fields with a NUL": json.dumps(dict.fromkeys(FIELDS, "a\x00b")).encode(),
    "addresses with a NUL": json.dumps(dict.fromkeys(FIELDS, "a@b.example\x00")).encode(),
    "fields with a lone surrogate": json.dumps(dict.fromkeys(FIELDS, "\ud800")).encode(),
    "a good address and a lone surrogate": json.dumps(
        dict.fromkeys(FIELDS, "\ud800" * 12) | {"email": "a@example.com"}
    ).encode(),
    "addresses with a lone surrogate": json.dumps(
        dict.fromkeys(FIELDS, "\ud800@example.com")
    ).encode(),
    "a lone surrogate as a name": b'{"\\ud800": 1}',
    "long fields": json.dumps(dict.fromkeys(FIELDS, "a" * 3000)).encode(),
    "a number of 5,000 digits": b'{"email": ' + b"9" * 5000 + b"}",
    "nested 20,000 deep": b"[" * 20_000,
    "objects nested 10,000 deep": b'{"a":' * 10_000,
    "invalid UTF-8": b'{"email": "\xff\xfe"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"email": "a@example.com"}'.encode("utf-16"),
    "a million bytes": b'{"email": "' + b"a" * 1_000_000 + b'"}',
}
JSON_TYPES = [
    "application/json; charset=zlib",
    "application/json; charset=hex",
    "application/json; charset=utf-16",
    "application/json; charset=idna",
    "application/json; charset=undefined",
    "application/json; charset=unicode_escape",
    "application/json; charset",
    "application/json;;;=",
]


@pytest.fixture
def stranger():
    """Return a browser that gets server errors as responses, as a real browser does."""
    return Client(raise_request_exception=False, headers={"user-agent": CHROME})


@pytest.fixture
def insider(stranger, db):
    """Return an administrator's browser, which reaches more pages."""
    admin = UserFactory(admin=True)
    response = stranger.post("/accounts/login/", {"login": admin.email, "password": PASSWORD})
    assert response.status_code == 302
    return stranger


def defects(answers):
    """Return the answers with a server error, with their causes."""
    return {
        label: (answer.status_code, repr(answer.exc_info and answer.exc_info[1]))
        for label, answer in answers.items()
        if answer.status_code >= 500
    }


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
def test_a_visitors_strange_queries_cause_no_500(stranger, path):
    answers = {label: stranger.get(path, query) for label, query in QUERIES.items()}

    assert defects(answers) == {}


@pytest.mark.parametrize("path", PATHS)
def test_an_administrators_strange_queries_cause_no_500(insider, path):
    answers = {label: insider.get(path, query) for label, query in QUERIES.items()}

    assert defects(answers) == {}


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
def test_a_visitors_broken_forms_cause_no_500_and_no_error_line(stranger, path, caplog):
    answers = {
        label: stranger.generic("POST", path, body, content_type=content_type)
        for label, (body, content_type) in FORMS.items()
    }

    assert defects(answers) == {}
    assert errors_in(caplog) == []


@pytest.mark.parametrize("path", PATHS)
def test_an_administrators_broken_forms_cause_no_500_and_no_error_line(insider, path, caplog):
    answers = {
        label: insider.generic("POST", path, body, content_type=content_type)
        for label, (body, content_type) in FORMS.items()
    }

    assert defects(answers) == {}
    assert errors_in(caplog) == []


# A stranger writes no ERROR line

LONG = {
    "a query": "?q=" + "a" * 17_000,
    "a query that is longer as `next`": "?q=" + "=" * 8_000,
    "a `next`": "?next=/" + "a" * 17_000,
    "a path": "a" * 17_000,
    "a path that ends in no slash": "a/" + "a" * 12_500,
    "a path that is longer as `next`": "%C3%A9" * 2_000,
    "a path in emoji": "%F0%9F%98%80" * 700,
}
BARELY = {
    "a query": "?q=" + "a" * 11_500,
    "a query that is longer as `next`": "?q=" + "=" * 3_800,
    "a `next`": "?next=/" + "a" * 11_500,
    "a path": "a" * 11_500,
    "many parameters": "?" + "a&" * 2_500,
}


def errors_in(log):
    return [
        (line.name, line.getMessage()[:80]) for line in log.records if line.levelname == "ERROR"
    ]


@pytest.mark.parametrize("who", ["stranger", "insider"])
@pytest.mark.parametrize("path", PATHS)
def test_a_long_address_is_a_414_without_an_error_line(request, db, caplog, path, who):
    browser = request.getfixturevalue(who)
    answers = {
        f"{method.__name__} {label}": method(path + tail)
        for label, tail in LONG.items()
        for method in (browser.get, browser.post)
    }

    assert {label: answer.status_code for label, answer in answers.items()} == dict.fromkeys(
        answers, 414
    )
    assert errors_in(caplog) == []


@pytest.mark.parametrize("who", ["stranger", "insider"])
@pytest.mark.parametrize("path", [path for path in PATHS if "logout" not in path])
def test_an_address_that_is_barely_short_enough_writes_no_error_line(
    request, db, caplog, path, who
):
    browser = request.getfixturevalue(who)
    answers = {label: browser.get(path + tail) for label, tail in BARELY.items()}
    answers["a form"] = browser.post(path, {"next": "/" + "a" * 17_000, "language": "ko"})

    assert defects(answers) == {}
    assert 414 not in {answer.status_code for answer in answers.values()}
    assert errors_in(caplog) == []


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
def test_no_method_causes_a_500(stranger, path):
    methods = [
        "HEAD",
        "OPTIONS",
        "PUT",
        "PATCH",
        "DELETE",
        "TRACE",
        "CONNECT",
        "PROPFIND",
        "get",
        "X",
    ]

    answers = {
        method: stranger.generic(method, path, b"x", content_type="a/b") for method in methods
    }

    assert defects(answers) == {}


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
def test_strange_headers_cause_no_500(stranger, path):
    headers = {
        "accept": "*/*;q=x, \xff",
        "accept-language": "ko;q=x, " + "a-" * 500 + ", \xff",
        "authorization": "Bearer \xff\x00",
        "cookie": "session=\xff\x00; csrf=\xff; language=\xff\x00",
        "origin": "null",
        "referer": "https://[evil",
        "user-agent": "\xff\x00" * 1000,
        "x-csrftoken": "\xff",
        "x-email-verification-key": "\xff\x00",
        "x-forwarded-for": "not an address",
        "x-password-reset-key": "\xff\x00",
        "x-request-id": "\xff\r\nforged: line",
        "x-session-token": "\xff\x00",
        "x-token-delivery": "\xff",
    }

    answers = {
        **{name: stranger.get(path, headers={name: value}) for name, value in headers.items()},
        **{
            f"POST {name}": stranger.post(path, {}, headers={name: value})
            for name, value in headers.items()
        },
    }

    assert defects(answers) == {}


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
def test_strange_charsets_cause_no_500(stranger, path):
    answers = {
        f"{method} {content_type!r}": stranger.generic(
            method, path, b"{}", content_type=content_type, query_string="a=b&c=%FF"
        )
        for content_type in JSON_TYPES
        for method in ("GET", "POST")
    }

    assert defects(answers) == {}


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", HEADLESS)
def test_a_visitors_json_causes_no_500_at_headless_endpoints(stranger, path, method):
    answers = {
        f"{label} as {content_type}": stranger.generic(
            method, path, body, content_type=content_type
        )
        for label, body in JSON.items()
        for content_type in ("application/json", "text/plain")
    }

    assert defects(answers) == {}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [path for path in HEADLESS if "/app/" in path])
def test_an_apps_json_causes_no_500_at_headless_endpoints(stranger, obtain, user, path, method):
    answers = {}

    for label, body in JSON.items():
        signed_in = stranger.post(
            "/_allauth/app/v1/auth/login",
            {"email": user.email, "password": PASSWORD},
            content_type="application/json",
        ).json()
        if "access_token" not in signed_in.get("meta", {}):
            break  # the previous endpoint has changed the password
        answers[label] = stranger.generic(
            method,
            path,
            body,
            content_type="application/json",
            headers=bearer(signed_in["meta"]["access_token"]),
        )

    assert defects(answers) == {}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [path for path in PATHS if path.startswith("/api/")])
def test_bad_json_gets_problem_details_from_every_api_endpoint(
    stranger, obtain, user, path, method
):
    access = obtain(user)["access"]

    answers = {
        label: stranger.generic(
            method, path, body, content_type="application/json", headers=bearer(access)
        )
        for label, body in JSON.items()
    }

    assert defects(answers) == {}
    assert {
        label: (answer.status_code, answer.get("Content-Type"))
        for label, answer in answers.items()
        if answer.status_code >= 400 and answer.get("Content-Type") != "application/problem+json"
    } == {}


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/accounts/nothing/",
        "/admin",
        "/accounts/sessions/not-a-uuid/revoke/",
        "/%00",
        "/%FF%FE",
        "/%ED%A0%80",
        "/../../etc/passwd",
        "/static/../config/settings/base.py",
        "/apix/",
        "/" + "a" * 5000,
    ],
)
def test_an_unknown_address_shows_the_sites_page(stranger, db, path):
    response = stranger.get(path)

    assert response.status_code in {301, 404}
    assert response["Content-Type"] == "text/html; charset=utf-8"
    if response.status_code == 404:
        assert "Not found" in response.text
        assert 'rel="stylesheet"' in response.text


@pytest.mark.django_db
@pytest.mark.parametrize(("length", "is_taken"), [(254, True), (255, False)])
@pytest.mark.parametrize("door", ["page", "app"])
def test_an_address_that_the_column_cannot_hold_is_refused_not_cut_off(
    client, door, length, is_taken
):
    domain = ".".join(["b" * 60] * 3)
    email = "a" * (length - len(domain) - 5) + f"@{domain}.com"
    body = {"email": email, "password": "seven quiet lanterns", "password1": "seven quiet lanterns"}

    if door == "page":
        client.post("/accounts/signup/", body)
    else:
        body.pop("password1")
        client.post("/_allauth/app/v1/auth/signup", body, content_type="application/json")

    assert [user.email for user in User.objects.all()] == [email] * is_taken
