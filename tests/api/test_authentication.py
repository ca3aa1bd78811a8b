"""Test how the API identifies a caller: by Bearer token or by session cookie."""

import json

import pytest
from django.test import Client

from tests.kit import forge
from tests.kit.clients import CHROME, bearer
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.problems import problem

PLACES = ["/api/me/", "/api/sessions/", "/api/activity/"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", PLACES)
def test_a_caller_without_credentials_gets_a_challenge_without_error(client, path):
    response = client.get(path)

    assert response.status_code == 401
    assert response.json() == problem(401, "not_authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response["Content-Type"] == "application/problem+json"
    assert not response.cookies


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["Basic YTpi", "Token x", "Digest x", "Bearerx y", "", " "])
def test_another_scheme_is_ignored(client, header):
    response = client.get("/api/me/", headers={"authorization": header})

    assert response.status_code == 401
    assert response.json() == problem(401, "not_authenticated")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer x", "bearer x.y.z", "BEARER x", "Bearer a b"]
)
def test_a_malformed_bearer_token_is_invalid(client, header):
    response = client.get("/api/me/", headers={"authorization": header})

    assert response.status_code == 401
    assert response.json() == problem(401, "invalid_token")
    assert response["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_case_insensitive(client, obtain, user, scheme):
    access = obtain(user)["access"]

    response = client.get("/api/me/", headers={"authorization": f"{scheme} {access}"})

    assert response.status_code == 200


@pytest.mark.parametrize("place", ["query", "form", "cookie", "x-access-token"])
def test_a_token_is_read_from_the_header_only(client, obtain, user, place):
    access = obtain(user)["access"]
    client.cookies.clear()
    if place == "cookie":
        client.cookies["access"] = client.cookies["access_token"] = access

    response = client.get(
        "/api/me/",
        {"access_token": access} if place in {"query", "form"} else {},
        headers={"x-access-token": access} if place == "x-access-token" else {},
    )

    assert response.status_code == 401


def test_a_bad_token_is_refused_despite_a_valid_cookie(signed_in):
    response = signed_in.get("/api/me/", headers=bearer("x"))

    assert response.status_code == 401


def test_a_session_cookie_may_read(signed_in, user):
    response = signed_in.get("/api/me/")

    assert response.status_code == 200
    assert response.json()["email"] == user.email


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "/api/me/"), ("DELETE", "/api/sessions/00000000-0000-4000-8000-000000000000/")],
)
def test_a_cookie_without_the_csrf_token_may_not_change_anything(signed_in, method, path):
    strict = Client(enforce_csrf_checks=True, headers={"user-agent": CHROME})
    strict.cookies = signed_in.cookies

    response = strict.generic(method, path, b"{}", content_type="application/json")

    assert response.status_code == 403
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] in {"csrf_failed", "permission_denied"}


def test_a_cookie_with_the_csrf_token_may_change_data(user):
    strict = Client(enforce_csrf_checks=True, headers={"user-agent": CHROME})
    token = strict.get("/accounts/login/").cookies["csrf"].value
    strict.post(
        "/accounts/login/",
        {"login": user.email, "password": PASSWORD, "csrfmiddlewaretoken": token},
    )

    response = strict.patch(
        "/api/me/",
        json.dumps({"display_name": "Hana"}),
        content_type="application/json",
        headers={"x-csrftoken": strict.cookies["csrf"].value},
    )

    assert response.status_code == 200
    assert response.json()["display_name"] == "Hana"


def test_a_bearer_token_needs_no_csrf_token(obtain, user):
    strict = Client(enforce_csrf_checks=True)

    response = strict.patch(
        "/api/me/", b"{}", content_type="application/json", headers=bearer(obtain(user)["access"])
    )

    assert response.status_code == 200


def test_a_bearer_token_wins_over_another_users_cookie(signed_in, obtain, user):
    other = UserFactory()
    access = obtain(other)["access"]

    response = signed_in.get("/api/me/", headers=bearer(access))

    assert response.json()["email"] == other.email


def test_reading_the_own_account_costs_one_query(
    client, obtain, user, fresh_feed, django_assert_num_queries
):
    access = obtain(user)["access"]

    with django_assert_num_queries(1):
        response = client.get("/api/me/", headers=bearer(access))

    assert response.status_code == 200


def test_a_forged_token_costs_no_query(client, obtain, user, django_assert_num_queries):
    access = obtain(user)["access"]

    with django_assert_num_queries(0):
        response = client.get("/api/me/", headers=bearer(access[:-4] + "AAAA"))

    assert response.status_code == 401


@pytest.mark.parametrize("sub", ["nobody", "", 5, None, ["x"]])
def test_a_token_of_ours_without_a_users_id_is_a_401(client, pair, sub):
    token = forge.changed(pair["access"], payload={"sub": sub})

    for path in ("/api/me/", "/api/verify"):
        assert client.get(path, headers=bearer(token)).status_code == 401
