"""Values in Redis that are forged, damaged, too large, or of another kind: they sign nobody in."""

import json
import os
import pickle
import time

import pytest
from cryptography.fernet import Fernet

from accounts import encryption
from accounts.signins.models import AuthSession
from accounts.store import encoding, index
from accounts.store.encoding import MAX_BYTES
from tests.kit import stored_sessions
from tests.kit.clients import is_signed_in, sign_in
from tests.kit.factories import UserFactory

PAGE = "/accounts/email/"


@pytest.fixture
def name(signed_in, redis):
    """The key that holds the visitor's session."""
    (only,) = stored_sessions.names(redis)
    return only


@pytest.fixture
def complaints(caplog):
    caplog.set_level("WARNING", logger="accounts.store.engine")
    return caplog


def assert_refused(browser, complaints, *, secret=""):
    """The visitor reads that nobody is signed in, and the log has one line without content."""
    browser.raise_request_exception = False
    cookie = browser.cookies["session"].value

    page, call = browser.get(PAGE), browser.get("/api/me/")

    assert page.status_code == 302
    assert page["Location"].startswith("/accounts/login/")
    assert call.status_code == 401
    lines = [record for record in complaints.records if "can't be read" in record.getMessage()]
    assert len(lines) == 2  # one for each request
    assert cookie not in complaints.text
    assert not secret or secret not in complaints.text


# A writer to Redis


def test_a_value_copied_to_another_name_signs_nobody_in(signed_in, another_browser, redis, name):
    thief = another_browser
    sign_in(thief, UserFactory(email="thief@example.com"))
    (theirs,) = set(stored_sessions.names(redis)) - {name}

    redis.copy(name, theirs, replace=True)

    assert thief.get("/api/me/").status_code == 401
    assert signed_in.get("/api/me/").status_code == 200


def test_a_plain_value_signs_nobody_in(signed_in, redis, name, complaints):
    """The form of the versions before: JSON that anybody could write."""
    stored = stored_sessions.opened(redis, name)
    redis.set(name, json.dumps({"v": 1} | stored), keepttl=True)

    assert_refused(signed_in, complaints, secret=stored["d"]["sid"])


@pytest.mark.parametrize("at", [0, 1, 12, 13, 40, -17, -1])
def test_a_changed_byte_signs_nobody_in(signed_in, redis, name, at, complaints):
    value = bytearray(redis.get(name))
    value[at] ^= 1

    redis.set(name, bytes(value), keepttl=True)

    assert_refused(signed_in, complaints)


@pytest.mark.parametrize("length", [0, 1, 12, 28, 29, 100, -1])
def test_a_truncated_value_signs_nobody_in(signed_in, redis, name, length, complaints):
    redis.set(name, redis.get(name)[:length], keepttl=True)

    assert_refused(signed_in, complaints)


def test_an_unknown_key_signs_nobody_in_and_keeps_the_cookie(
    signed_in, settings, redis, name, complaints
):
    known, value = settings.DATA_ENCRYPTION_KEYS, redis.get(name)
    settings.DATA_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert_refused(signed_in, complaints)
    settings.DATA_ENCRYPTION_KEYS = known

    assert redis.get(name) == value
    assert is_signed_in(signed_in)  # on a server that has the key


def test_a_session_outlives_a_change_of_keys(signed_in, settings, redis, name):
    old, new = settings.DATA_ENCRYPTION_KEYS, Fernet.generate_key().decode()
    settings.DATA_ENCRYPTION_KEYS = [new, *old]
    assert is_signed_in(signed_in)
    saved = signed_in.session
    saved["note"] = 1
    saved.save()

    settings.DATA_ENCRYPTION_KEYS = [new]

    assert is_signed_in(signed_in)


@pytest.fixture
def one_tag(monkeypatch):
    """Put everybody into one slot."""
    monkeypatch.setattr(index, "new_tag", lambda: "abcd")


def test_the_index_leads_no_app_to_the_session_of_another(
    one_tag, user, pair, signed_in, redis, name, app
):
    """An index entry isn't sealed. The session that it leads to says whose it is."""
    mine = AuthSession.objects.get(user=user, kind="token")
    redis.set(index.name_of_sid(mine.pk), name[-index.HMAC_CHARACTERS :], ex=1000)

    answer = app("GET", "auth/session", authorization=f"Bearer {pair['access']}")

    assert answer.status_code == 200
    assert redis.get(index.name_of_sid(mine.pk)).decode() != name[-index.HMAC_CHARACTERS :]
    assert len(stored_sessions.names(redis)) == 2


@pytest.mark.parametrize("entry", [b"\xff" * 43, b"x", b"x" * 5000, b"*", "list"])
def test_a_damaged_index_is_no_error(user, pair, redis, app, entry):
    mine = AuthSession.objects.get()
    if entry == "list":
        redis.lpush(index.name_of_sid(mine.pk), "x")
    else:
        redis.set(index.name_of_sid(mine.pk), entry)

    answer = app("GET", "auth/session", authorization=f"Bearer {pair['access']}")

    assert answer.status_code == 200


# Damage


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"null",
        b"[1]",
        b"1",
        b'"x"',
        b"\x80\x04K\x01.",
        b"\xff",
        b"[" * 10_000,
        b"9" * 10_000,
        b'{"c":1}',
        b'{"c":1,"d":[]}',
        b'{"c":1,"d":null}',
        b'{"c":1,"d":"x"}',
        b'{"c":1,"d":5}',
        b'{"c":"1","d":{}}',
        b'{"c":-1,"d":{}}',
        b'{"c":99999999999999999999,"d":{}}',
        b'{"c":true,"d":{}}',
        b'{"c":NOW,"d":{"_auth_user_id":"x"}}',
        b'{"c":NOW,"d":{"_auth_user_id":[]}}',
        b'{"c":NOW,"d":{"_auth_user_id":1}}',
    ],
    ids=lambda value: value[:60].decode("latin-1"),
)
@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_damaged_session_is_signed_out(signed_in, redis, name, value, is_sealed, complaints):
    text = value.replace(b"NOW", str(int(time.time())).encode())

    redis.set(name, stored_sessions.sealed(text, name) if is_sealed else text, keepttl=True)

    assert_refused(signed_in, complaints)


@pytest.mark.parametrize("version", [b"\x00", b"\x01", b"\x03", b"{"])
def test_a_session_of_another_version_is_signed_out(signed_in, redis, name, version, complaints):
    redis.set(name, version + redis.get(name)[1:], keepttl=True)

    assert_refused(signed_in, complaints)


def test_an_oversized_session_is_not_even_fetched(signed_in, redis, name, complaints):
    stored = stored_sessions.opened(redis, name)
    stored["d"]["x"] = "x" * 5_000_000
    redis.set(name, stored_sessions.sealed(stored, name), keepttl=True)
    before = redis.info("stats")["total_net_output_bytes"]

    assert_refused(signed_in, complaints)

    assert redis.info("stats")["total_net_output_bytes"] - before < 1_000_000


def test_a_value_of_another_kind_is_signed_out(signed_in, redis, name, complaints):
    redis.delete(name)
    redis.lpush(name, "x")

    assert_refused(signed_in, complaints)


@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_pickle_is_never_loaded(signed_in, redis, name, is_sealed, complaints):
    class Bomb:
        def __reduce__(self):
            return os._exit, (1,)

    value = pickle.dumps(Bomb())

    redis.set(name, stored_sessions.sealed(value, name) if is_sealed else value, keepttl=True)

    assert_refused(signed_in, complaints)


def test_sealing_leaves_room_for_the_entries():
    text = json.dumps({"c": 1, "d": {"a": ""}}, separators=(",", ":"))
    room = MAX_BYTES - len(encoding.VERSION) - encryption.SEAL_BYTES - len(text)

    value = encoding.pack({"a": "x" * room}, name="session:a", began=1)

    assert len(value) == MAX_BYTES
