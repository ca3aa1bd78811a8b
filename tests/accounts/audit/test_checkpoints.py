"""Sign the end of the chain each hour, once, and tell the log."""

from datetime import timedelta

import pytest
from django.utils import timezone
from structlog.testing import capture_logs

from accounts.audit import chain, checkpoints, upkeep
from accounts.audit.models import AuditCheckpoint, AuditEvent
from api.keys import rotation
from api.keys.models import SigningKey
from tests.kit.chains import fault, sealed
from tests.kit.racing import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def an_hour_later(monkeypatch):
    real = timezone.now
    return lambda: monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(minutes=61))


def test_an_empty_chain_is_not_signed():
    assert (checkpoints.make(), upkeep.sign_if_due()) == (None, None)


def test_the_end_is_signed_once_an_hour(an_hour_later):
    sealed(1)
    assert upkeep.sign_if_due().seq == 1
    sealed(1)
    assert upkeep.sign_if_due() is None

    an_hour_later()

    assert upkeep.sign_if_due().seq == 2
    assert fault() == ""


def test_a_chain_without_new_rows_is_not_signed_again(an_hour_later):
    sealed(1)
    upkeep.sign_if_due()

    an_hour_later()

    assert upkeep.sign_if_due() is None


def test_the_log_has_the_hash_of_each_checkpoint(django_capture_on_commit_callbacks):
    [event] = sealed(1)

    with capture_logs() as lines, django_capture_on_commit_callbacks(execute=True):
        checkpoints.make()

    assert lines == [
        {
            "event": "audit_checkpoint",
            "log_level": "info",
            "number": 1,
            "kind": "end",
            "seq": 1,
            "hash": event.hash,
        }
    ]


def test_a_fault_of_the_last_hour_is_logged_and_the_end_signed(an_hour_later):
    sealed(2)
    upkeep.sign_if_due()
    sealed(2)
    AuditEvent.objects.filter(seq=3).update(reason="forged")
    an_hour_later()

    with capture_logs() as lines:
        made = upkeep.sign_if_due()

    assert made.seq == 4
    assert lines[0]["event"] == "audit_chain_broken"
    assert lines[0]["reason"].startswith("Row 3 ")


def test_a_forged_last_checkpoint_is_logged(an_hour_later):
    sealed(1)
    upkeep.sign_if_due()
    AuditCheckpoint.objects.update(statement="e30.e30.e30")
    sealed(1)
    an_hour_later()

    with capture_logs() as lines:
        upkeep.sign_if_due()

    assert "Checkpoint 1 is not genuine" in lines[0]["reason"]


@pytest.mark.django_db(transaction=True)
def test_checkpoints_made_at_once_have_different_numbers():
    sealed(2)

    results = at_once(4, lambda _number: checkpoints.make().number)

    assert sorted(results) == [1, 2, 3, 4]
    assert fault() == ""


def test_checkpoints_of_rotated_and_retired_keys_still_verify():
    sealed(1)
    checkpoints.make()
    rotation.rotate(at_once=True)
    checkpoints.make()
    rotation.retire(SigningKey.objects.first().kid)

    assert fault() == ""


def test_the_key_of_a_checkpoint_that_is_deleted_is_reported():
    sealed(1)
    checkpoints.make()
    SigningKey.objects.all().delete()

    assert fault() == "Checkpoint 1 is not genuine: its signing key is unknown."


def test_without_a_signer_nothing_is_signed(monkeypatch):
    monkeypatch.setattr(checkpoints, "_signer", None)
    sealed(1)

    with pytest.raises(RuntimeError, match="no signer"):
        checkpoints.make()
    assert chain.end().checkpoints == 0
