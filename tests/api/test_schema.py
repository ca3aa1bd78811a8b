"""Test the OpenAPI document and its page: complete, and served without any other host."""

import re
from functools import cache

import pytest
import yaml
from django.test import Client

from accounts.signins import rotation
from tests.kit.problems import invalid


@pytest.fixture
def schema(client, db):
    return parsed(client.get("/api/schema/").content)


@cache
def parsed(content):
    """Parse the document once for all tests: that takes a second."""
    return yaml.safe_load(content)


def test_the_document_is_openapi_3_1_and_needs_no_sign_in(schema):
    assert schema["openapi"].startswith("3.1")
    assert set(schema["paths"]) == {
        "/api/token/",
        "/api/token/code/",
        "/api/token/code/confirm/",
        "/api/token/service/",
        "/api/token/social/",
        "/api/token/exchange/",
        "/api/token/refresh/",
        "/api/token/verify/",
        "/api/token/introspect/",
        "/api/token/mfa/",
        "/api/token/passkey/",
        "/api/token/passkey/options/",
        "/api/token/revoke/",
        "/api/revocations/",
        "/api/me/",
        "/api/me/data/",
        "/api/activity/",
        "/api/activity/{id}/denial/",
        "/api/events/ticket/",
        "/api/sessions/",
        "/api/sessions/{sid}/",
        "/api/sessions/{sid}/denial/",
        "/api/trusted-browsers/",
        "/api/trusted-browsers/{id}/",
    }


def test_every_operation_documents_problem_details(schema):
    for path in schema["paths"].values():
        for operation in path.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_a_password_is_write_only(schema):
    for name, part in schema["components"]["schemas"].items():
        for field, spec in part.get("properties", {}).items():
            assert field != "password" or spec.get("writeOnly"), name


@pytest.mark.parametrize("name", ["Credentials", "SocialToken", "Refresh", "Verify", "PatchedMe"])
def test_a_request_body_allows_no_unknown_members(schema, name):
    assert schema["components"]["schemas"][f"{name}Request"]["additionalProperties"] is False


def test_an_answer_allows_unknown_members(schema):
    for name in ["TokenPair", "Me", "Session", "Introspection"]:
        assert "additionalProperties" not in schema["components"]["schemas"][name]


def test_a_refresh_documents_its_key_and_every_code(schema):
    operation = schema["paths"]["/api/token/refresh/"]["post"]
    (header,) = operation["parameters"]
    codes = {}
    for status in ("400", "401"):
        answer = operation["responses"][status]
        problem, code = answer["content"]["application/problem+json"]["schema"]["allOf"]
        assert problem == {"$ref": "#/components/schemas/Problem"}
        codes[status] = set(code["properties"]["code"]["enum"])
        assert all(f"- `{name}`: " in answer["description"] for name in codes[status])

    assert (header["name"], header["in"]) == ("Idempotency-Key", "header")
    assert not header.get("required")
    assert header["schema"]["pattern"] == "^[A-Za-z0-9_-]{16,64}$"
    member = schema["components"]["schemas"]["RefreshRequest"]["properties"]["retry_key"]
    assert member["pattern"] == header["schema"]["pattern"]
    assert str(rotation.MOST_REPEATS) in operation["description"]
    assert codes == {
        "400": {"invalid_retry_key", "validation_error", "parse_error"},
        "401": {
            *("refresh_expired", "refresh_reused", "refresh_lost"),
            *("session_ended", "invalid_token"),
        },
    }


@pytest.mark.django_db
def test_the_page_loads_no_other_host_and_runs_no_inline_script(client):
    page = client.get("/api/docs/").text

    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page)
    assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", page)
    assert " onload=" not in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [{"format": "json"}, {"format": "xml"}, {"lang": "ko"}, {"lang": "\x00"}, {"version": "x"}],
)
def test_strange_queries_are_answered(client, query):
    client.raise_request_exception = False

    response = client.get("/api/schema/", query)

    assert response.status_code in {200, 404, 406}


@pytest.mark.django_db
def test_the_docs_send_no_csrf_token_and_set_the_cookie(client):
    page = client.get("/api/docs/")
    script = client.get("/api/docs/?script=").text

    token = page.cookies["csrf"].value
    assert token
    assert token not in script
    assert not re.search(r"[A-Za-z0-9]{32}", script)
    assert "document.cookie" in script


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/docs/", "/api/docs/?script="])
def test_the_docs_are_for_no_other_origin(client, path):
    response = client.get(path, headers={"origin": "https://app.example.com"})

    assert response.get("Access-Control-Allow-Origin") is None


def test_a_call_from_the_docs_by_cookie_succeeds(user):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    login = browser.get("/accounts/login/", follow=True)
    assert login.status_code == 200
    browser.get("/api/docs/")

    response = browser.patch(
        "/api/me/",
        {"display_name": "Hana"},
        content_type="application/json",
        headers={"x-csrftoken": browser.cookies["csrf"].value},
    )

    assert response.status_code == 200


@pytest.mark.parametrize("limit", ["null", "0", "-1", "1.5", "101", "x", "", "1" * 30, "\u0661"])
def test_a_limit_that_is_no_number_is_refused(signed_in, limit):
    response = signed_in.get("/api/sessions/", {"limit": limit})

    assert response.json() == invalid(("/limit", "invalid"))


@pytest.mark.parametrize("member", ["email", "password", "link_token"])
@pytest.mark.parametrize("value", [5, True])
def test_a_number_is_no_text(client, db, member, value):
    body = {"email": "a@example.com", "password": "x"} | {member: value}

    response = client.post("/api/token/", body, content_type="application/json")

    assert response.json() == invalid((f"/{member}", "invalid"))


def test_the_document_says_which_texts_are_refused(schema):
    schemas = schema["components"]["schemas"]

    assert schemas["CredentialsRequest"]["properties"]["password"]["pattern"] == "^[^\\u0000]*$"
    assert "\\u202a" in schemas["PatchedMeRequest"]["properties"]["display_name"]["pattern"]
    assert schemas["SocialTokenRequest"]["anyOf"] == [
        {"required": ["id_token"]},
        {"required": ["access_token"], "properties": {"provider": {"enum": ["kakao"]}}},
    ]
