"""Obtain, use, refresh and revoke a token pair."""

from unittest.mock import ANY

from tests.kit.clients import bearer
from tests.kit.factories import PASSWORD


def test_a_pair_works_refreshes_and_ends_by_revocation(client, user):
    response = client.post(
        "/api/token/", {"email": user.email, "password": PASSWORD}, content_type="application/json"
    )

    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response
    pair = response.json()
    assert pair == {
        "access": ANY,
        "refresh": ANY,
        "token_type": "Bearer",
        "expires_in": 3600,
        "sid": ANY,
    }

    assert client.get("/api/me/", headers=bearer(pair["access"])).json() == {
        "id": str(user.pk),
        "email": user.email,
        "display_name": "",
        "locale": "",
        "extras": {},
        "date_joined": ANY,
        "roles": [],
    }

    refreshed = client.post(
        "/api/token/refresh/", {"refresh": pair["refresh"]}, content_type="application/json"
    ).json()
    assert refreshed["sid"] == pair["sid"]
    assert refreshed["refresh"] != pair["refresh"]

    revoked = client.post(
        "/api/token/revoke/",
        f"token={refreshed['refresh']}",
        content_type="application/x-www-form-urlencoded",
    )
    assert (revoked.status_code, revoked.content) == (200, b"")
    for access in (pair["access"], refreshed["access"]):
        refused = client.get("/api/me/", headers=bearer(access))
        assert refused.status_code == 401
        assert refused["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert (
        client.post(
            "/api/token/refresh/",
            {"refresh": refreshed["refresh"]},
            content_type="application/json",
        ).status_code
        == 401
    )
