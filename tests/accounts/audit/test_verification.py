"""Attacks on the audit log by somebody who can write the database, and what `verify` says."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.audit import chain, personal
from accounts.audit.models import AuditChain, AuditEvent
from tests.kit.chains import fault, forge, recorded, sealed
from tests.kit.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(user):
    return sealed(5, user=user, actor=UserFactory(), sid=uuid4(), reason="google")


def test_a_whole_chain_verifies(rows):
    assert fault() == ""


def test_an_empty_log_verifies():
    assert fault() == ""


CHANGES = {
    "created_at": timezone.now() - timedelta(days=9),
    "sealed_at": timezone.now() - timedelta(days=9),
    "type": "login.failed",
    "user": None,
    "identifier": "somebody.else@example.com",
    "sid": None,
    "ip": "198.51.100.1",
    "user_agent": "Mozilla/5.0",
    "reason": "kakao",
    "amr": ["pwd", "otp"],
    "request_id": "another-request",
    "note": "another note",
    "actor": None,
    "hash": "f" * 64,
    "personal": {},
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_column_is_found(rows, column):
    AuditEvent.objects.filter(pk=rows[2].pk).update(**{column: CHANGES[column]})

    assert fault().startswith(f"Row 3 (id {rows[2].pk}) was changed")


def test_every_column_is_covered():
    columns = {field.name for field in AuditEvent._meta.concrete_fields}

    assert columns == {*CHANGES, "id", "seq"}


def test_a_changed_id_is_found(rows):
    AuditEvent.objects.filter(pk=rows[2].pk).update(id=987654)

    assert fault().startswith("Row 3 (id 987654) was changed")


def test_a_changed_salt_is_found(rows):
    AuditEvent.objects.filter(pk=rows[2].pk).update(personal=personal.salts())

    assert fault().startswith("Row 3 ")


def test_a_removed_row_is_found(rows):
    rows[2].delete()

    assert fault() == "Row 3 is missing."


def test_removed_rows_at_the_begin_are_found(rows):
    AuditEvent.objects.filter(seq__lte=2).delete()

    assert fault() == "Rows 1 to 2 are missing."


def test_a_row_that_is_marked_as_unsealed_again_is_found(rows):
    AuditEvent.objects.filter(pk=rows[2].pk).update(
        seq=None, sealed_at=None, hash="", personal={}, identifier="forged@example.com"
    )
    chain.seal()

    assert fault() == "Row 3 is missing."


def test_swapped_rows_are_found(rows):
    third, fourth = rows[2], rows[3]
    AuditEvent.objects.filter(pk=third.pk).update(seq=None)
    AuditEvent.objects.filter(pk=fourth.pk).update(seq=3)
    AuditEvent.objects.filter(pk=third.pk).update(seq=4)

    assert fault().startswith(f"Row 3 (id {fourth.pk}) was changed, or stands in another's place")


def test_swapped_contents_are_found(rows):
    third, fourth = rows[2], rows[3]
    AuditEvent.objects.filter(pk=third.pk).update(type="login.failed")
    keys = {"id": third.pk, "seq": third.seq}
    for field in AuditEvent._meta.concrete_fields:
        if field.name not in keys:
            setattr(third, field.attname, getattr(fourth, field.attname))
    third.save()

    assert fault().startswith("Row 3 ")


def test_an_inserted_row_that_looks_sealed_is_found(rows):
    [forged] = recorded(1)
    AuditEvent.objects.filter(pk=forged.pk).update(sealed_at=timezone.now(), hash="a" * 64)

    assert fault() == f"Row id {forged.pk} was inserted: the worker did not seal it."


@pytest.mark.parametrize("seq", [0, -1])
def test_an_inserted_row_before_the_first_is_found(rows, seq):
    [forged] = recorded(1)
    forge(forged, seq=seq, prev=chain.GENESIS)

    assert fault() == f"Row id {forged.pk} was inserted: the worker did not seal it."


def test_an_inserted_row_with_a_forged_number_and_hash_is_found(rows):
    [forged] = recorded(1)
    forge(forged, seq=6, prev=rows[-1].hash)

    assert fault() == f"Row id {forged.pk} was inserted: the worker did not seal it."


def test_a_row_put_between_two_by_shifting_the_others_is_found(rows):
    for row in reversed(rows[2:]):
        AuditEvent.objects.filter(pk=row.pk).update(seq=F("seq") + 1)
    [forged] = recorded(1)
    forge(forged, seq=3, prev=rows[1].hash)
    AuditChain.objects.update(seq=6)

    assert fault().startswith(f"Row 4 (id {rows[2].pk}) was changed")


def test_a_row_far_ahead_is_found_and_sealing_goes_on(rows):
    [forged] = recorded(1)
    forge(forged, seq=1000, prev=rows[-1].hash)
    [later] = sealed(1)

    assert later.seq == 1001
    assert fault() == "Rows 6 to 999 are missing."


def test_a_deleted_end_of_the_chain_is_found_and_sealing_goes_on(rows):
    AuditChain.objects.all().delete()

    assert "was inserted" in fault()
    [later] = sealed(1)
    assert (later.seq, fault()) == (6, "")


def test_an_end_that_is_set_back_does_not_stop_the_sealing(rows):
    AuditChain.objects.update(seq=2, hash=rows[1].hash)
    [later] = sealed(1)

    assert (later.seq, fault()) == (6, "")
