"""Write rows of the audit log: the user, the actor, the event, the address and the device."""

from uuid import uuid4

import pytest

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from tests.kit.factories import UserFactory

TYPE = AuditEvent.Type.LOGIN_FAILED


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
