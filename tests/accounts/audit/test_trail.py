"""Write rows of the audit log: the user, the actor, the event, the address and the device."""

from uuid import uuid4

import pytest
from django.db import transaction

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from tests.kit.factories import UserFactory

Type = AuditEvent.Type
TYPE = Type.LOGIN_FAILED


def test_a_row_copies_the_address_so_that_it_outlives_the_user(user):
    sid = uuid4()

    trail.record(TYPE, user=user, sid=sid, client=ClientInfo("192.0.2.1", "curl/8.1"), reason="why")

    event = AuditEvent.objects.get()
    assert (event.type, event.user, event.identifier, event.sid) == (TYPE, user, user.email, sid)
    assert (event.ip, event.user_agent, event.reason, event.actor) == (
        "192.0.2.1",
        "curl/8.1",
        "why",
        None,
    )


def test_the_actor_is_stored_only_if_it_is_another_user(user):
    other = UserFactory()

    own = trail.record(TYPE, user=user, actor=user)
    others = trail.record(TYPE, user=user, actor=other)

    assert (own.actor, others.actor) == (None, other)


@pytest.mark.django_db
@pytest.mark.parametrize("identifier", ["a\x00b", "x" * 5000, "é🔑", "<script>"])
def test_a_hostile_identifier_is_stored_short_and_clean(identifier):
    event = trail.record(TYPE, identifier=identifier)

    event.refresh_from_db()
    assert len(event.identifier) <= 254
    assert "\x00" not in event.identifier


# Those who follow the log


@pytest.fixture
def alone(monkeypatch):
    """Leave out the subscribers and listeners of the rooms."""
    monkeypatch.setattr(trail, "_subscriptions", [])
    monkeypatch.setattr(trail, "_listeners", [])


@pytest.mark.django_db
def test_a_subscriber_hears_of_its_types_alone(alone, user):
    heard = []
    trail.subscribe(
        lambda events, user_id: heard.append(([each.type for each in events], user_id)),
        types={Type.LOGIN_FAILED},
    )

    trail.record(Type.LOGIN_FAILED, user=user)
    trail.record(Type.NAME_CHANGED, user=user)
    trail.record_each([uuid4(), uuid4()], Type.LOGIN_FAILED, user=user)

    assert heard == [([TYPE], user.pk), ([TYPE, TYPE], user.pk)]


def test_without_subscribers_nobody_wants_an_event(alone):
    assert trail.wanted(TYPE) == "FALSE"


def test_a_subscriber_without_a_condition_always_wants_its_events(alone):
    trail.subscribe(print, types={Type.NAME_CHANGED}, only_if=lambda type_: f"'{type_}' = 'x'")
    trail.subscribe(print, types={TYPE})

    assert trail.wanted(TYPE) == "TRUE"
    assert trail.wanted(Type.NAME_CHANGED) == "'name.changed' = 'x'"
    assert trail.wanted(Type.EMAIL_CHANGED) == "FALSE"


def test_one_of_two_conditions_is_enough(alone):
    trail.subscribe(print, only_if=lambda _: "1 = 1")
    trail.subscribe(print, only_if=lambda _: "2 = 2")

    assert trail.wanted(TYPE) == "1 = 1 OR 2 = 2"


def test_of_the_rooms_only_webhooks_may_want_the_end_of_a_sign_in():
    wanted = trail.wanted(Type.SESSION_REVOKED)

    assert wanted.count(" OR ") == 0
    assert wanted.startswith("EXISTS (SELECT 1 FROM accounts_webhookendpoint ")
    assert "TRUE" in trail.wanted(Type.ACTIVITY_DENIED)  # a report is a row
    assert "TRUE" in trail.wanted(Type.USER_ERASED)  # earlier deliveries are deleted


@pytest.mark.django_db(transaction=True)
def test_a_listener_that_fails_undoes_nothing(alone, user):
    def fail(events):
        raise RuntimeError

    trail.listen(fail)

    trail.record(TYPE, user=user)

    assert AuditEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_listener_hears_nothing_of_an_act_that_was_undone(alone, user):
    heard = []
    trail.listen(heard.extend)

    with transaction.atomic():
        trail.record(TYPE, user=user)
        transaction.set_rollback(True)

    assert heard == []
