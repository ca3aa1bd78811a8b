"""Test the public documents: key set and metadata, by which other libraries verify our tokens."""

import json
import subprocess
from base64 import urlsafe_b64decode

import jwt
import pytest
from django.test import Client
from django.utils import timezone
from jwt import PyJWKClient

from accounts.client_info import ClientInfo
from accounts.signins import sessions
from api.keys import jwk, ring, rotation
from api.keys.models import SigningKey
from api.tokens import jwts
from config.settings.apps import android_app
from tests.kit import forge, processes, registries
from tests.kit.factories import UserFactory
from tests.kit.problems import problem
from tests.kit.rings import starts_processes

JWKS = "/.well-known/jwks.json"
METADATA = "/.well-known/oauth-authorization-server"
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
MEMBERS = {
    "ES256": {"kty", "crv", "x", "y", "kid", "use", "alg"},
    "EdDSA": {"kty", "crv", "x", "kid", "use", "alg"},
    "RS256": {"kty", "n", "e", "kid", "use", "alg"},
}
FRONTEND = "https://app.example.com"


def access_token():
    session = sessions.open(
        UserFactory(), kind=sessions.Kind.TOKEN, client=ClientInfo(), amr=["pwd"]
    )
    return jwts.pair(session)["access"]


def let_it_sign():
    """Make the next key sign, as if the lead had passed."""
    SigningKey.objects.filter(active_at__gt=timezone.now()).update(active_at=timezone.now())
    ring.forget()


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_the_key_set_has_public_members_only(client, db, settings, algorithm):
    settings.SIGNING_ALGORITHM = algorithm
    row = rotation.create(active_at=timezone.now())

    response = client.get(JWKS)

    assert response.status_code == 200
    assert response["Content-Type"] == "application/jwk-set+json"
    body = json.loads(response.content)
    assert set(body) == {"keys"}
    assert len(body["keys"]) == 2
    for key in body["keys"]:
        assert set(key) == MEMBERS[key["alg"]]
        assert not set(key) & PRIVATE
        assert key["use"] == "sig"
    mine = body["keys"][1]
    assert (mine["kid"], mine["alg"]) == (row.kid, algorithm)
    assert jwk.thumbprint(algorithm, ring.find(row.kid).public) == row.kid
    assert "PRIVATE" not in response.text


def test_coordinates_are_of_full_length(client, db):
    for _ in range(20):
        rotation.create(active_at=timezone.now())

    for key in client.get(JWKS).json()["keys"]:
        for name in ("x", "y"):
            assert len(urlsafe_b64decode(key[name] + "==")) == 32


def test_the_key_set_may_be_cached_and_has_an_etag(client, db):
    first = client.get(JWKS)

    assert first["Cache-Control"] == "public, max-age=300"
    assert "Set-Cookie" not in first
    assert "Cookie" not in first.get("Vary", "")
    again = client.get(JWKS, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]
    stale = client.get(JWKS, headers={"if-none-match": '"other"'})
    assert stale.status_code == 200


def test_the_etag_changes_with_the_keys(client, db):
    before = client.get(JWKS)["ETag"]

    rotation.rotate(at_once=True)

    response = client.get(JWKS, headers={"if-none-match": before})
    assert response.status_code == 200
    assert response["ETag"] != before


def test_a_304_repeats_the_cache_time(client, db):
    """RFC 9110 §15.4.5: a 304 repeats `Cache-Control`, or the copy would be stale at once."""
    etag = client.get(JWKS)["ETag"]

    response = client.get(JWKS, headers={"if-none-match": etag})

    assert response.get("Cache-Control") == "public, max-age=300"


@pytest.mark.django_db
@pytest.mark.parametrize("path", [JWKS, METADATA])
def test_only_our_frontend_may_read_the_documents(client, path):
    response = client.get(path, headers={"origin": FRONTEND})
    foreign = client.get(path, headers={"origin": "https://evil.example"})

    assert response["Access-Control-Allow-Origin"] == FRONTEND
    assert "Access-Control-Allow-Origin" not in foreign


@pytest.mark.django_db
@pytest.mark.parametrize("path", [JWKS, METADATA])
def test_the_documents_are_read_only(path):
    client = Client(enforce_csrf_checks=True)

    assert client.head(path).status_code == 200
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        response = client.generic(method, path)
        assert response.status_code in {403, 405}, method
    assert client.get(path).status_code == 200


def test_the_metadata_has_exactly_these_members(client, db):
    response = client.get(METADATA)

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "public, max-age=300"
    assert response.json() == {
        "issuer": "http://testserver",
        "jwks_uri": "http://testserver/.well-known/jwks.json",
        "revocation_endpoint": "http://testserver/api/token/revoke/",
        "revocation_endpoint_auth_methods_supported": ["none"],
        "token_endpoint": "http://testserver/api/token/service/",
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "grant_types_supported": ["client_credentials"],
        "introspection_endpoint": "http://testserver/api/token/introspect/",
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
        "response_types_supported": [],
    }


def test_the_metadatas_addresses_answer(client, db):
    metadata = client.get(METADATA).json()

    for name in ("revocation_endpoint", "introspection_endpoint"):
        path = metadata[name].removeprefix(metadata["issuer"])
        assert client.get(path).status_code == 405
    assert client.get(metadata["jwks_uri"].removeprefix(metadata["issuer"])).status_code == 200


def test_the_tokens_issuer_is_the_metadatas(client, db):
    issuer = client.get(METADATA).json()["issuer"]

    assert forge.part(access_token(), 1)["iss"] == issuer


# Mobile apps

ANDROID, APPLE = "/.well-known/assetlinks.json", "/.well-known/apple-app-site-association"


def test_android_apps_are_listed_with_all_their_certificates(client, settings):
    entries = ["com.example.app=" + ":".join([pair] * 32) for pair in ("ab", "CD")]
    settings.ANDROID_APPS = [android_app(entry) for entry in entries]
    response = client.get(ANDROID)

    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "public, max-age=300"
    assert response.json() == [
        {
            "relation": [
                "delegate_permission/common.handle_all_urls",
                "delegate_permission/common.get_login_creds",
            ],
            "target": {
                "namespace": "android_app",
                "package_name": "com.example.app",
                "sha256_cert_fingerprints": [":".join(["AB"] * 32), ":".join(["CD"] * 32)],
            },
        }
    ]


def test_apple_apps_are_listed(client, settings):
    settings.APPLE_APPS = ["ABCDE12345.com.example.app"]
    response = client.get(APPLE)

    assert response["Content-Type"] == "application/json"
    assert response.json() == {"webcredentials": {"apps": ["ABCDE12345.com.example.app"]}}


@pytest.mark.parametrize("path", [ANDROID, APPLE])
def test_without_apps_there_is_no_list(client, path):
    assert client.get(path).json() == problem(404, "not_found")


# Other libraries verify, before and after a rotation


@pytest.fixture
def pyjwt(live_server):
    """Verify with PyJWT's own client, which fetches the key set by HTTP and keeps it."""
    fetcher = PyJWKClient(f"{live_server.url}{JWKS}", cooldown_duration=0)

    def verify(token):
        key = fetcher.get_signing_key_from_jwt(token)
        return jwt.decode(  # noqa: TID251 - as another team's service would
            token,
            key,
            algorithms=["ES256", "EdDSA", "RS256"],
            audience="http://testserver",
            issuer="http://testserver",
        )

    return verify


VERIFIER = """
import { createInterface } from "node:readline";
import { createRemoteJWKSet, jwtVerify } from "jose";
const options = { cooldownDuration: 0, timeoutDuration: 20_000 };
const keys = createRemoteJWKSet(new URL(process.argv[2]), options);
for await (const token of createInterface({ input: process.stdin })) {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: "http://testserver", audience: "http://testserver", typ: "at+jwt",
    });
    console.log(JSON.stringify(payload));
  } catch (error) {
    console.log(JSON.stringify({ error: error.code }));
  }
}
"""


@pytest.fixture(scope="session")
@starts_processes
def jose_directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("jose")
    registries.npm(directory, "jose@5")
    (directory / "verify.mjs").write_text(VERIFIER)
    return directory


@pytest.fixture
@starts_processes
def jose(jose_directory, live_server):
    """Start one Node process, which keeps its copy of the key set during the rotation."""
    process = processes.start(
        ["node", "verify.mjs", f"{live_server.url}{JWKS}"],
        cwd=jose_directory,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def verify(token):
        process.stdin.write(f"{token}\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    with process:
        yield verify
        process.stdin.close()
        process.wait(20)


@pytest.mark.slow
@pytest.mark.parametrize("library", ["pyjwt", pytest.param("jose", marks=pytest.mark.servers)])
@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_another_library_verifies_our_tokens_across_a_rotation(
    request, transactional_db, settings, algorithm, library
):
    verify = request.getfixturevalue(library)
    SigningKey.objects.all().delete()
    settings.SIGNING_ALGORITHM = algorithm
    rotation.create(active_at=timezone.now())
    before = access_token()
    assert verify(before)["sub"] == forge.part(before, 1)["sub"]

    following = rotation.rotate()
    during = access_token()
    assert verify(during)["sub"] == forge.part(during, 1)["sub"]

    let_it_sign()
    after = access_token()
    assert forge.part(after, 0)["kid"] == following.kid
    for token in (after, before, during):
        assert verify(token)["sub"] == forge.part(token, 1)["sub"]


@pytest.mark.parametrize("library", ["pyjwt", pytest.param("jose", marks=pytest.mark.servers)])
def test_another_library_refuses_a_forged_token(request, transactional_db, library):
    verify = request.getfixturevalue(library)
    SigningKey.objects.all().delete()
    rotation.create(active_at=timezone.now())
    token = access_token()
    head, signature = token.rsplit(".", 1)
    forged = f"{head}.{'A' * len(signature)}"

    if library == "jose":
        assert "error" not in verify(token)
        assert "error" in verify(forged)
    else:
        verify(token)
        with pytest.raises(jwt.InvalidTokenError):
            verify(forged)
