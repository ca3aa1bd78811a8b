"""Test which session cookies `standing.find` knows without a request; `config/gate` has the whole answers."""

import pytest
from django_redis import get_redis_connection

from accounts.errors import StoreUnavailableError
from accounts.pages import standing
from accounts.people.models import User
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from accounts.store.engine import SessionStore
from tests.kit.outage import without_redis


@pytest.fixture
def key(signed_in):
    return signed_in.cookies["session"].value


def changed(key, **entries):
    session = SessionStore(key)
    session.update(entries)
    session.save()


def test_a_usual_session_is_found(key, user):
    session = standing.find(key)

    assert session == AuthSession.objects.get()
    assert session.user == user


@pytest.mark.parametrize("key", ["", "x", "a" * 32, "A" * 32, "a" * 33])
@pytest.mark.django_db
def test_an_invented_key_is_not(key):
    assert standing.find(key) is None


@pytest.mark.parametrize(
    "entries",
    [
        {"rights": "11"},
        {"rights": None},
        {"_auth_user_hash": "x"},
        {"_auth_user_hash": ""},
        {"_auth_user_backend": "django.contrib.auth.backends.ModelBackend"},
        {"_auth_user_backend": None},
    ],
    ids=repr,
)
def test_a_session_of_another_proof_is_not(key, entries):
    changed(key, **entries)

    assert standing.find(key) is None


def test_a_session_without_a_sign_in_is_not(key):
    session = SessionStore(key)
    del session["sid"]
    session.save()

    assert standing.find(key) is None


def test_an_ended_sign_in_is_not(key):
    sessions.revoke(AuthSession.objects.get(), reason=sessions.Reason.ADMIN)

    assert standing.find(key) is None


@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"is_staff": True}, {"is_superuser": True}, {"password": "!"}]
)
def test_a_user_who_was_changed_by_sql_alone_is_not(key, change):
    User.objects.update(**change)

    assert standing.find(key) is None


def test_a_session_whose_row_must_be_checked_is_not(key):
    redis = get_redis_connection("sessions")
    (name,) = redis.keys("session:*")
    redis.pexpire(name, 1000)

    assert standing.find(key) is None


def test_without_redis_nobody_can_tell(key, settings):
    with without_redis(settings), pytest.raises(StoreUnavailableError):
        standing.find(key)
