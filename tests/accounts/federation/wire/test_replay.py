"""Accept each token of a provider only once."""

import base64
import json
import time

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.federation.wire import id_tokens
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import bearer
from tests.kit.outage import without_redis
from tests.kit.problems import problem
from tests.kit.racing import at_once
from tests.kit.standins import access_token_in

pytestmark = pytest.mark.django_db


BOTH = pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)


DOORS = pytest.mark.parametrize("door", ["api", "headless"])


REFUSED = problem(401, "invalid_credentials")


def tokens_of(standin, *kinds, **form):
    """Return new tokens. The default is the kind that tells the email: Google's ID token, Kakao's access token."""
    tokens = standin.native(**form)
    usual = ["id_token"] if standin.name == "google" else ["access_token"]
    return {kind: tokens[kind] for kind in kinds or usual}


def email_of(response):
    assert response.status_code == 200, response.content
    answer = Client().get("/api/me/", headers=bearer(access_token_in(response)))
    return answer.json()["email"]


def is_refused(door, response):
    if door == "api":
        return response.status_code == 401 and response.json() == REFUSED
    return response.status_code == 400 and response.json()["errors"][0]["code"] == "invalid_token"


@DOORS
@pytest.mark.parametrize(
    ("standin", "kinds"),
    [
        ("google", ["id_token"]),
        ("google", ["id_token", "access_token"]),
        ("kakao", ["id_token"]),
        ("kakao", ["access_token"]),
        ("kakao", ["id_token", "access_token"]),
    ],
    indirect=["standin"],
)
def test_a_token_signs_in_once(standin, send, door, kinds):
    email_of(send("api", standin, tokens_of(standin)))
    tokens = tokens_of(standin, *kinds)
    email_of(send(door, standin, tokens))

    again = send(door, standin, tokens)
    elsewhere = send("headless" if door == "api" else "api", standin, tokens)

    assert is_refused(door, again)
    assert is_refused("headless" if door == "api" else "api", elsewhere)
    assert AuthSession.objects.count() == 2


@DOORS
@BOTH
@pytest.mark.django_db(transaction=True)
def test_of_four_uses_at_once_of_a_token_one_signs_in(standin, send, door):
    email_of(send("api", standin, tokens_of(standin)))
    tokens = tokens_of(standin)

    answers = at_once(4, lambda _: send(door, standin, tokens))

    assert [is_refused(door, answer) for answer in answers].count(True) == 3
    assert AuthSession.objects.count() == 2


@DOORS
@BOTH
def test_a_token_with_another_spelling_is_the_same_token(standin, send, door):
    email_of(send("api", standin, tokens_of(standin)))
    token = tokens_of(standin, "id_token")["id_token"]
    email_of(send(door, standin, {"id_token": token}))

    assert is_refused(door, send(door, standin, {"id_token": respelt(token)}))
    assert id_tokens.fingerprint(respelt(token)) == id_tokens.fingerprint(token)


def test_a_used_token_is_remembered_until_it_expires(google, send):
    token = tokens_of(google)["id_token"]
    send("api", google, {"id_token": token})
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))

    [name] = cache.keys("social:spent:*")

    assert cache.ttl(name) > claims["exp"] - time.time() + 30
    assert token not in name


@DOORS
@BOTH
def test_without_redis_no_provider_token_is_accepted(standin, send, door, settings):
    tokens = tokens_of(standin)

    with without_redis(settings):
        response = send(door, standin, tokens)

    assert response.status_code == 503
    assert response.json() == problem(503, "store_unavailable")
    assert not AuthSession.objects.exists()
    assert not User.objects.exists()


def respelt(token):
    """Return the same token with another last letter, whose unused bits base64 ignores."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1].encode())
    other = token[:-1] + chr(alphabet[last ^ 1])
    signature, before = other.rpartition(".")[2], token.rpartition(".")[2]
    assert base64.urlsafe_b64decode(signature + "==") == base64.urlsafe_b64decode(before + "==")
    return other
