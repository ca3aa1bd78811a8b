"""Erase the personal part of sealed events. The chain still verifies, and no false erasure does."""

import pytest
from django.utils import timezone

from accounts.audit import chain, personal, trail, verification
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.signins import erasure
from tests.kit.chains import CLIENT, fault, recorded, sealed
from tests.kit.factories import UserFactory
from tests.kit.racing import at_once

pytestmark = pytest.mark.django_db
PERSON = {"identifier", "user", "device", "note"}


def erase(user):
    user.erase_at = timezone.now()
    user.save()
    assert erasure.erase(user)
    chain.seal()
    return AuditEvent.objects.get(type="user.erased").identifier


def erased_groups(event):
    event.refresh_from_db()
    return {group for group in personal.GROUPS if personal.is_erased(event, group)}


def test_the_chain_verifies_after_an_erasure(user):
    [event] = sealed(1, user=user)
    before = {group: personal.digest(event, group) for group in personal.GROUPS}
    hash_ = event.hash

    pseudonym = erase(user)

    assert erased_groups(event) == PERSON
    assert event.personal["identifier"] == {"digest": before["identifier"], "by": pseudonym}
    assert (event.identifier, event.user_id, event.ip, event.user_agent, event.request_id) == (
        *(pseudonym, None, None),
        *("", ""),
    )
    assert (event.hash, fault()) == (hash_, "")
    assert verification.verify().erased == 1


def test_nothing_of_the_person_stays_in_any_column(user):
    sealed(1, user=user)
    chain_of = AuditEvent.objects.exclude(type="user.erased")

    email, key = user.email, str(user.pk)
    erase(user)

    text = str(list(chain_of.values()))
    assert not any(
        value in text for value in (email, key, CLIENT.ip, CLIENT.user_agent, "salt': 'x")
    )
    assert [set(row.personal["user"]) for row in chain_of] == [{"digest", "by"}]


def test_rows_of_others_keep_their_part(user):
    other = UserFactory()
    [by_user] = sealed(1, user=other, actor=user)
    [failed] = sealed(1, identifier=user.email)
    [elsewhere] = sealed(1, user=other, identifier=user.email)
    [unconcerned] = sealed(1, user=other)

    erase(user)

    assert erased_groups(by_user) == {"actor", "device", "note"}
    assert (by_user.identifier, by_user.user_id) == (other.email, other.pk)
    assert erased_groups(failed) == {"identifier", "device", "note"}
    assert erased_groups(elsewhere) == {"identifier"}
    assert erased_groups(unconcerned) == set()
    assert fault() == ""


def test_two_erasures_of_one_row_verify(user):
    other = UserFactory()
    [event] = sealed(1, user=other, actor=user)

    erase(user)
    other.erase_at = timezone.now()
    other.save()
    erasure.erase(other)
    chain.seal()

    assert erased_groups(event) == set(personal.GROUPS)
    assert fault() == ""


def test_an_event_that_is_erased_before_it_is_sealed_verifies(user):
    [event] = recorded(1, user=user)

    pseudonym = erase(user)

    assert erased_groups(event) == set()
    assert event.identifier == pseudonym
    assert fault() == ""


@pytest.mark.parametrize(
    "change",
    [
        {"identifier": "somebody@example.com"},
        {"ip": "192.0.2.9"},
        {"user_agent": "x"},
        {"request_id": "x"},
    ],
)
def test_a_value_put_into_an_erased_part_is_found(user, change):
    [event] = sealed(1, user=user)
    erase(user)

    AuditEvent.objects.filter(pk=event.pk).update(**change)

    assert fault() == f"Row 1 (id {event.pk}) was changed: an erased part has a value."


def test_a_row_that_somebody_erased_without_an_erasure_is_found(user):
    [event] = sealed(1, user=user)

    personal.erase({event.pk: ["identifier", "user", "device"]}, by="erased-forged")

    assert fault() == (
        f"Row 1 (id {event.pk}) was changed: no event says that this person was erased."
    )


def test_a_changed_digest_of_an_erased_part_is_found(user):
    [event] = sealed(1, user=user)
    erase(user)
    event.refresh_from_db()
    event.personal["device"]["digest"] = "0" * 64
    event.save()

    assert fault().startswith(f"Row 1 (id {event.pk}) was changed")


@pytest.mark.parametrize("broken", [[], "text", {"user": {}}, {"user": "x"}, {"user": None}])
def test_a_part_of_another_shape_is_found(user, broken):
    [event] = sealed(1, user=user)
    AuditEvent.objects.filter(pk=event.pk).update(personal=broken)

    assert fault().startswith(f"Row 1 (id {event.pk}) was changed")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_erasing_while_the_worker_seals_breaks_nothing(monkeypatch):
    monkeypatch.setattr(chain, "BATCH", 5)
    user = UserFactory()
    recorded(60, user=user)

    def work(number):
        if number:
            return [chain.seal() for _ in range(10)]
        return trail.pseudonymise(user)

    pseudonym = at_once(3, work)[0]
    trail.record(AuditEvent.Type.USER_ERASED, identifier=pseudonym)
    chain.seal()

    assert fault() == ""
    assert set(AuditEvent.objects.values_list("identifier", flat=True)) == {pseudonym}


def test_many_rows_of_a_person_are_erased_in_batches(user, monkeypatch):
    monkeypatch.setattr(personal, "BATCH", 2)
    sealed(5, user=user, client=ClientInfo("2001:db8::1", "é"))

    erase(user)

    assert not AuditEvent.objects.filter(ip__isnull=False).exists()
    assert fault() == ""
