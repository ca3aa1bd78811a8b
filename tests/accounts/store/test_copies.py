"""Copy browser sessions out of Redis and back: nobody is signed out, and no ended sign-in comes back."""

import io
import json
import time
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.signins import revocations
from accounts.signins.models import AuthSession
from accounts.store import copies
from tests.kit.clients import is_signed_in, open_browser


def saved():
    return list(copies.save())


def test_everybody_is_signed_in_after_a_wipe(signed_in, redis):
    copy = saved()
    redis.flushdb()
    assert not is_signed_in(signed_in)

    assert all(copies.load(copy))

    assert is_signed_in(signed_in)
    assert len(saved()) == len(copy) == 4


def test_each_key_keeps_its_end(signed_in, redis):
    before = {name: redis.pttl(name) for name in redis.scan_iter("*") if redis.pttl(name) > 0}
    copy = saved()
    redis.flushdb()

    list(copies.load(copy))

    after = {name: redis.pttl(name) for name in before}
    assert {name for name in before if abs(after[name] - before[name]) > 5000} == set()


def test_time_passes_for_a_copy_too(signed_in, redis):
    copy = saved()
    redis.flushdb()
    later = [json.loads(line) for line in copy]
    for row in later[1:-1]:
        row["ends"] -= 3_600_000  # as if it had been made an hour ago
    list(copies.load(map(json.dumps, later)))

    [name] = redis.scan_iter("session:*")
    left = redis.pttl(name)
    assert left < later[1]["ends"] - time.time() * 1000 + 5000


def test_an_expired_session_is_not_loaded(signed_in, redis):
    rows = [json.loads(line) for line in saved()]
    for row in rows[1:-1]:
        row["ends"] = int(time.time() * 1000) - 1
    redis.flushdb()

    assert not any(copies.load(map(json.dumps, rows)))
    assert not is_signed_in(signed_in)


@pytest.mark.parametrize("keeps_the_time_left", [False, True])
def test_a_sign_in_that_ended_since_the_copy_stays_ended(signed_in, redis, keeps_the_time_left):
    """Processes have forgotten its end, so the engine must look at the row.

    With the time left, as Redis' own copy keeps it, the engine would take the row for checked just now.
    """
    rows = [json.loads(line) for line in saved()]  # made three hours ago
    redis.flushdb()
    if not keeps_the_time_left:
        for row in rows[1:-1]:
            row["ends"] -= 3 * 3_600_000
    ended_at = timezone.now() - timedelta(hours=2)
    AuthSession.objects.update(revoked_at=ended_at, revoked_reason="logout")
    revocations.feed.forget()

    list(copies.load(map(json.dumps, rows)))

    assert is_signed_in(signed_in) == keeps_the_time_left


def test_a_newer_session_is_not_overwritten(signed_in, redis):
    copy = saved()
    [name] = redis.scan_iter("session:*")
    redis.set(name, b"newer", keepttl=True)

    list(copies.load(copy))

    assert redis.get(name) == b"newer"


def test_a_copy_holds_no_usable_cookie(signed_in, settings, user):
    text = "\n".join(saved())

    assert signed_in.cookies[settings.SESSION_COOKIE_NAME].value not in text
    assert user.email not in text


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([], "this is no copy"),
        (["garbage"], "isn't JSON"),
        (["[]"], "isn't an object"),
        (['{"munjigi_sessions": 2}'], "another version"),
        (['{"munjigi_sessions": 1}'], "cut off"),
        (['{"munjigi_sessions": 1}', '{"count": 3}'], "has 0 keys, but should have 3"),
        (['{"munjigi_sessions": 1}', '{"key": "session:a"}'], "another form"),
        (
            [
                '{"munjigi_sessions": 1}',
                '{"key": "throttle:a", "ends": 9999999999999, "value": ""}',
            ],
            "none of a session",
        ),
    ],
)
def test_a_text_that_is_no_whole_copy_is_refused(lines, fault):
    with pytest.raises(copies.CopyError, match=fault):
        list(copies.load(lines))


def test_the_command_saves_and_loads(signed_in, redis, monkeypatch):
    out = io.StringIO()
    call_command("sessions", "save", stdout=out, stderr=io.StringIO())
    redis.flushdb()
    monkeypatch.setattr("sys.stdin", io.StringIO(out.getvalue()))
    said = io.StringIO()
    call_command("sessions", "load", stdout=said)

    assert said.getvalue() == "Loaded 2 of 2 keys; the others exist or have expired.\n"
    assert is_signed_in(signed_in)


def test_the_command_refuses_a_copy_that_was_cut_off(signed_in, monkeypatch):
    lines = saved()[:-1]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))

    with pytest.raises(CommandError, match="cut off"):
        call_command("sessions", "load", stdout=io.StringIO())


def test_sessions_of_many_users_come_back(browser, another_browser, user, redis, django_user_model):
    other = django_user_model.objects.create_user("other@example.com", "correct horse battery")
    open_browser(browser, user)
    open_browser(another_browser, other)
    copy = saved()
    redis.flushdb()

    list(copies.load(copy))

    assert is_signed_in(browser)
    assert is_signed_in(another_browser)
