"""Store sessions in Redis under an HMAC, as JSON. Raise an error if Redis doesn't answer."""

import re

import pytest
from cryptography.fernet import Fernet
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.core.cache import caches
from django_redis import get_redis_connection

from accounts.errors import SessionTooLargeError
from accounts.signins.models import AuthSession
from accounts.store import named, outage
from accounts.store.encoding import MAX_BYTES, VERSION
from accounts.store.engine import SessionStore
from tests.kit import stored_sessions
from tests.kit.factories import PASSWORD
from tests.kit.mails import code_in
from tests.kit.stored_sessions import NOBODY, contents, only

COOKIE = "session"
UNKNOWN = "abcd." + "a" * 32


@pytest.fixture
def complaints(caplog):
    caplog.set_level("WARNING", logger="accounts.store.engine")
    return caplog


# At rest


def test_a_sign_in_stores_only_these_keys_in_redis(signed_in, redis):
    session = AuthSession.objects.get()

    found = contents(redis)

    (name,) = [key for key in found if key.startswith("session:")]
    assert re.fullmatch(r"session:\{[0-9a-f]{4}\}:[A-Za-z0-9_-]{43}", name)
    tag, hmac = name[9:13], name[15:]
    assert found == {name: found[name], f"sid:{{{tag}}}:{session.pk}": hmac.encode()}
    assert found[name][:1] == VERSION
    assert str(session.pk).encode() not in found[name]
    assert stored_sessions.opened(redis, name)["d"]["sid"] == str(session.pk)


def test_the_code_of_an_unfinished_sign_up_is_stored_encrypted(browser, db, deliver, redis):
    browser.post("/accounts/signup/", {"email": "a@example.com", "password1": PASSWORD})

    code = code_in(deliver()[0])

    assert code in str(dict(browser.session))
    assert code not in str(contents(redis))
    assert "a@example.com" not in str(contents(redis))


def test_a_session_under_a_lost_key_is_empty(browser, db, settings, complaints):
    browser.post("/accounts/signup/", {"email": "a@example.com", "password1": PASSWORD})
    settings.DATA_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    response = browser.get("/accounts/confirm-email/")

    assert response.status_code == 302
    assert "by an unknown key" in complaints.text


def test_a_session_survives_a_rotation_of_keys(browser, db, settings, deliver):
    browser.post("/accounts/signup/", {"email": "a@example.com", "password1": PASSWORD})
    mail = deliver()[0]
    settings.DATA_ENCRYPTION_KEYS = [
        Fernet.generate_key().decode(),
        *settings.DATA_ENCRYPTION_KEYS,
    ]

    response = browser.post("/accounts/confirm-email/", {"code": code_in(mail)})

    assert response["Location"] == "/accounts/"


def test_every_key_expires(signed_in, redis, settings):
    left = {key.split(b":")[0]: redis.ttl(key) for key in redis.keys("*")}

    idle = settings.SESSION_SHORT_IDLE_SECONDS
    assert idle - 20 < left[b"session"] <= idle
    assert idle - 20 < left[b"sid"] <= idle
    assert len(left) == 2


def test_another_key_finds_no_session(signed_in, settings):
    settings.SESSION_ID_KEY = "another" * 8

    response = signed_in.get("/api/me/")

    assert response.status_code == 401


def test_clearing_the_cache_signs_nobody_out(signed_in):
    caches["default"].clear()

    response = signed_in.get("/api/me/")

    assert response.status_code == 200


# Ids


@pytest.mark.parametrize(
    "key",
    [
        *("a" * 32, "a" * 37, "a" * 5000, "session:x", "\x00" * 37, ""),
        *(f"abcd.{end}" for end in ("a" * 31, "a" * 33, "A" * 32, "é" * 32, "a\n" * 16)),
        *(f"{tag}.{'a' * 32}" for tag in ("", "abc", "abcde", "ABCD", "wxyz", "{ab}")),
    ],
    ids=ascii,
)
def test_a_malformed_id_never_reaches_redis(dead_redis, key):
    store = SessionStore(key)

    assert store.session_key is None
    assert dict(store.items()) == {}
    assert not store.exists(key)


def test_an_invented_id_is_not_used(db):
    store = SessionStore(UNKNOWN)

    loaded = store.load()

    assert loaded == {}
    assert store.session_key is None


def test_two_sessions_never_share_an_id(db):
    store = SessionStore()
    store.create()
    thief = SessionStore(store.session_key)

    with pytest.raises(CreateError):
        thief.save(must_create=True)


@pytest.mark.parametrize("name", ["session:", "session:x", "sid:x"])
def test_a_cookie_cannot_name_a_redis_key(signed_in, client, redis, name):
    client.cookies[COOKIE] = only(redis, "session:*").decode().removeprefix("session:")

    response = client.get("/api/me/")

    assert response.status_code == 401


def test_saving_a_new_id_deletes_the_old_one(member, redis):
    old = member.session_key
    member.cycle_key()
    before = SessionStore(old).load()

    member.save()

    assert before["sid"] == NOBODY
    assert member.session_key != old
    assert SessionStore(old).load() == {}
    assert SessionStore(member.session_key)["sid"] == NOBODY
    assert named.lookup(NOBODY)["sid"] == NOBODY
    assert len(redis.keys("*")) == 2


def test_a_new_id_keeps_the_remaining_lifetime(member, redis):
    redis.expire(only(redis, "session:*"), 100)

    member.cycle_key()
    member.save()

    assert 0 < redis.ttl(only(redis, "session:*")) <= 100


def test_a_new_id_does_not_restore_an_ended_session(member, redis):
    late = SessionStore(member.session_key)
    late.cycle_key()
    member.delete()

    with pytest.raises(UpdateError):
        late.save()

    assert redis.keys("session:*") == []


def test_a_new_id_keeps_its_tag(member):
    before = member.session_key
    member.cycle_key()

    assert before[:5] == member.session_key[:5] == f"{NOBODY[:4]}."


def tags_of(browser, redis):
    """Return the tags of the cookie, of the sign-in and of each key."""
    row = AuthSession.objects.active().get()
    keys = [key.decode().split(":")[1].strip("{}") for key in redis.keys("*")]
    return [browser.cookies[COOKIE].value[:4], str(row.pk)[:4], *keys]


def test_a_visitors_tag_stays_through_the_sign_in(browser, user, redis):
    visitors = SessionStore()
    visitors["note"] = 1
    visitors.create()
    browser.cookies[COOKIE] = visitors.session_key

    browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})

    assert browser.cookies[COOKIE].value != visitors.session_key
    assert tags_of(browser, redis) == [visitors.session_key[:4]] * 4


def test_a_visitor_without_a_session_gets_one_tag_for_all(signed_in, redis):
    assert len(set(tags_of(signed_in, redis))) == 1
    assert len(tags_of(signed_in, redis)) == 4


def test_tags_spread_over_all_slots(db):
    stores = [SessionStore() for _ in range(64)]
    for store in stores:
        store.create()

    assert len({store.session_key[:4] for store in stores}) > 32


def test_an_id_changed_twice_before_it_is_saved_leaves_one_session(member, redis):
    member.cycle_key()
    member.cycle_key()
    member.save()

    assert only(redis, "session:*").decode() == member._name


def test_a_flush_before_the_new_id_is_saved_deletes_the_old_one(member, redis):
    member.cycle_key()

    member.flush()

    assert redis.keys("session:*") == []
    assert member.is_empty()


# Saving


def test_a_late_save_does_not_restore_an_ended_session(db):
    store = SessionStore()
    store["a"] = 1
    store.create()
    late = SessionStore(store.session_key)
    late["a"] = 2
    store.delete()

    with pytest.raises(UpdateError):
        late.save()

    assert not SessionStore().exists(late.session_key)


def test_a_session_that_ended_before_it_was_read_is_not_saved_again(member, redis):
    late = SessionStore(member.session_key)
    late.modified = True
    member.delete()

    with pytest.raises(UpdateError):
        late.save()

    assert redis.keys("session:*") == []


def test_a_session_too_large_is_refused_and_the_former_value_stays(member):
    member["note"] = "x" * MAX_BYTES

    with pytest.raises(SessionTooLargeError, match=r"^16\d\d\d bytes, in entries .*'note'"):
        member.save()

    assert "note" not in SessionStore(member.session_key)


def test_the_largest_session_can_be_read(member):
    member["note"] = ""
    member.save()
    room = MAX_BYTES - len(get_redis_connection("sessions").get(member._name))
    member["note"] = "x" * room

    member.save()

    assert len(SessionStore(member.session_key)["note"]) == room


# An outage


def test_an_error_is_not_an_empty_session(db, dead_redis):
    store = SessionStore(UNKNOWN)

    with pytest.raises(outage.STORE_ERRORS):
        store.load()

    assert store.session_key == UNKNOWN


@pytest.mark.parametrize("verb", ["save", "exists", "delete", "create", "flush"])
def test_no_method_hides_an_error(db, dead_redis, verb):
    store = SessionStore(UNKNOWN)
    store._session_cache = {"a": 1}

    with pytest.raises(outage.STORE_ERRORS):
        getattr(store, verb)(*([UNKNOWN] if verb == "exists" else []))


def test_an_unsaved_session_draws_its_id_at_the_first_save():
    session = SessionStore.unsaved()
    session["a"] = 1
    session.cycle_key()
    assert session.session_key is None

    session.save()

    assert SessionStore(session.session_key).load() == {"a": 1}


def test_an_unsaved_session_is_flushed_without_a_key():
    session = SessionStore.unsaved()
    session["a"] = 1

    session.flush()

    assert session.is_empty()
