"""Attacks on the end of the chain and on its checkpoints, and what `verify` says."""

from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.utils import timezone
from jwt import PyJWS

from accounts.audit import chain, checkpoints, verification
from accounts.audit.models import AuditChain, AuditCheckpoint, AuditEvent
from api.keys import jwk, statements
from api.keys.models import SigningKey
from tests.kit.chains import cut_after, fault, forge, sealed
from tests.kit.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(user):
    return sealed(5, user=user, actor=UserFactory(), sid=uuid4(), reason="google")


def test_an_end_that_is_cut_off_is_found(rows):
    AuditEvent.objects.filter(seq__gt=3).delete()

    assert fault() == "The end is cut off. Rows 4 to 5 are missing."


def test_an_end_cut_off_behind_a_checkpoint_is_found(rows):
    checkpoints.make()
    cut_after(rows[2])

    assert fault() == "The end is cut off. Rows 4 to 5 are missing."


def test_rows_sealed_after_a_cut_do_not_hide_it(rows):
    checkpoints.make()
    cut_after(rows[2])
    sealed(4)

    assert fault().endswith("is not the row that was signed.")


def test_a_new_checkpoint_of_the_same_row_hides_no_cut(rows):
    checkpoints.make()
    cut_after(rows[2])
    sealed(2)
    checkpoints.make()

    assert fault() == "Row 5 was signed or logged with two hashes."


@pytest.mark.parametrize("remove_rows", [True, False])
def test_a_cut_is_found_by_the_hourly_verification(rows, remove_rows):
    checkpoints.make()
    if remove_rows:
        cut_after(rows[2])
    else:
        AuditChain.objects.update(seq=3, hash=rows[2].hash)

    assert verification.verify_recent().startswith(
        "Row 5 is missing" if remove_rows else "The end is set back to row 3, before row 5"
    )


def test_a_history_written_anew_is_found_by_the_checkpoint(rows):
    checkpoints.make()
    prev = chain.GENESIS
    for row in rows:
        row.reason = "forged"
        prev = forge(row, seq=row.seq, prev=prev)
    AuditChain.objects.update(hash=prev)

    assert fault() == f"Row 5 (id {rows[4].pk}) is not the row that was signed."


def test_a_removed_checkpoint_is_found(rows):
    for _ in range(3):
        checkpoints.make()
    AuditCheckpoint.objects.filter(number=2).delete()

    assert fault() == "Checkpoint 2 is missing."


def test_a_removed_last_checkpoint_is_found(rows):
    checkpoints.make()
    sealed(1)
    checkpoints.make()
    AuditCheckpoint.objects.filter(number=2).delete()

    assert fault() == "Checkpoint 2 is missing."


def test_a_cut_with_its_checkpoint_is_found_by_the_log_line(rows):
    checkpoints.make()
    cut_after(rows[2])
    AuditCheckpoint.objects.all().delete()
    AuditChain.objects.update(checkpoints=0)
    assert fault() == ""

    assert fault(logged=((5, rows[4].hash),)) == "The end is cut off. Rows 4 to 5 are missing."


def test_a_log_line_that_is_right_passes(rows):
    checkpoints.make()

    assert fault(logged=((3, rows[2].hash), (5, rows[4].hash))) == ""
    assert "two hashes" in fault(logged=((5, "0" * 64),))
    assert "not the row that was signed" in fault(logged=((3, "0" * 64),))


@pytest.mark.parametrize("column", ["seq", "kind", "created_at"])
def test_a_changed_column_of_a_checkpoint_is_found(rows, column):
    checkpoints.make()
    values = {"seq": 4, "kind": "start", "created_at": timezone.now() - timedelta(days=900)}
    AuditCheckpoint.objects.update(**{column: values[column]})

    assert fault() == "Checkpoint 1 is not genuine: its row and its signed statement differ."


def test_a_statement_of_another_checkpoint_is_found(rows):
    first = checkpoints.make()
    checkpoints.make()
    AuditCheckpoint.objects.filter(number=2).update(statement=first.statement)

    assert "Checkpoint 2 is not genuine" in fault()


def test_a_checkpoint_with_a_changed_payload_is_found(rows):
    row = checkpoints.make()
    header, payload, signature = row.statement.split(".")
    AuditCheckpoint.objects.update(statement=f"{header}.{payload[:-2]}AA.{signature}")

    assert fault() == "Checkpoint 1 is not genuine: its signature is wrong."


def test_a_checkpoint_by_a_key_that_somebody_inserted_is_found(rows):
    """Who can write the database can insert a key, but can't encrypt its private part."""
    ours = checkpoints.make()
    fresh = jwk.generate("ES256")
    private = SigningKey.objects.first().private_pem
    SigningKey.objects.create(
        kid=fresh.kid,
        algorithm="ES256",
        public_pem=fresh.public_pem,
        private_pem=private,
        active_at=timezone.now(),
    )
    AuditCheckpoint.objects.update(statement=_resigned(ours.statement, fresh))

    assert f"its signing key {fresh.kid} was changed" in fault()

    SigningKey.objects.filter(kid=fresh.kid).update(private_pem=fresh.private_pem)
    assert f"its signing key {fresh.kid} can't be decrypted" in fault()

    SigningKey.objects.filter(kid=fresh.kid).delete()
    assert "its signing key is unknown" in fault()


def test_a_forged_begin_of_the_chain_is_found(rows):
    """An operator's pruning is signed: deleted rows and an end's checkpoint are not enough."""
    checkpoints.make()
    AuditEvent.objects.filter(seq__lte=5).delete()
    sealed(1)
    AuditCheckpoint.objects.update(kind="start")

    assert "not genuine" in fault()


def test_from_a_checkpoint_only_later_rows_are_read(rows):
    checkpoints.make()
    sealed(2)
    AuditEvent.objects.filter(seq=2).update(reason="forged")

    assert fault(from_checkpoint=True) == ""
    assert fault().startswith("Row 2 ")


@pytest.mark.parametrize("seq", [5, 6])
def test_from_a_checkpoint_changes_at_and_after_it_are_found(rows, seq):
    checkpoints.make()
    sealed(2)
    AuditEvent.objects.filter(seq=seq).delete()

    assert fault(from_checkpoint=True).startswith(f"Row {seq} is missing")


def _resigned(statement, fresh):
    claims = PyJWS().decode(statement, options={"verify_signature": False})
    key = load_pem_private_key(fresh.private_pem.encode(), None)
    headers = {"kid": fresh.kid, "typ": statements.TYP}
    return PyJWS().encode(claims, key, algorithm="ES256", headers=headers)
