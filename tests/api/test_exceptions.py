"""Test that the API answers every wrong request with one problem document."""

import json

import pytest
from django.test import Client

from tests.kit.clients import bearer
from tests.kit.factories import PASSWORD
from tests.kit.problems import invalid, problem

ADDRESS = "/api/token/"


def send(body, content_type="application/json", path=ADDRESS, method="POST", **extra):
    client = Client(raise_request_exception=False)
    return client.generic(method, path, body, content_type=content_type, **extra)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"email": }',
        b"{'email': 1}",
        b'{"email": NaN}',
        b'{"email": Infinity}',
        b'{"a": 1} {"a": 2}',
        b'{"email": "\xff\xfe"}',
        b'{"email": "\x00"}',
        b'"\\ud800',
        b"[" * 20_000,
        b'{"a":' * 10_000,
        b'{"email": ' + b"9" * 5000 + b"}",
        '{"email": "a@example.com"}'.encode("utf-16"),
        b'{"email": "\\ud800@example.com", "password": "\\ud800"}',
        b'{"email": "a@example.com", "password": "x", "\\ud800": 1}',
    ],
    ids=[
        "cut off",
        "no value",
        "python",
        "not a number",
        "infinity",
        "two documents",
        "invalid UTF-8",
        "raw NUL",
        "open string",
        "deep array",
        "deep object",
        "5,000 digits",
        "UTF-16",
        "lone surrogates",
        "a name with a lone surrogate",
    ],
)
def test_broken_json_is_a_parse_error(body):
    response = send(body)

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == problem(400, "parse_error")


@pytest.mark.django_db
@pytest.mark.parametrize("path", [ADDRESS, "/_allauth/app/v1/auth/login"])
@pytest.mark.parametrize(
    "body",
    [
        *(b"\xef\xbb\xbf{}", b'{"email": NaN}', b'{"email": 1e400}', b'{"id": Infinity}'),
        *("{}".encode("utf-16"), b'{"email": "\xff"}', b"{"),
    ],
    ids=range(7),
)
def test_broken_json_has_one_text_in_the_callers_language(body, path):
    """Python's own words were in English, and allauth's answer was an empty page."""
    response = send(body, path=path, headers={"accept-language": "ko"})

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == problem(400, "parse_error")
    assert response.json()["detail"].startswith("본문이 UTF-8로 된 JSON이 아닙니다.")


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["[]", "null", "1", '"x"', '[{"email": "a@b.example"}]'])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_allauth/app/v1/auth/signup"),
        ("POST", "/_allauth/browser/v1/auth/login"),
        ("DELETE", "/_allauth/app/v1/account/email"),
    ],
)
def test_the_headless_api_names_json_that_is_no_object(body, method, path):
    response = send(body, path=path, method=method)

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == problem(400, "not_an_object")


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", ["*/*", "application/*", "APPLICATION/JSON", "*/*; q=1"])
@pytest.mark.parametrize("path", ["/api/token/", "/api/token/refresh/", "/api/token/verify/"])
def test_broken_json_is_a_parse_error_under_every_json_type(content_type, path):
    response = send(b"[" * 30_000, content_type=content_type, path=path)

    assert response.status_code == 400
    assert response.json() == problem(400, "parse_error")


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["[]", "1", '"x"', "true", '[{"email": "a@b.example"}]'])
def test_json_that_is_not_an_object_is_invalid(body):
    response = send(body)

    assert response.status_code == 400
    assert response.json() == invalid(("", "invalid"))


@pytest.mark.django_db
def test_null_is_invalid():
    response = send("null")

    assert response.json() == invalid(("", "null"))


@pytest.mark.django_db
def test_an_empty_object_names_each_missing_field():
    response = send("{}")

    assert response.json() == invalid(("/email", "required"), ("/password", "required"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "null"),
        ([], "invalid"),
        ({}, "invalid"),
        (True, "invalid"),
        ("", "blank"),
        ("x" * 129, "max_length"),
        ("a\x00b", "null_characters_not_allowed"),
    ],
)
def test_a_password_of_the_wrong_type_gets_a_pointer(value, code):
    response = send(json.dumps({"email": "a@example.com", "password": value}))

    assert response.status_code == 400
    assert response.json() == invalid(("/password", code))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "value",
    [None, [], {}, True, "", "no address", "a@b@c", "a@b.example\x00", "a" * 250 + "@b.example"],
    ids=repr,
)
def test_an_email_of_the_wrong_type_gets_a_pointer(value):
    response = send(json.dumps({"email": value, "password": PASSWORD}))

    assert response.status_code == 400
    body = response.json()
    assert {error["pointer"] for error in body.pop("errors")} == {"/email"}
    assert body == problem(400, "validation_error")


@pytest.mark.django_db
def test_unknown_fields_are_refused_with_an_escaped_pointer():
    response = send(
        json.dumps({"email": "a@example.com", "password": PASSWORD, "a/b~c": 1, "username": "x"})
    )

    assert response.status_code == 400
    assert response.json() == invalid(("/a~1b~0c", "unknown_field"), ("/username", "unknown_field"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/xml",
        "application/jsonp",
        "text/json",
        "a",
    ],
)
def test_another_content_type_is_refused(content_type):
    response = send(b'{"email": "a@example.com"}', content_type)

    assert response.status_code == 415
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == problem(415, "unsupported_media_type")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "charset", ["zlib", "hex", "idna", "rot13", "undefined", "unknown", "utf-16"]
)
def test_a_charset_that_json_does_not_allow_is_a_client_error(charset):
    response = send(b'{"email": "a@example.com"}', f"application/json; charset={charset}")

    assert 400 <= response.status_code < 500
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
def test_a_body_of_a_megabyte_returns_413():
    response = send(b'{"email": "' + b"a" * 1_000_000 + b'"}')

    assert response.status_code == 413
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == problem(413, "body_too_large")


@pytest.mark.django_db
@pytest.mark.parametrize("length", ["-1", "x", "1e3", " 2", "0x10", "٢x", "9" * 5000])
def test_an_invalid_content_length_is_a_client_error(length):
    response = send(b"{}", CONTENT_LENGTH=length)

    assert response.status_code in {400, 413}
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/nothing",
        "/api/token/x/",
        "/api/sessions/not-a-uuid/",
        "/api/%00/",
        "/_allauth/",
        "/_allauth/app/v2/config",
        "/_allauth/app/v1/nothing",
        "/.well-known/nothing",
        "/.well-known/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_a_problem(path, method):
    response = send(b"{}", path=path, method=method)

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == problem(404, "not_found")
    assert response["Cache-Control"] == "no-store"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/token/", "POST, OPTIONS"),
        ("PUT", "/api/token/refresh/", "POST, OPTIONS"),
        ("DELETE", "/api/token/verify/", "POST, OPTIONS"),
        ("PATCH", "/api/token/revoke/", "POST, OPTIONS"),
        ("TRACE", "/api/token/", "POST, OPTIONS"),
        ("BREW", "/api/token/", "POST, OPTIONS"),
    ],
)
def test_a_wrong_method_is_a_problem_that_names_the_allowed_ones(method, path, allowed):
    response = send(b"{}", path=path, method=method)

    assert response.status_code == 405
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == problem(405, "method_not_allowed")
    assert response["Allow"] == allowed


@pytest.mark.parametrize("path", ["/api/me/", "/api/sessions/"])
def test_a_wrong_method_of_a_signed_in_caller_is_a_problem(obtain, user, path):
    access = obtain(user)["access"]

    response = send(b"{}", path=path, method="PUT", headers=bearer(access))

    assert response.status_code == 405
    assert response.json() == problem(405, "method_not_allowed")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/"])
def test_a_wrong_method_of_the_documentation_is_a_problem(path):
    response = send(b"{}", path=path, method="POST")

    assert response.status_code == 405
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == problem(405, "method_not_allowed")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*"])
def test_a_caller_that_accepts_no_json_gets_json(obtain, user, accept):
    access = obtain(user)["access"]

    response = send(
        b"", path="/api/me/", method="GET", headers={**bearer(access), "accept": accept}
    )

    assert response.status_code == 406
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == problem(406, "not_acceptable")


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "title"), [("ko", "ko"), ("en", "en"), ("de", "en")])
def test_the_language_follows_accept_language_and_is_named(language, title):
    response = send(b"{}", headers={"accept-language": language})

    assert response["Content-Language"] == title
    assert "Accept-Language" in response["Vary"]


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b"{", b"a" * 100_000], ids=["malformed", "too large"])
def test_a_refusal_by_middleware_is_in_the_callers_language(body):
    korean = send(body, headers={"accept-language": "ko"})

    assert korean["Content-Language"] == "ko"
    assert any("가" <= letter <= "힣" for letter in korean.json()["detail"])


@pytest.mark.django_db
def test_the_request_id_is_the_one_in_the_header():
    response = send(b"{", headers={"x-request-id": "caller-chose-this"})

    assert response.json()["request_id"] == response["X-Request-ID"] == "caller-chose-this"


@pytest.mark.django_db
def test_a_foreign_host_is_a_problem_without_its_name():
    response = send(b"{}", headers={"host": "evil.example"})

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == problem(400, "bad_request")
    assert "evil" not in response.text
