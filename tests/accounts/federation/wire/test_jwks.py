"""Read providers' keys: skip unusable ones, and limit how often threads fetch them."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from accounts.federation.errors import ProviderError, ProviderUnavailableError
from accounts.federation.wire import fetch, jwks, outage
from tests.kit.pieces import server
from tests.kit.waiting import wait_until

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
JWK = RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True) | {"kid": "a", "use": "sig", "alg": "RS256"}
JWK.pop("key_ops", None)


def answer(document):
    body = json.dumps(document).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def without(name):
    return {key: value for key, value in JWK.items() if key != name}


def small():
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()  # noqa: S505
    return RSAAlgorithm.to_jwk(key, as_dict=True) | {"kid": "b", "key_ops": ["verify"]}


def elliptic():
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return ECAlgorithm.to_jwk(key, as_dict=True) | {"kid": "b"}


@pytest.mark.parametrize(
    "unusable",
    [
        small(),
        elliptic(),
        {"kty": "oct", "kid": "b", "k": "c2VjcmV0", "alg": "RS256"},
        JWK | {"kid": "b", "use": "enc"},
        JWK | {"kid": "b", "alg": "RS512"},
        JWK | {"kid": "b", "n": "!"},
        JWK | {"kid": ["b"]},
        without("kid"),
        "b",
        None,
    ],
    ids=["small", "elliptic", "shared", "enc", "RS512", "no n", "list", "no kid", "text", "null"],
)
def test_a_key_unfit_for_rs256_is_skipped(unusable):
    with server(answer({"keys": [unusable, JWK]})) as (url, _):
        keys = jwks.KeySet(url)

        assert keys.key("a") == RSA_KEY
        with pytest.raises(ProviderError, match="unknown kid"):
            keys.key("b")


@pytest.mark.parametrize("name", ["use", "alg"])
def test_a_key_needs_no_use_and_no_alg(name):
    with server(answer({"keys": [without(name)]})) as (url, _):
        assert jwks.KeySet(url).key("a") == RSA_KEY


@pytest.mark.parametrize("document", [{}, {"keys": []}, {"keys": {}}, {"keys": [without("n")]}])
def test_a_document_without_keys_does_not_replace_keys(document):
    with server(answer({"keys": [JWK]})) as (url, _):
        keys = jwks.KeySet(url)
        keys.key("a")
    with server(answer(document)) as (keys.uri, asked):
        keys._read_at -= jwks.TTL_SECONDS
        keys._tried_at -= jwks.TTL_SECONDS

        assert keys.key("a") == RSA_KEY
    assert len(asked) == 1


def test_a_known_key_is_read_once_an_hour():
    with server(answer({"keys": [JWK]})) as (url, asked):
        keys = jwks.KeySet(url)
        for _ in range(5):
            keys.key("a")
        assert len(asked) == 1
        keys._read_at -= jwks.TTL_SECONDS
        keys._tried_at -= jwks.TTL_SECONDS

        for _ in range(5):
            keys.key("a")

        assert len(asked) == 2


def test_many_threads_without_keys_wait_for_one_call(monkeypatch):
    """If they fetched one after another, the waits would add up."""
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 0.5)
    monkeypatch.setattr(jwks, "RETRY_SECONDS", 0.5)
    with server(b"", every=60) as (url, asked):
        keys = jwks.KeySet(url)
        with ThreadPoolExecutor(6) as pool:
            waiting = [pool.submit(keys.key, "a") for _ in range(6)]
        assert all(isinstance(one.exception(), ProviderUnavailableError) for one in waiting)

    assert len(asked) == 1


def test_a_caller_does_not_wait_for_a_call_that_hangs(monkeypatch):
    """Its thread would wait for the provider beside those that `outage` counts."""
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 20.0)
    monkeypatch.setattr(outage, "PATIENCE_SECONDS", 0.1)
    with server(b"", every=60) as (url, asked):
        keys = jwks.KeySet(url)
        reading = threading.Thread(target=lambda: refused(keys), daemon=True)
        reading.start()
        wait_until(lambda: asked)
        keys._began_at -= outage.PATIENCE_SECONDS

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(refused, [keys] * 4)) == ["the signing keys can't be read"] * 4
        assert reading.is_alive()
    assert len(asked) == 1


def refused(keys):
    with pytest.raises(ProviderUnavailableError) as caught:
        keys.key("a")
    return str(caught.value)


def test_an_unknown_kid_is_no_refusal_while_the_keys_cannot_be_read():
    with server(answer({"keys": [JWK]})) as (url, _):
        keys = jwks.KeySet(url)
        keys.key("a")
    keys._tried_at -= jwks.UNKNOWN_KID_SECONDS

    with pytest.raises(ProviderUnavailableError):
        keys.key("new")
    assert keys.key("a") == RSA_KEY
