import pytest
from django_redis import get_redis_connection

from accounts.store.engine import SessionStore
from tests.kit.stored_sessions import NOBODY


@pytest.fixture
def redis():
    return get_redis_connection("sessions")


@pytest.fixture
def member():
    """Return a signed-in user's session, filled as a view would."""
    store = SessionStore()
    store.update({"_auth_user_id": NOBODY, "sid": NOBODY})
    store.create()
    return store
