"""The retry key, the bounded repeats, and which of two parties with one token gets what."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core import serializers
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.outbox.models import Job
from accounts.signins import refresh, rotation
from accounts.signins.models import AuthSession
from tests.kit.racing import at_once
from tests.kit.refreshes import NOW, opened, presented, rotate, state

KEY = "owner-key_0123456789"
OTHER = "thief-key_0123456789"


def alarms():
    """What an alarm consists of: the event, and the mail to the owner."""
    return (
        AuditEvent.objects.filter(type="refresh_token.reused").count(),
        Job.objects.filter(kind="mail").count(),
    )


def outcomes_of(results):
    return sorted(type(result).__name__ for result in results)


# With a key


@pytest.mark.parametrize("seconds", [1, 59, 60, 3600, 13 * 86400])
def test_the_parent_with_its_key_gets_the_same_successor(clock, db, seconds):
    first = presented(opened())
    current = rotate(first, KEY).session
    clock.shift(seconds)

    again = [rotate(first, KEY) for _ in range(3)]

    assert outcomes_of(again) == ["Repeated"] * 3
    assert {state(outcome.session) for outcome in again} == {state(current)}
    assert AuthSession.objects.get().last_seen_at == NOW + timedelta(seconds=seconds)


def test_a_late_successor_goes_on_as_ever(clock, db):
    first = presented(opened())
    rotate(first, KEY)
    clock.shift(86400)
    current = presented(rotate(first, KEY).session)

    outcome = rotate(current, "the-next-key_1234567")

    assert isinstance(outcome, refresh.Rotated)
    assert outcome.session.previous_refresh_jti == current.jti


def test_a_key_works_for_the_first_and_for_any_later_token(clock, db):
    token = presented(opened())
    for number in range(3):
        key = f"key-{number:016}"
        rotate(token, key)
        clock.shift(3600)
        outcome = rotate(token, key)
        assert isinstance(outcome, refresh.Repeated)
        token = presented(outcome.session)


def test_a_key_that_is_left_over_from_the_last_refresh_does_no_harm(clock, db):
    """A client that stored the answer but stopped before it discarded the key."""
    current = presented(rotate(presented(opened()), KEY).session)

    young = rotate(current, KEY)
    clock.shift(60)
    due = rotate(current, KEY)
    clock.shift(3600)
    late = rotate(current, KEY)

    assert outcomes_of([young, due, late]) == ["Repeated", "Repeated", "Rotated"]
    assert state(late.session) == state(due.session)


@pytest.mark.parametrize("seconds", [0, 59, 60, 86400])
@pytest.mark.parametrize("key", ["", OTHER], ids=["none", "another"])
def test_a_rotation_with_a_key_repeats_for_no_other(clock, db, key, seconds):
    first = presented(opened())
    rotate(first, KEY)
    clock.shift(seconds)

    outcome = rotate(first, key)

    assert outcome == refresh.Lost()
    assert AuthSession.objects.get().revoked_reason == "refresh_lost"
    assert rotate(first, KEY) == refresh.Ended()


@pytest.mark.parametrize("seconds", [0, 60])
def test_a_rotation_without_a_key_repeats_for_no_key(clock, db, seconds):
    """A client with a key never refreshes without it: somebody else did."""
    first = presented(opened())
    rotate(first)
    clock.shift(seconds)

    assert rotate(first, KEY) == refresh.Lost()


def test_a_key_counts_beside_its_own_token_only(clock, db):
    first = presented(opened())
    second = presented(rotate(first, KEY).session)
    clock.shift(60)
    rotate(second, OTHER)

    assert rotate(second, KEY) == refresh.Lost()


@pytest.mark.parametrize("use", ["rotated", "repeated"])
def test_a_used_successor_ends_the_keys_worth(clock, db, use):
    first = presented(opened())
    current = presented(rotate(first, KEY).session)
    clock.shift(60 if use == "rotated" else 30)
    rotate(current, OTHER)
    clock.shift(60)

    outcome = rotate(first, KEY)

    assert outcome == refresh.Reused()
    assert alarms() == (1, 1)


def test_a_key_repeats_in_the_window_though_the_successor_was_used(clock, db):
    """Two tabs with one stored key: the slower one still gets the answer of both."""
    first = presented(opened())
    current = rotate(first, KEY).session
    rotate(presented(current), OTHER)
    clock.shift(59)

    outcome = rotate(first, KEY)

    assert isinstance(outcome, refresh.Repeated)
    assert state(outcome.session) == state(current)


def test_a_key_does_not_outlive_the_idle_time(clock, db, settings):
    first = presented(opened())
    rotate(first, KEY)
    clock.shift(settings.REFRESH_TOKEN_LIFETIME)

    assert rotate(first, KEY) == refresh.Expired()
    assert AuthSession.objects.get().revoked_at is None


def test_a_key_does_not_outlive_the_sign_in(clock, db):
    session = opened()
    AuthSession.objects.update(expires_at=NOW + timedelta(hours=1))
    first = presented(session)
    rotate(first, KEY)
    clock.shift(3600)

    assert rotate(first, KEY) == refresh.Expired()


def test_no_successor_is_given_that_has_expired_itself(clock, db, settings):
    """An idle time that was shortened: the parent lives longer than its successor."""
    first = presented(opened())
    settings.REFRESH_TOKEN_LIFETIME = timedelta(hours=1)
    rotate(first, KEY)
    clock.shift(3600)

    assert rotate(first, KEY) == refresh.Expired()


def test_a_key_opens_no_ended_sign_in(clock, db):
    session = opened()
    first = presented(session)
    rotate(first, KEY)
    type(session.user).objects.update(is_active=False)

    assert rotate(first, KEY) == refresh.Ended()


@pytest.mark.parametrize("change", ["client_id", "user_id", "sid"])
def test_a_key_of_another_sign_in_or_client_is_unknown(clock, db, change):
    other = opened()
    first = presented(opened())
    rotate(first, KEY)
    value = {"client_id": "another", "user_id": other.user_id, "sid": other.pk}[change]

    assert rotate(replace(first, **{change: value}), KEY) == refresh.Unknown()
    assert AuthSession.objects.get(pk=first.sid).revoked_at is None


def test_no_grace_and_a_key_still_repeat(clock, db, settings):
    settings.REFRESH_GRACE = timedelta(0)
    first = presented(opened())
    current = rotate(first, KEY).session

    assert state(rotate(first, KEY).session) == state(current)


# What is stored


def test_the_row_holds_an_hmac_and_never_the_key(clock, db):
    first = presented(opened())
    row = rotate(first, KEY).session

    assert len(row.retry_key_hmac) == 64
    assert KEY not in json.dumps(serializers.serialize("json", AuthSession.objects.all()))
    assert row.retry_key_hmac == rotation.hmacs_of(first, KEY)[0]


def test_one_key_has_another_hmac_beside_each_token(clock, db):
    first = presented(opened())
    second = presented(rotate(first, KEY).session)

    assert rotation.hmacs_of(first, KEY) != rotation.hmacs_of(second, KEY)


def test_a_rotation_without_a_key_forgets_the_last_key(clock, db):
    current = presented(rotate(presented(opened()), KEY).session)
    clock.shift(60)

    assert rotate(current).session.retry_key_hmac == ""


def test_a_changed_secret_key_keeps_the_keys_while_the_old_one_is_listed(clock, db, settings):
    first = presented(opened())
    rotate(first, KEY)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-key-of-fifty-characters-0123456789"
    clock.shift(3600)

    assert isinstance(rotate(first, KEY), refresh.Repeated)


# Without a key


def test_a_rotation_without_a_key_repeats_a_bounded_number_of_times(clock, db):
    first = presented(opened())
    rotate(first)

    repeats = [rotate(first) for _ in range(rotation.MOST_REPEATS)]
    one_too_many = rotate(first)

    assert outcomes_of(repeats) == ["Repeated"] * rotation.MOST_REPEATS
    assert one_too_many == refresh.Lost()


def test_each_rotation_counts_its_repeats_from_zero(clock, db):
    token = presented(opened())
    for _ in range(2):
        successor = presented(rotate(token).session)
        assert outcomes_of(rotate(token) for _ in range(20)) == ["Repeated"] * 20
        clock.shift(60)
        token = successor


def test_the_current_token_is_answered_with_itself_without_a_bound(clock, db):
    current = presented(rotate(presented(opened())).session)

    again = [rotate(current) for _ in range(rotation.MOST_REPEATS + 5)]

    assert {type(outcome) for outcome in again} == {refresh.Repeated}


def test_a_lost_answer_ends_the_sign_in_late_and_without_an_alarm(clock, db):
    session = opened()
    first = presented(session)
    rotate(first)
    clock.shift(60)
    AuditEvent.objects.all().delete()

    outcome = rotate(first)

    assert outcome == refresh.Lost()
    assert list(AuditEvent.objects.values_list("type", "sid", "reason")) == [
        ("session.revoked", session.pk, "refresh_lost")
    ]
    assert alarms() == (0, 0)


@pytest.mark.parametrize("seconds", [30, 60], ids=["repeated", "rotated"])
def test_a_parent_whose_successor_was_used_is_an_alarm(clock, db, seconds):
    first = presented(opened())
    current = presented(rotate(first).session)
    clock.shift(seconds)
    rotate(current)
    clock.shift(60)

    outcome = rotate(first)

    assert outcome == refresh.Reused()
    assert AuthSession.objects.get().revoked_reason == "reused"
    assert alarms() == (1, 1)


# Statements


@pytest.mark.django_db
def test_a_key_costs_no_further_statement(clock, django_assert_num_queries):
    first = presented(opened())

    with django_assert_num_queries(1):
        rotate(first, KEY)
    with django_assert_num_queries(2):
        rotate(first, KEY)


@pytest.mark.django_db
def test_a_repeat_knows_of_the_user_what_minting_asks(clock, django_assert_num_queries):
    first = presented(opened())
    rotate(first, KEY)
    repeated = rotate(first, KEY).session

    with django_assert_num_queries(0):
        assert repeated.user.is_staff is False


# Thief and owner


def test_a_thief_with_the_token_alone_gets_nothing_after_the_owner(clock, db):
    token = presented(opened())
    rotate(token, KEY)

    thief = rotate(token)

    assert thief == refresh.Lost()


def test_a_thief_with_the_token_alone_is_found_out_by_the_owners_key(clock, db):
    token = presented(opened())
    stolen = presented(rotate(token).session)

    owner = rotate(token, KEY)

    assert owner == refresh.Lost()
    assert rotate(stolen) == refresh.Ended()


def test_a_thief_who_uses_what_he_got_raises_the_alarm(clock, db):
    token = presented(opened())
    stolen = presented(rotate(token).session)
    clock.shift(60)
    rotate(stolen)

    owner = rotate(token, KEY)

    assert owner == refresh.Reused()
    assert alarms() == (1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_a_thief_with_the_token_races_and_only_one_gets_a_successor(round_):
    token = presented(opened())

    results = at_once(8, lambda number: rotate(token, KEY if number % 2 else ""))

    assert not [result for result in results if isinstance(result, Exception)]
    given = [result for result in results if hasattr(result, "session")]
    assert outcomes_of(given).count("Rotated") == 1
    assert {number % 2 for number, result in enumerate(results) if result in given} in ({0}, {1})
    stored = AuthSession.objects.get()
    assert {state(result.session) for result in given} == {state(stored)}
    assert stored.revoked_reason == "refresh_lost"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_a_thief_with_token_and_key_is_told_apart_at_the_next_rotation(round_):
    token = presented(opened())

    first = at_once(2, lambda _: rotate(token, KEY))

    assert outcomes_of(first) == ["Repeated", "Rotated"]
    assert len({state(result.session) for result in first}) == 1
    shared = presented(first[0].session)
    AuthSession.objects.update(refreshed_at=timezone.now() - timedelta(minutes=2))
    second = at_once(2, lambda number: rotate(shared, [KEY, OTHER][number]))
    assert outcomes_of(second) == ["Lost", "Rotated"]
    assert AuthSession.objects.get().revoked_reason == "refresh_lost"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", ["", KEY], ids=["without", "with"])
def test_twelve_at_once_get_one_successor(key):
    token = presented(opened())

    results = at_once(12, lambda _: rotate(token, key))

    assert outcomes_of(results) == ["Repeated"] * 11 + ["Rotated"]
    assert {state(result.session) for result in results} == {state(AuthSession.objects.get())}


@pytest.mark.django_db(transaction=True)
def test_twelve_late_at_once_with_the_key_get_one_successor():
    token = presented(opened())
    rotate(token, KEY)
    AuthSession.objects.update(refreshed_at=timezone.now() - timedelta(hours=1))

    results = at_once(12, lambda _: rotate(token, KEY))

    assert outcomes_of(results) == ["Repeated"] * 12
    assert {state(result.session) for result in results} == {state(AuthSession.objects.get())}


@pytest.mark.django_db(transaction=True)
def test_repeats_at_once_never_exceed_the_bound():
    token = presented(opened())
    rotate(token)
    AuthSession.objects.update(refresh_repeats=rotation.MOST_REPEATS - 5)

    results = at_once(20, lambda _: rotate(token))

    kinds = outcomes_of(results)
    assert kinds.count("Repeated") <= 5
    assert set(kinds) <= {"Repeated", "Lost", "Ended"}
    assert kinds.count("Lost") >= 1
    assert AuthSession.objects.get().revoked_reason == "refresh_lost"
