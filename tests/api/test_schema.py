"""Test the OpenAPI document and its page: complete, and served without any other host."""

import re

import pytest
import yaml


@pytest.fixture
def schema(client, db):
    return yaml.safe_load(client.get("/api/schema/").content)


def test_the_document_is_openapi_3_1_and_needs_no_sign_in(schema):
    assert schema["openapi"].startswith("3.1")
    assert set(schema["paths"]) == {
        "/api/token/",
        "/api/token/social/",
        "/api/token/refresh/",
        "/api/token/verify/",
        "/api/token/introspect/",
        "/api/token/revoke/",
        "/api/me/",
        "/api/me/data/",
        "/api/sessions/",
        "/api/sessions/{sid}/",
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
