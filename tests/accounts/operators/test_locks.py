"""Lock accounts until a time: who is out, for how long, and what unlocks them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.errors import ConflictError, NotAllowedError
from accounts.operators import locks, roles
from accounts.operators.acting import state_of
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import bearer, sign_in
from tests.kit.factories import UserFactory
from tests.kit.operators import WHY, by, operator
from tests.kit.racing import at_once

HOUR = timedelta(hours=1)


@pytest.fixture
def actor(db):
    return operator(roles.SUPPORT)


def events(user, kind):
    return AuditEvent.objects.filter(user=user, type=kind)


def test_a_lock_refuses_access_and_refresh_tokens(user, pair, client, actor):
    locks.lock(user, by(actor), until=timezone.now() + HOUR)

    refreshed = client.post(
        "/api/token/refresh/", {"refresh": pair["refresh"]}, content_type="application/json"
    )
    assert refreshed.status_code == 401
    assert client.get("/api/me/", headers=bearer(pair["access"])).status_code == 401
    assert AuthSession.objects.get().revoked_reason == "locked"


@pytest.mark.parametrize("door", ["page", "api", "app"])
def test_the_owner_signs_in_again_after_the_lock(user, client, actor, door):
    locks.lock(user, by(actor), until=timezone.now() + HOUR)
    sign_in(client, user, door=door)
    assert not AuthSession.objects.exists()

    User.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert locks.unlock_due() == 1
    sign_in(client, user, door=door)

    assert AuthSession.objects.filter(revoked_at=None).count() == 1


def test_a_lock_is_on_record_and_the_owner_gets_a_mail(user, actor, deliver):
    locks.lock(user, by(actor), until=timezone.now() + HOUR)

    event = events(user, "account.locked").get()
    assert (event.actor, event.note, event.ip) == (actor, WHY, "203.0.113.9")
    (sent,) = deliver()
    assert "locked your account until" in sent.body
    assert WHY not in sent.body


def test_a_lock_without_an_end_stays(user, actor):
    locks.lock(user, by(actor), until=None)

    assert locks.unlock_due() == 0
    user.refresh_from_db()
    assert not user.is_active


def test_the_worker_unlocks_only_what_is_due(actor):
    early, late = UserFactory.create_batch(2)
    locks.lock(early, by(actor), until=timezone.now() - HOUR)
    locks.lock(late, by(actor), until=timezone.now() + HOUR)

    assert locks.unlock_due() == 1
    assert locks.unlock_due() == 0

    early.refresh_from_db()
    late.refresh_from_db()
    assert (early.is_active, early.locked_until, late.is_active) == (True, None, False)
    event = events(early, "account.unlocked").get()
    assert (event.reason, event.actor) == ("unlocked_by_time", None)


def test_an_unlock_happens_once(user, actor):
    locks.lock(user, by(actor), until=None)

    assert locks.unlock(user, by(actor))
    assert not locks.unlock(user, by(actor))
    assert events(user, "account.unlocked").get().note == WHY


def test_a_lock_of_another_state_is_refused(user, actor):
    seen = state_of(user)
    locks.lock(user, by(actor), until=None)

    with pytest.raises(ConflictError):
        locks.lock(user, by(actor, seen=seen), until=None)


@pytest.mark.parametrize("change", ["promoted", "deleted", "operator disabled", "operator deleted"])
def test_what_changed_meanwhile_counts(user, actor, change):
    stored = User.objects.get(pk=user.pk)
    if change == "promoted":
        stored.is_superuser = True
        stored.save()
    elif change == "deleted":
        stored.delete()
    elif change == "operator disabled":
        User.objects.filter(pk=actor.pk).update(is_active=False)
    else:
        User.objects.get(pk=actor.pk).delete()

    with pytest.raises((NotAllowedError, ConflictError)):
        locks.lock(user, by(actor), until=None)


@pytest.mark.django_db(transaction=True)
def test_two_operators_at_once_leave_one_act():
    user = UserFactory()
    actors = [operator("superuser"), operator("superuser")]
    seen = state_of(user)

    results = at_once(2, lambda n: locks.lock(user, by(actors[n], seen=seen), until=None))

    assert sorted(map(type, results), key=str) == sorted([ConflictError, int], key=str)
    assert events(user, "account.locked").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_superusers_who_lock_each_other_leave_one():
    pair = [operator("superuser"), operator("superuser")]

    results = at_once(2, lambda n: locks.lock(pair[1 - n], by(pair[n]), until=None))

    assert sorted(map(type, results), key=str) == sorted([NotAllowedError, int], key=str)
    assert User.objects.filter(is_superuser=True, is_active=True).count() == 1
