"""Rotate refresh tokens: every outcome of `refresh.rotate()`, and one winner among many callers."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.outbox.models import Job
from accounts.people.models import User
from accounts.signins import refresh, sessions
from accounts.signins.models import AuthSession
from tests.kit.factories import AuthSessionFactory, UserFactory
from tests.kit.racing import at_once
from tests.kit.refreshes import CLIENT, NOW, opened, presented, rotate, state


def test_the_first_refresh_rotates_however_young_the_token(clock, db):
    session = opened()

    outcome = rotate(presented(session))

    assert isinstance(outcome, refresh.Rotated)
    assert outcome.session.refresh_jti != session.refresh_jti
    assert outcome.session.previous_refresh_jti == session.refresh_jti
    stored = AuthSession.objects.get()
    assert state(stored) == state(outcome.session)
    assert stored.last_seen_at == NOW


def test_a_rotation_extends_the_token_but_not_the_sign_in(clock, db, settings):
    session = opened()
    clock.move_to(NOW + timedelta(days=3))

    outcome = rotate(presented(session))

    assert (
        outcome.session.refresh_expires_at
        == NOW + timedelta(days=3) + settings.REFRESH_TOKEN_LIFETIME
    )
    stored = AuthSession.objects.get()
    assert stored.expires_at == session.expires_at == NOW + settings.AUTH_SESSION_LIFETIME
    assert (stored.auth_time, stored.amr, stored.created_at) == (NOW, ["pwd"], NOW)


def test_the_current_token_repeats_itself_while_young(clock, db):
    session = opened()
    current = rotate(presented(session)).session
    clock.shift(59)

    outcome = rotate(presented(current))

    assert isinstance(outcome, refresh.Repeated)
    assert state(outcome.session) == state(current)
    assert state(AuthSession.objects.get()) == state(current)


def test_the_current_token_rotates_once_the_grace_is_over(clock, db):
    session = opened()
    current = rotate(presented(session)).session
    clock.shift(60)

    outcome = rotate(presented(current))

    assert isinstance(outcome, refresh.Rotated)
    assert outcome.session.previous_refresh_jti == current.refresh_jti


def test_the_previous_token_gets_the_same_successor_inside_the_grace(clock, db):
    session = opened()
    first = presented(session)
    current = rotate(first).session
    clock.shift(59)

    outcomes = [rotate(first) for _ in range(3)]

    assert [type(outcome) for outcome in outcomes] == [refresh.Repeated] * 3
    assert {state(outcome.session) for outcome in outcomes} == {state(current)}


@pytest.mark.django_db
def test_a_repeat_notes_the_use_and_changes_no_token(clock, django_assert_num_queries):
    session = opened()
    current = rotate(presented(session)).session
    before = AuthSession.objects.values().get(pk=session.pk)
    clock.shift(10)

    with django_assert_num_queries(2):
        rotate(presented(current))
    clock.shift(10)
    rotate(presented(current))

    assert AuthSession.objects.values().get(pk=session.pk) == before | {
        "refresh_used_at": NOW + timedelta(seconds=10),
        "last_seen_at": NOW + timedelta(seconds=20),
    }


@pytest.mark.django_db
def test_a_rotation_is_one_statement(clock, django_assert_num_queries):
    session = opened()

    with django_assert_num_queries(1):
        rotate(presented(session))


def test_a_rotation_loads_the_user_for_minting(clock, db, django_assert_num_queries):
    session = opened()
    User.objects.filter(pk=session.user_id).update(is_staff=True)

    rotated = rotate(presented(session)).session

    with django_assert_num_queries(0):
        assert rotated.user.is_staff is True
    assert rotated.user.email == session.user.email


def test_a_rotation_reads_columns_of_every_type(clock, django_assert_num_queries, db):
    session = opened()
    names = [field.attname for field in User._meta.concrete_fields if not field.primary_key]
    stored = User.objects.get(pk=session.user_id)

    outcome = refresh.rotate(presented(session), client=CLIENT, user_columns=tuple(names))

    with django_assert_num_queries(0):
        assert {name: getattr(outcome.session.user, name) for name in names} == {
            name: getattr(stored, name) for name in names
        }


def test_a_rotation_returns_the_written_row(clock, db):
    session = opened()

    rotated = rotate(presented(session)).session

    stored = AuthSession.objects.get(pk=session.pk)
    names = [field.attname for field in AuthSession._meta.concrete_fields]
    assert {name: getattr(rotated, name) for name in names} == {
        name: getattr(stored, name) for name in names
    }


def used(session):
    """Rotate the first token and use its successor; returns the first token."""
    first = presented(session)
    rotate(presented(rotate(first).session))
    return first


def test_the_previous_token_after_the_grace_ends_the_sign_in(clock, db):
    first = used(opened())
    clock.shift(60)

    outcome = rotate(first)

    assert outcome == refresh.Reused()
    assert AuthSession.objects.get().revoked_reason == "reused"


def test_an_ancestor_inside_the_grace_ends_the_sign_in(clock, db):
    session = opened()
    first = presented(session)
    second = presented(rotate(first).session)
    clock.shift(60)
    rotate(second)

    outcome = rotate(first)

    assert outcome == refresh.Reused()
    assert AuthSession.objects.get().revoked_reason == "reused"


def test_any_ancestor_ends_the_sign_in(clock, db):
    chain = [presented(opened())]
    for _ in range(5):
        chain.append(presented(rotate(chain[-1]).session))
        clock.shift(61)

    outcome = rotate(chain[1])

    assert outcome == refresh.Reused()
    assert rotate(chain[-1]) == refresh.Ended()


def test_reuse_is_recorded_once_as_two_events(clock, db):
    session = opened()
    first = used(session)
    clock.shift(60)
    AuditEvent.objects.all().delete()

    rotate(first)
    rotate(first)

    assert list(
        AuditEvent.objects.order_by("type").values_list(
            "type", "user", "sid", "ip", "user_agent", "reason"
        )
    ) == [
        ("refresh_token.reused", session.user.pk, session.pk, "192.0.2.1", "curl/8.1", ""),
        ("session.revoked", session.user.pk, session.pk, "192.0.2.1", "curl/8.1", "reused"),
    ]


def test_other_sign_ins_of_the_user_survive_a_reuse(clock, db):
    session = opened()
    other = opened(user=session.user)
    first = used(session)
    clock.shift(60)

    rotate(first)

    other.refresh_from_db()
    assert other.revoked_at is None


def test_an_invented_jti_of_this_sign_in_is_a_reuse(clock, db):
    session = opened()

    outcome = rotate(presented(session, jti=uuid4().hex))

    assert outcome == refresh.Reused()


@pytest.mark.parametrize("seconds", [1, 3600])
def test_a_token_newer_than_the_database_is_unknown_and_harms_nothing(clock, db, seconds):
    session = opened()
    issued = int(NOW.timestamp()) + seconds

    outcome = rotate(presented(session, jti=uuid4().hex, issued_at=issued))

    assert outcome == refresh.Unknown()
    assert AuthSession.objects.get().revoked_at is None


def test_an_unknown_sign_in_is_unknown(clock, db):
    session = opened()

    outcome = rotate(presented(session, sid=uuid4()))

    assert outcome == refresh.Unknown()


def test_a_token_that_names_another_user_is_unknown_and_harms_nothing(clock, db):
    session = opened()

    outcome = rotate(presented(session, user_id=UserFactory().pk))

    assert outcome == refresh.Unknown()
    assert AuthSession.objects.get().refresh_jti == session.refresh_jti


def test_another_clients_token_is_unknown_and_harms_nothing(clock, db):
    session = opened()

    outcome = rotate(presented(session, client_id="another"))

    assert outcome == refresh.Unknown()
    assert AuthSession.objects.get().refresh_jti == session.refresh_jti


def test_a_browsers_sign_in_has_no_refresh_token(clock, db):
    browser = AuthSessionFactory()

    outcome = rotate(
        refresh.Presented(
            sid=browser.pk,
            user_id=browser.user_id,
            jti="",
            client_id="first-party",
            issued_at=0,
            expires_at=browser.expires_at,
        )
    )

    assert outcome == refresh.Unknown()
    browser.refresh_from_db()
    assert browser.revoked_at is None


def test_a_revoked_sign_in_has_ended(clock, db):
    session = opened()
    sessions.revoke(session, reason=sessions.Reason.LOGOUT)

    outcome = rotate(presented(session))

    assert outcome == refresh.Ended()


def test_a_disabled_users_sign_in_has_ended(clock, db):
    session = opened()
    type(session.user).objects.update(is_active=False)

    outcome = rotate(presented(session))

    assert outcome == refresh.Ended()


def test_a_deleted_users_sign_in_has_ended(clock, db):
    session = opened()
    token = presented(session)
    session.user.delete()

    outcome = rotate(token)

    assert outcome == refresh.Ended()


def test_an_idle_token_expires(clock, db, settings):
    session = opened()
    clock.shift(settings.REFRESH_TOKEN_LIFETIME)

    outcome = rotate(presented(session))

    assert outcome == refresh.Expired()
    assert AuthSession.objects.get().revoked_at is None


def test_an_expired_ancestor_is_expired_and_harms_nothing(clock, db, settings):
    first = presented(opened())
    rotate(first)
    clock.shift(settings.REFRESH_TOKEN_LIFETIME)

    outcome = rotate(first)

    assert outcome == refresh.Expired()


def test_refreshing_never_slides_past_the_sign_ins_end(clock, db, settings):
    session = opened()
    token = presented(session)
    for _ in range(8):
        clock.shift(timedelta(days=11))
        token = presented(rotate(token).session)

    assert token.expires_at == session.expires_at
    clock.move_to(session.expires_at)
    assert rotate(token) == refresh.Expired()


def test_a_slow_clock_does_not_set_the_row_back(clock, db):
    session = opened()
    current = rotate(presented(session)).session
    clock.shift(61)
    newest = rotate(presented(current)).session
    clock.shift(-30)

    outcome = rotate(presented(newest))

    assert isinstance(outcome, refresh.Repeated)
    assert AuthSession.objects.get().refreshed_at == NOW + timedelta(seconds=61)


def test_a_rotation_by_a_slow_clock_keeps_the_later_date(clock, db):
    session = opened()
    clock.shift(-30)

    outcome = rotate(presented(session))

    assert isinstance(outcome, refresh.Rotated)
    assert AuthSession.objects.get().refreshed_at == NOW


def test_no_grace_means_single_use(clock, db, settings):
    settings.REFRESH_GRACE = timedelta(0)
    first = presented(opened())
    rotate(first)

    outcome = rotate(first)

    assert outcome == refresh.Lost()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_twenty_at_once_with_one_token_get_one_successor(round_):
    session = opened()
    token = presented(session)

    outcomes = at_once(20, lambda _: rotate(token))

    kinds = [type(outcome).__name__ for outcome in outcomes]
    assert sorted(kinds) == ["Repeated"] * 19 + ["Rotated"]
    stored = AuthSession.objects.get()
    assert {state(outcome.session) for outcome in outcomes} == {state(stored)}
    assert stored.revoked_at is None
    assert not AuditEvent.objects.filter(type="refresh_token.reused").exists()


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_with_an_ancestor_end_the_sign_in_once():
    session = opened()
    used(session)
    AuthSession.objects.update(refreshed_at=timezone.now() - timedelta(minutes=2))

    outcomes = at_once(20, lambda _: rotate(presented(session, issued_at=0)))

    assert {type(outcome) for outcome in outcomes} <= {refresh.Reused, refresh.Ended}
    assert AuditEvent.objects.filter(type="refresh_token.reused").count() == 1
    assert AuditEvent.objects.filter(type="session.revoked").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_sign_out_during_refreshes_wins():
    session = opened()
    token = presented(session)

    outcomes = at_once(
        8,
        lambda number: (
            rotate(token) if number else sessions.revoke(session, reason=sessions.Reason.LOGOUT)
        ),
    )

    assert outcomes[0] is True
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert AuthSession.objects.get().revoked_reason == "logout"
    assert rotate(token) == refresh.Ended()


def ancestor_of(session):
    """Return a token that this sign-in replaced long ago."""
    return refresh.Presented(
        sid=session.pk,
        user_id=session.user_id,
        jti="a" * 32,
        client_id=session.client_id,
        issued_at=int(timezone.now().timestamp()) - 100,
        expires_at=timezone.now() + timedelta(days=1),
    )


@pytest.mark.django_db
def test_a_mail_that_fails_does_not_undo_the_end_of_a_reused_sign_in(settings):
    session = AuthSessionFactory(token=True, previous_refresh_jti="p" * 32)
    settings.DATA_ENCRYPTION_KEYS = []

    outcome = refresh.rotate(ancestor_of(session), client=ClientInfo())

    assert outcome == refresh.Reused()
    session.refresh_from_db()
    assert session.revoked_reason == "reused"
    assert not Job.objects.filter(kind="mail").exists()


def test_a_reused_token_is_mailed_to_its_owner(deliver):
    session = AuthSessionFactory(token=True, previous_refresh_jti="p" * 32)

    refresh.rotate(ancestor_of(session), client=ClientInfo(ip="192.0.2.1", user_agent="curl/8.1"))

    (mail,) = deliver()
    assert mail.to == [session.user.email]
    assert "192.0.2.1" in mail.body
    assert "/accounts/not-me/" in mail.body
    assert mail.alternatives
