"""Tell every process which sign-ins have ended. A process that can't know refuses all of them."""

import contextlib
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts import bell as bells
from accounts.bell import Bell, Topic
from accounts.errors import RevocationsStaleError
from accounts.signins import revocations, sessions
from accounts.signins.models import AuthSession
from accounts.signins.revocations import LOOK_BACK, Feed
from tests.kit.bell import Pubsub, StoppableBell, message, payload, published
from tests.kit.factories import AuthSessionFactory, UserFactory
from tests.kit.waiting import wait_until

SQLITES_MARGIN = timedelta(minutes=11)  # there the horizon is always ten minutes back
KEEP = timedelta(seconds=3600 + revocations.SLACK_SECONDS)


@pytest.fixture
def quiet():
    """Return a new feed without a thread, which polls only when the test says so."""
    return Feed(Bell(), background=False)


@pytest.fixture
def known(db):
    """Return a feed that has polled and won't poll again by itself."""
    feed = without_thread()
    feed.poll()
    return feed


def without_thread():
    """Return a feed that counts its first poll as done, with a bell that starts no thread."""
    feed = Feed(Bell())
    feed._first_poll.set()
    feed._bell._thread = threading.current_thread()
    return feed


def ended(**fields):
    return AuthSessionFactory(**{"revoked": True, **fields})


# Polling the database


@pytest.mark.django_db
@pytest.mark.parametrize("reason", sessions.Reason)
def test_a_poll_finds_sign_ins_ended_for_every_reason(quiet, reason):
    out, still_in = AuthSessionFactory(token=True), AuthSessionFactory(token=True)

    sessions.revoke(out, reason=reason)

    assert quiet.is_revoked(out.pk)
    assert not quiet.is_revoked(still_in.pk)
    assert not quiet.is_revoked(uuid4())


@pytest.mark.parametrize("kind", ["browser", "token"])
def test_an_end_of_either_kind_of_sign_in_is_published(db, quiet, kind):
    session = AuthSessionFactory(token=True) if kind == "token" else AuthSessionFactory()

    sessions.revoke(session, reason=sessions.Reason.ADMIN)

    assert quiet.is_revoked(session.pk)


def test_a_poll_finds_the_sign_ins_of_a_deleted_user(db, quiet):
    session = AuthSessionFactory(token=True)

    session.user.delete()

    assert quiet.is_revoked(session.pk)


def test_a_poll_finds_the_sign_ins_of_a_disabled_user(db, quiet):
    session = AuthSessionFactory(token=True)
    session.user.is_active = False

    session.user.save()

    assert quiet.is_revoked(session.pk)


def test_a_later_poll_finds_later_ends(db, quiet):
    session = AuthSessionFactory(token=True)
    assert not quiet.is_revoked(session.pk)
    AuthSession.objects.update(revoked_at=Now(), revoked_reason="logout")

    quiet.poll()

    assert quiet.is_revoked(session.pk)


def test_the_first_poll_reads_back_longer_than_a_token_lives(db, quiet):
    now = timezone.now()
    within = ended(revoked_at=now - KEEP + timedelta(seconds=5))
    beyond = ended(revoked_at=now - KEEP - LOOK_BACK - SQLITES_MARGIN)

    quiet.poll()

    assert quiet.is_revoked(within.pk)
    assert not quiet.is_revoked(beyond.pk)


def test_a_commit_that_comes_late_is_found(db, quiet):
    quiet.poll()
    late = ended(revoked_at=timezone.now() - LOOK_BACK + timedelta(seconds=5))

    quiet.poll()

    assert quiet.is_revoked(late.pk)


def test_later_polls_do_not_read_everything_again(db, quiet):
    quiet.poll()
    ancient = ended(revoked_at=timezone.now() - LOOK_BACK - SQLITES_MARGIN)

    quiet.poll()

    assert not quiet.is_revoked(ancient.pk)


def test_polls_use_the_clock_of_the_database(db, quiet, monkeypatch):
    """Otherwise a server whose clock is a day ahead would miss today's ends."""
    wrong = timezone.now() + timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: wrong)
    session = AuthSessionFactory(token=True, expires_at=wrong + timedelta(days=1))
    quiet.poll()

    sessions.revoke(session, reason=sessions.Reason.LOGOUT)
    quiet.poll()

    assert quiet.is_revoked(session.pk)
    assert AuthSession.objects.get().revoked_at < wrong - timedelta(hours=23)


@pytest.mark.django_db
def test_a_poll_is_two_statements(quiet, django_assert_num_queries):
    AuthSessionFactory.create_batch(20, revoked=True)

    with django_assert_num_queries(2):
        quiet.poll()

    assert quiet.size() == 20


@pytest.mark.django_db
def test_is_revoked_runs_no_statement(known, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert not known.is_revoked(uuid4())


# Expiry of entries


def test_an_entry_is_dropped_after_its_last_access_token_expired(db, quiet, settings):
    settings.ACCESS_TOKEN_LIFETIME = timedelta(seconds=-revocations.SLACK_SECONDS)
    session = ended(revoked_at=timezone.now())
    quiet.poll()
    assert session.pk.int in quiet._revoked or quiet.size() == 0
    AuthSession.objects.update(revoked_at=timezone.now() - timedelta(hours=1))
    time.sleep(0.01)

    quiet.poll()

    assert quiet.size() == 0


def test_an_entry_is_kept_until_its_last_access_token_expires(db, quiet, monkeypatch):
    session = ended()
    quiet.poll()
    AuthSession.objects.all().delete()
    later = time.monotonic() + 3600
    monkeypatch.setattr(revocations.time, "monotonic", lambda: later)

    quiet.poll()

    assert quiet.is_revoked(session.pk)
    much_later = later + 3600
    monkeypatch.setattr(revocations.time, "monotonic", lambda: much_later)
    assert not quiet.is_revoked(session.pk)


def test_seeing_an_entry_again_does_not_prolong_it(db, quiet):
    session = ended()
    quiet.poll()
    before = quiet._revoked[session.pk.int]

    quiet.poll()

    assert quiet._revoked[session.pk.int] == before


@pytest.mark.slow
def test_a_hundred_thousand_are_small(db, quiet):
    names = [uuid4() for _ in range(100_000)]
    tracemalloc.start()
    try:
        for name in names:
            quiet.add(name)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert quiet.size() == 100_000
    assert size < 25 * 1024 * 1024


# Unknown revocations


def test_before_the_first_poll_every_question_raises():
    feed = without_thread()

    with pytest.raises(RevocationsStaleError):
        feed.is_revoked(uuid4())


def test_a_known_revocation_counts_even_in_a_stale_feed(known, db, settings):
    """True and an error both refuse the sign-in. Only False would let it pass."""
    session = uuid4()
    known.add(session)
    settings.REVOCATION_MAX_STALE = -1

    with contextlib.suppress(RevocationsStaleError):
        assert known.is_revoked(session)


@pytest.mark.parametrize(("passed", "is_stale"), [(59, False), (61, True)])
def test_a_poll_is_valid_for_a_minute(db, known, monkeypatch, passed, is_stale):
    later = known._heard_at + passed
    monkeypatch.setattr(revocations.time, "monotonic", lambda: later)

    with pytest.raises(RevocationsStaleError) if is_stale else contextlib.nullcontext():
        assert not known.is_revoked(uuid4())


def test_a_failed_poll_does_not_prolong_the_validity(db, known, monkeypatch):
    before = known._heard_at

    def broken():
        raise DatabaseError

    monkeypatch.setattr(revocations, "committed_until", broken)
    with pytest.raises(DatabaseError):
        known.poll()

    assert known._heard_at == before


@pytest.fixture
def short_rounds(monkeypatch):
    monkeypatch.setattr(bells, "PING_SECONDS", 0.05)


def test_a_working_bell_does_not_replace_the_first_poll(short_rounds):
    """A process that starts while the database is down missed all earlier messages."""
    feed = without_thread()

    feed._bell._hear(Pubsub())

    with pytest.raises(RevocationsStaleError):
        feed.is_revoked(uuid4())


# The bell


@pytest.mark.django_db
def test_a_message_of_the_bell_needs_no_database(known, short_rounds, django_assert_num_queries):
    sid = uuid4()

    with django_assert_num_queries(0):
        known._bell._hear(Pubsub(message(Topic.SESSIONS, sid)))

        assert known.is_revoked(sid)


GARBAGE = ["", "x", "5", "00000000", "00000000-0000-4000-8000-00000000000g", "x" * 10_000]
"""Strings that are no UUID. `test_bell.py` has messages that are no message."""


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda data: repr(data[:38]))
def test_garbage_on_the_channel_is_survived(db, known, short_rounds, garbage):
    sid = uuid4()
    pubsub = Pubsub(message(Topic.SESSIONS, garbage), message(Topic.SESSIONS, sid))

    for _ in range(3):
        assert known._bell._hear(pubsub) is pubsub

    assert known.is_revoked(sid)
    assert known.size() == 1


@pytest.mark.parametrize("topic", [Topic.USERS, Topic.KEYS])
def test_another_topic_revokes_nothing(db, known, short_rounds, topic):
    known._bell._hear(Pubsub(message(topic, uuid4())))

    assert known.size() == 0


def test_after_a_reconnect_the_bell_counts_only_after_a_poll(db, known, short_rounds):
    """Messages of the gap are lost."""
    known._tick()
    known._bell._hear(Pubsub())
    before = known._heard_at

    bells._call_each(known._bell._on_connect)
    known._bell._hear(Pubsub())

    assert known._heard_at == before
    known._tick()
    polled = known._heard_at
    known._bell._hear(Pubsub())
    assert known._heard_at > polled > before


def test_ending_a_sign_in_publishes_after_the_commit(transactional_db, listener):
    session = AuthSessionFactory(token=True)

    with transaction.atomic():
        sessions.revoke(session, reason=sessions.Reason.LOGOUT)
        assert published(listener) == []
        assert session.pk.int not in revocations.feed._revoked

    assert published(listener) == [{"topic": "sessions", "ids": [str(session.pk)]}]
    assert session.pk.int in revocations.feed._revoked


def test_an_end_that_is_rolled_back_is_not_published(transactional_db, listener):
    session = AuthSessionFactory(token=True)

    with contextlib.suppress(ValueError), transaction.atomic():
        sessions.revoke(session, reason=sessions.Reason.LOGOUT)
        raise ValueError

    assert published(listener) == []
    assert not revocations.is_revoked(session.pk)


def test_without_redis_this_process_knows_at_once(transactional_db, dead_redis):
    session = AuthSessionFactory(token=True)

    assert sessions.revoke(session, reason=sessions.Reason.LOGOUT)

    assert session.pk.int in revocations.feed._revoked


def test_nothing_personal_is_on_the_channel(transactional_db, listener):
    session = AuthSessionFactory(token=True, ip="192.0.2.1", user=UserFactory(email="a@b.example"))

    sessions.revoke(session, reason=sessions.Reason.LOGOUT)

    assert published(listener) == [{"topic": "sessions", "ids": [str(session.pk)]}]


# The thread


@pytest.fixture
def living(transactional_db, monkeypatch):
    """Run a feed with its thread, which polls once. The database is a file, so the thread can read it."""
    monkeypatch.setattr(bells, "PING_SECONDS", 0.2)
    monkeypatch.setattr(bells, "POLL_SECONDS", 3600)
    monkeypatch.setattr(revocations, "FIRST_POLL_SECONDS", 3600)
    bell = StoppableBell()
    yield Feed(bell)
    bell.stop()


def ask(feed, sid):
    """Ask as a request does, but give the first poll up to 20 seconds."""
    feed._bell.start()
    assert feed._first_poll.wait(20)
    return feed.is_revoked(sid)


def test_no_thread_runs_before_the_first_question():
    assert Feed(Bell())._bell._thread is None


def test_the_first_question_is_answered_from_the_database(living):
    session = ended()

    assert living.is_revoked(session.pk)
    assert not living.is_revoked(uuid4())
    assert living._bell._thread.daemon


def test_a_message_of_another_process_is_received(living, another_client):
    sid = uuid4()
    assert not living.is_revoked(sid)
    wait_until(lambda: another_client.pubsub_numsub(bells.CHANNEL)[0][1] >= 1)

    another_client.publish(bells.CHANNEL, payload(Topic.SESSIONS, sid))

    wait_until(lambda: living.is_revoked(sid))


def test_garbage_from_another_process_does_not_end_the_listening(living, another_client):
    sid = uuid4()
    living.is_revoked(sid)
    wait_until(lambda: another_client.pubsub_numsub(bells.CHANNEL)[0][1] >= 1)
    for garbage in GARBAGE:
        another_client.publish(bells.CHANNEL, payload(Topic.SESSIONS, garbage))

    another_client.publish(bells.CHANNEL, payload(Topic.SESSIONS, sid))

    wait_until(lambda: living.is_revoked(sid))
    assert living._bell._thread.is_alive()


def test_an_end_without_a_bell_is_found_by_polling(living, monkeypatch):
    monkeypatch.setattr(bells, "POLL_SECONDS", 0.3)
    session = AuthSessionFactory(token=True)
    assert not ask(living, session.pk)

    AuthSession.objects.update(revoked_at=Now(), revoked_reason="logout")

    wait_until(lambda: living.is_revoked(session.pk))


def test_without_redis_polling_goes_on(living, monkeypatch, dead_redis):
    monkeypatch.setattr(bells, "POLL_SECONDS", 0.3)
    session = AuthSessionFactory(token=True)
    assert not ask(living, session.pk)

    AuthSession.objects.update(revoked_at=Now(), revoked_reason="logout")

    wait_until(lambda: living.is_revoked(session.pk))


@pytest.mark.slow
@pytest.mark.parametrize("error", [DatabaseError, InterfaceError, RuntimeError])
def test_a_database_that_fails_for_a_while_ends_no_thread(living, monkeypatch, error):
    monkeypatch.setattr(bells, "POLL_SECONDS", 0.1)
    ask(living, uuid4())
    real, failures = living.poll, []

    def poll():
        if len(failures) < 3:
            failures.append(1)
            raise error
        real()

    monkeypatch.setattr(living, "poll", poll)
    wait_until(lambda: len(failures) == 3)
    session = ended()

    wait_until(lambda: living.is_revoked(session.pk))


def test_a_callback_that_fails_ends_no_thread(living, monkeypatch):
    monkeypatch.setattr(bells, "POLL_SECONDS", 0.1)
    calls = []

    def broken():
        calls.append(1)
        raise RuntimeError

    living._bell.on_tick(broken)
    ask(living, uuid4())
    wait_until(lambda: len(calls) >= 2)
    session = ended()

    wait_until(lambda: living.is_revoked(session.pk))


def test_callers_before_the_first_poll_wait_for_it(living, monkeypatch):
    real, answers = living.poll, []

    def slow():
        time.sleep(0.5)
        real()

    monkeypatch.setattr(living, "poll", slow)

    def ask():
        try:
            answers.append(living.is_revoked(uuid4()))
        except RevocationsStaleError:
            answers.append("stale")

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert answers == [False] * 5


def test_forget_empties_the_feed_after_a_fork(db, known):
    known.add(uuid4())

    known.forget()
    known._bell.forget()

    assert known._bell._thread is None
    assert (known.size(), known._heard_at, known._polled_to) == (0, None, None)
    assert not known._first_poll.is_set()


@pytest.mark.servers
def test_a_forked_process_forgets_this_ones_feed():
    """Runs in a new interpreter, because pytest must not fork while threads run."""
    code = (
        "import django, os, threading, uuid; django.setup()\n"
        "from accounts.bell import bell\n"
        "from accounts.signins.revocations import feed\n"
        "feed.add(uuid.uuid4()); feed._heard_at = 1.0; bell._thread = threading.current_thread()\n"
        "pid = os.fork()\n"
        "if pid == 0: os._exit(0 if (feed.size(), bell._thread, feed._heard_at) == (0, None, None) else 1)\n"
        "assert feed.size() == 1\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        check=False,
    )

    assert done.returncode == 0


# Answers of the API


def test_the_api_says_503_while_revocations_are_unknown(client, obtain, user, settings):
    access = obtain(user)["access"]
    settings.REVOCATION_MAX_STALE = -1.0

    response = client.get("/api/me/", headers={"authorization": f"Bearer {access}"})

    assert response.status_code == 503
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "store_unavailable"
    assert response["Retry-After"] == "3"
    assert response["Cache-Control"] == "no-store"


def test_the_headless_api_says_503_while_revocations_are_unknown(client, obtain, user, settings):
    access = obtain(user)["access"]
    settings.REVOCATION_MAX_STALE = -1.0
    client.raise_request_exception = False

    response = client.get(
        "/_allauth/app/v1/auth/session", headers={"authorization": f"Bearer {access}"}
    )

    assert response.status_code == 503
    assert response.json()["code"] == "store_unavailable"
    assert response["Retry-After"] == "3"


def test_a_bad_token_is_401_even_while_revocations_are_unknown(client, db, settings):
    settings.REVOCATION_MAX_STALE = -1.0

    response = client.get("/api/me/", headers={"authorization": "Bearer x"})

    assert response.status_code == 401
