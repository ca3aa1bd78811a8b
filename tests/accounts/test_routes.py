"""Read a view's limit and its callers from the view, not from its path."""

import pytest
from django.test import Client
from django.urls import get_resolver

from accounts import routes
from api import urls
from tests.kit.problems import problem

FRONTEND = "https://app.example.com"


@pytest.fixture(autouse=True)
def new_urls(db, settings, early_in_a_window):
    settings.ROOT_URLCONF = "tests.accounts.stating_urls"


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("name", ["limited", "by-get", "class", "drf"])
def test_a_view_with_a_limit_is_limited(client, name):
    answers = [client.post(f"/new/{name}/") for _ in range(3)]

    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[0]["RateLimit-Policy"] == '"few";q=2;w=60'
    assert answers[2]["Retry-After"] == "55"


def test_views_with_one_scope_share_their_counter(client):
    client.post("/new/limited/")
    client.post("/new/class/")

    assert client.post("/new/drf/").status_code == 429


def test_a_get_counts_only_if_the_view_says_so(client):
    free, counted = client.get("/new/limited/"), client.get("/new/by-get/")

    assert "RateLimit" not in free
    assert counted["RateLimit"] == '"few";r=1;t=55'


@pytest.mark.parametrize("query", ["", "?defect"])
def test_a_view_for_machines_fails_with_problem_json(client, query):
    response = client.get(f"/new/report/{query}")

    assert response.status_code == 500
    assert response.json() == problem(500, "server_error")


def test_a_page_fails_with_a_page(client):
    for _ in range(2):
        client.post("/new/limited/")

    assert client.post("/new/limited/")["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    ["/api/nothing", "/_allauth/nothing", "/.well-known/nothing", "/nested/machines/nothing"],
)
def test_an_unknown_address_under_a_prefix_for_machines_is_problem_json(client, path):
    assert client.get(path).json() == problem(404, "not_found")


@pytest.mark.parametrize("path", ["/nothing", "/new/nothing/", "/nested/nothing", "/apiary/"])
def test_any_other_unknown_address_is_a_page(client, path):
    response = client.get(path)

    assert response.status_code == 404
    assert response["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "is_open"),
    [
        ("/nested/machines/known/", True),
        ("/nested/machines/nothing", True),
        ("/new/report/", False),
    ],
)
def test_frontends_may_call_paths_under_a_prefix_for_machines(client, path, is_open):
    response = client.get(path, headers={"origin": FRONTEND})

    assert ("Access-Control-Allow-Origin" in response) == is_open


@pytest.mark.parametrize(("path", "status"), [("/new/json/", 400), ("/new/class/", 200)])
def test_a_json_view_refuses_other_bodies(client, path, status):
    assert client.post(path, "{", content_type="text/plain").status_code == status


def test_statements_about_allauths_views_name_views_that_exist():
    names = {route.name for route in routes.views_in(get_resolver("config.urls").url_patterns)}

    assert set(urls.ALLAUTHS) <= names
