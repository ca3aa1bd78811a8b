"""Test the health checks: `/livez` connects to nothing, `/readyz` names each failed part."""

import pytest
from django.db import connection
from django.test import Client

from tests.kit.outage import without_redis


def test_livez_connects_neither_to_redis_nor_to_the_database(
    client, db, django_assert_num_queries, settings
):
    with without_redis(settings), django_assert_num_queries(0):
        response = client.get("/livez", headers={"cookie": "session=" + "a" * 32})

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}
    assert not response.cookies


def test_readyz_names_every_healthy_part(client, db):
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ok", "parts": {"database": "ok", "redis": "ok"}}
    assert "no-cache" in response["Cache-Control"]


def test_readyz_names_redis_when_it_is_down(client, db, settings):
    with without_redis(settings):
        response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {
        "status": "unavailable",
        "parts": {"database": "ok", "redis": "failed"},
    }


def test_readyz_names_the_database_when_it_is_down(client, db):
    def refuse(*args, **kwargs):
        raise connection.Database.OperationalError("gone, at 10.0.0.1 as secret_user")

    with connection.execute_wrapper(refuse):
        response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {
        "status": "unavailable",
        "parts": {"database": "failed", "redis": "ok"},
    }
    assert "secret_user" not in response.text


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_probe_may_use_any_host_name(path):
    response = Client().get(path, headers={"host": "10.0.0.7:8000"})

    assert response.status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("POST", 405), ("DELETE", 405), ("TRACE", 405)]
)
def test_only_get_and_head_are_allowed(path, method, status):
    response = Client().generic(method, path)

    assert response.status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/livez/", "/readyz/", "/livezz"])
def test_only_the_exact_paths_are_probes(client, path):
    assert client.get(path).status_code == 404
