"""Test `rotation` through a key's life: published, signing, verifying, removed."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from accounts import encryption
from accounts.bell import Topic, bell
from accounts.client_info import ClientInfo
from accounts.signins import sessions
from api.keys import jwk, ring, rotation
from api.keys.models import SigningKey
from api.tokens import jwts
from tests.kit import bell as bells
from tests.kit import forge
from tests.kit.clients import bearer
from tests.kit.factories import AuthSessionFactory, UserFactory

LEAD = timedelta(hours=1)


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def first(db):
    """Return the key that the migration made, one day old."""
    SigningKey.objects.update(active_at=timezone.now() - timedelta(days=1))
    ring.forget()
    return SigningKey.objects.get()


def opened():
    return sessions.open(UserFactory(), kind=sessions.Kind.TOKEN, client=ClientInfo(), amr=["pwd"])


def signer(token):
    return forge.part(token, 0)["kid"]


def published(client):
    ring.forget()
    return [key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]]


# Rotating


def test_the_next_key_is_published_first_and_signs_after_the_lead(client, first, clock):
    session = opened()

    row = rotation.rotate()

    assert row.active_at == timezone.now() + LEAD
    assert published(client) == [first.kid, row.kid]
    assert signer(jwts.pair(session)["access"]) == first.kid
    clock.shift(LEAD - timedelta(seconds=1))
    assert signer(jwts.pair(session)["access"]) == first.kid
    clock.shift(timedelta(seconds=1))
    assert signer(jwts.pair(session)["access"]) == row.kid


def test_the_lead_is_twice_the_cache_time_of_the_key_set(client, db, settings):
    answer = client.get("/.well-known/jwks.json")

    max_age = int(answer["Cache-Control"].partition("max-age=")[2])
    assert max_age * 2 <= settings.SIGNING_KEY_LEAD.total_seconds()


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_no_valid_token_is_refused_during_a_rotation(client, post, first, clock, kind):
    """Check old and new tokens every ten minutes, from before the rotation until long after."""
    live = []
    rotation.rotate()
    for _ in range(12):
        session = opened()
        live.append((timezone.now(), jwts.pair(session)))
        for issued_at, pair in live:
            if kind == "refresh":
                assert jwts.RefreshJWT(pair["refresh"])
            elif timezone.now() - issued_at < timedelta(hours=1):
                response = client.get("/api/sessions/", headers=bearer(pair["access"]))
                assert response.status_code == 200
        clock.shift(timedelta(minutes=10))
        ring.reload()

    assert len({signer(pair["access"]) for _, pair in live}) == 2


def test_a_replaced_key_verifies_until_its_last_token_expires(first, clock, settings):
    pair = jwts.pair(opened())
    new = rotation.rotate()
    clock.shift(LEAD + settings.REFRESH_TOKEN_LIFETIME - timedelta(seconds=1))
    ring.forget()
    assert ring.find(first.kid) is not None

    clock.shift(timedelta(minutes=2))
    ring.forget()

    assert ring.find(first.kid) is None
    assert [row.kid for row in ring.verifying()] == [new.kid]
    with pytest.raises(jwts.TokenError):
        jwts.RefreshJWT(pair["refresh"])


def test_three_rotations_keep_every_key_that_still_has_tokens(first, clock, settings):
    for _ in range(3):
        assert rotation.rotate() is not None
        clock.shift(timedelta(days=2))

    assert len(ring.verifying()) == 4
    clock.shift(settings.REFRESH_TOKEN_LIFETIME)
    assert len(ring.verifying()) < 4


def test_rotating_again_before_the_next_key_signs_makes_no_key(first):
    rotation.rotate()

    assert rotation.rotate() is None
    assert SigningKey.objects.count() == 2


def test_a_rotation_at_once_signs_at_once(first):
    row = rotation.rotate(at_once=True)

    assert ring.current().kid == row.kid
    assert ring.find(first.kid) is not None


def test_a_rotation_at_once_works_beside_a_published_key(first):
    rotation.rotate()

    row = rotation.rotate(at_once=True)

    assert row is not None
    assert ring.current().kid == row.kid


def test_a_failed_rotation_can_be_repeated(first, monkeypatch):
    def broken(algorithm):
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(jwk, "generate", broken)
        with pytest.raises(DatabaseError):
            rotation.rotate()

    assert rotation.rotate() is not None


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_the_next_key_uses_the_algorithm_of_the_setting(client, first, settings, algorithm):
    old = jwts.pair(opened())
    settings.SIGNING_ALGORITHM = algorithm

    row = rotation.rotate(at_once=True)

    new = jwts.pair(opened())
    assert row.algorithm == algorithm
    assert forge.part(new["access"], 0)["alg"] == algorithm
    for pair in (old, new):
        assert client.get("/api/me/", headers=bearer(pair["access"])).status_code == 200


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_the_private_key_is_encrypted_under_the_configured_key(first, settings, algorithm):
    settings.SIGNING_ALGORITHM = algorithm
    row = rotation.rotate()

    stored = SigningKey.objects.get(pk=row.kid)

    assert "PRIVATE" not in stored.private_pem
    assert encryption.decrypt(stored.private_pem).startswith("-----BEGIN PRIVATE KEY-----")
    for text in (str(stored), repr(stored), repr(ring.find(row.kid).jwk)):
        assert "PRIVATE" not in text


# By schedule


@pytest.mark.parametrize(("days", "is_due"), [(89, False), (90, True), (200, True)])
def test_a_key_is_replaced_after_its_lifetime(first, clock, days, is_due):
    SigningKey.objects.update(active_at=timezone.now() - timedelta(days=days))

    row = rotation.rotate_if_due()

    assert (row is not None) is is_due
    assert rotation.rotate_if_due() is None


def test_the_schedule_makes_a_key_if_there_is_none(first):
    SigningKey.objects.all().delete()
    ring.forget()

    row = rotation.rotate_if_due()

    assert ring.current().kid == row.kid


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["rotate", "rotate_if_due"])
@pytest.mark.parametrize("apart", [0, 0.005], ids=["at once", "one after the other"])
def test_only_one_of_eight_workers_rotates(way, apart, settings):
    SigningKey.objects.all().delete()
    rotation.create(active_at=timezone.now() - timedelta(days=100))
    barrier, results = threading.Barrier(8), []

    def run(number):
        try:
            barrier.wait(60)
            threading.Event().wait(apart * number)
            results.append(getattr(rotation, way)())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(results) == 8
    assert len([row for row in results if row is not None]) == 1
    assert SigningKey.objects.count() == 2


# Retiring


@pytest.mark.parametrize("remembered", [True, False], ids=["remembered", "never seen"])
def test_a_retired_keys_tokens_are_refused_at_once(client, post, first, remembered):
    pair = jwts.pair(opened())
    if remembered:
        assert client.get("/api/sessions/", headers=bearer(pair["access"])).status_code == 200
    rotation.rotate(at_once=True)

    rotation.retire(first.kid)

    assert client.get("/api/sessions/", headers=bearer(pair["access"])).status_code == 401
    assert client.get("/api/verify", headers=bearer(pair["access"])).status_code == 401
    assert post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401
    assert first.kid not in published(client)


def test_another_process_refuses_them_after_reading_the_keys_again(client, first):
    """The bell's tick calls `reload`, which must also clear the remembered tokens."""
    pair = jwts.pair(opened())
    assert client.get("/api/sessions/", headers=bearer(pair["access"])).status_code == 200
    SigningKey.objects.create(
        kid="k" * 43,
        algorithm="ES256",
        public_pem=first.public_pem,
        private_pem=first.private_pem,
        active_at=timezone.now(),
    )
    SigningKey.objects.filter(pk=first.kid).update(retired_at=timezone.now())

    ring.reload()

    assert client.get("/api/sessions/", headers=bearer(pair["access"])).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_changes_of_keys_are_published_after_the_commit(listener):
    SigningKey.objects.update(active_at=timezone.now() - timedelta(days=1))
    first = SigningKey.objects.get()

    with transaction.atomic():
        following = rotation.rotate()
        assert bells.published(listener) == []

    assert bells.published(listener) == [{"topic": "keys", "ids": [following.kid]}]
    rotation.rotate(at_once=True)
    assert bells.published(listener) == [{"topic": "keys", "ids": [following.kid]}]
    rotation.retire(first.kid)
    assert bells.published(listener) == [{"topic": "keys", "ids": [first.kid]}]


def test_the_bell_makes_a_process_read_the_keys_again(first):
    """The bell is enough: no database error and no tick is needed."""
    assert ring.find(first.kid) is not None
    SigningKey.objects.filter(pk=first.kid).update(retired_at=timezone.now())
    assert ring.find(first.kid) is not None  # otherwise the next lines prove nothing

    bell._note(bells.message(Topic.KEYS, first.kid))

    assert ring.find(first.kid) is None


def test_when_the_signing_key_is_retired_a_new_one_signs(client, first):
    rotation.retire(first.kid)

    session = opened()
    access = jwts.pair(session)["access"]
    assert signer(access) != first.kid
    assert client.get("/api/sessions/", headers=bearer(access)).status_code == 200


def test_when_only_the_next_key_is_left_a_new_one_signs_meanwhile(first):
    following = rotation.rotate()

    rotation.retire(first.kid)

    assert ring.current().kid not in {first.kid, following.kid}
    assert ring.current().active_at <= timezone.now()


def test_a_retired_next_key_never_signs_and_does_not_stop_the_schedule(first, clock):
    following = rotation.rotate()

    rotation.retire(following.kid)

    clock.shift(2 * LEAD)
    ring.forget()
    assert ring.current().kid == first.kid
    assert rotation.rotate() is not None


def test_retiring_an_unknown_or_retired_key_changes_nothing(first):
    rotation.retire("unknown")

    assert SigningKey.objects.filter(retired_at=None).count() == 1


# Without the database


def test_with_the_database_down_known_keys_stay_usable(first, monkeypatch):
    ring.current()

    def broken(before):
        raise DatabaseError

    monkeypatch.setattr(ring, "_load", broken)

    assert ring.reload().current().kid == first.kid


def test_with_the_database_down_from_the_start_no_key_is_made(first, monkeypatch):
    def broken(before):
        raise DatabaseError

    ring.forget()
    monkeypatch.setattr(ring, "_load", broken)

    with pytest.raises(DatabaseError):
        ring.current()


def test_a_token_of_an_unknown_key_makes_no_query(first, django_assert_num_queries):
    token = forge.changed(jwts.pair(AuthSessionFactory(token=True))["access"], header={"kid": "x"})
    ring.held()

    with django_assert_num_queries(0), pytest.raises(jwts.TokenError):
        jwts.AccessJWT(token)


@pytest.mark.django_db
def test_rotating_at_once_makes_the_published_key_sign():
    pending = rotation.rotate()

    promoted = rotation.rotate(at_once=True)

    assert promoted == pending
    assert ring.current().kid == pending.kid
    assert SigningKey.objects.count() == 2
    assert rotation.rotate() is not None
