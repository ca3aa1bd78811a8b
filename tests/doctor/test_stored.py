"""Test the checks of stored data: signing keys, encrypted secrets, queued mail, the audit log."""

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.core.mail import EmailMessage
from django.utils import timezone

from accounts.audit import checkpoints
from accounts.audit.models import AuditEvent
from accounts.federation.endings import unlinking
from accounts.mail import sending
from accounts.outbox.models import Job
from accounts.webhooks import endpoints
from api.keys import rotation
from api.keys.models import SigningKey
from doctor import database, stored
from tests.kit.chains import recorded, sealed
from tests.kit.factories import UserFactory
from tests.kit.factors import enrol_app
from tests.kit.webhooks import endpoint

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def seen():
    """Return the finding of one probe, which runs through a read-only connection."""

    def run(probe):
        found = database.reading(probe)()
        return str(found.level), found.found, found.advice

    return run


@pytest.fixture(autouse=True)
def key(transactional_db):
    """Make one key, which has signed for a day."""
    SigningKey.objects.all().delete()
    return rotation.create(active_at=timezone.now() - timedelta(days=1))


def test_a_signing_key_is_ok(seen, key, settings):
    due = key.active_at + settings.SIGNING_KEY_LIFETIME

    assert seen(stored.signing_keys) == (
        "ok",
        f"ES256 {key.kid[:8]}… signs, 1 verify, next rotation on {due:%Y-%m-%d}",
        "",
    )


def test_the_next_rotation_is_due_by_the_age_of_the_next_key(seen, key, settings):
    following = rotation.create(active_at=timezone.now() + timedelta(days=2))
    due = following.active_at + settings.SIGNING_KEY_LIFETIME

    assert seen(stored.signing_keys) == (
        "ok",
        f"ES256 {key.kid[:8]}… signs, 2 verify, next rotation on {due:%Y-%m-%d}",
        "",
    )


def test_no_key_is_an_error_and_none_is_made(seen, key):
    key.delete()

    assert seen(stored.signing_keys) == (
        "error",
        "no key signs tokens",
        "Run `manage.py signing_keys rotate --now`.",
    )
    assert SigningKey.objects.count() == 0


def test_a_key_that_cannot_be_decrypted_is_an_error(seen, key, settings):
    settings.DATA_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    assert seen(stored.signing_keys) == (
        "error",
        f"{key.kid} can't be decrypted: the site can't sign tokens",
        stored.RESTORE,
    )


def test_a_private_key_of_another_kid_is_an_error(seen, key):
    other = rotation.create(active_at=timezone.now() - timedelta(days=2))
    SigningKey.objects.filter(pk=key.pk).update(private_pem=other.private_pem)

    level, found, _ = seen(stored.signing_keys)

    assert (level, found) == ("error", f"{key.kid} isn't the thumbprint of the stored key")


def test_another_algorithm_in_the_settings_is_a_warning(seen, key, settings):
    settings.SIGNING_ALGORITHM = "EdDSA"

    assert seen(stored.signing_keys) == (
        "warning",
        f"ES256 {key.kid[:8]}… signs, 1 verify; SIGNING_ALGORITHM is EdDSA",
        "Run `manage.py signing_keys rotate`.",
    )


def test_an_overdue_rotation_is_a_warning(seen, key, settings):
    settings.SIGNING_KEY_LIFETIME = timedelta(hours=20)

    assert seen(stored.signing_keys) == (
        "warning",
        f"ES256 {key.kid[:8]}… signs, 1 verify; rotation was due 4 h ago",
        stored.WORKER,
    )


def enqueue():
    sending.enqueue(EmailMessage("Subject", "Body", to=["visitor@example.com"]))


def test_secrets_that_can_be_decrypted_are_ok(seen, key):
    enqueue()

    assert seen(stored.encryption_keys) == ("ok", "stored secrets: 2, all readable", "")


def test_an_older_encryption_key_in_use_is_reported(seen, key, settings):
    settings.DATA_ENCRYPTION_KEYS = [
        Fernet.generate_key().decode(),
        *settings.DATA_ENCRYPTION_KEYS,
    ]
    enqueue()
    some = seen(stored.encryption_keys)

    key.delete()
    none = seen(stored.encryption_keys)

    assert some == (
        "ok",
        "stored secrets: 2, all readable, 1 with an older key: keep it listed",
        "",
    )
    assert none == ("ok", "stored secrets: 1, all readable with the first key", "")


def test_secrets_of_webhooks_are_checked(seen, key, settings):
    row, _ = endpoint()
    endpoints.rotate(row)
    fine = seen(stored.encryption_keys)
    settings.DATA_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    assert fine == ("ok", "stored secrets: 3, all readable", "")
    assert seen(stored.encryption_keys)[1] == "3 of 3 stored secrets can't be decrypted"


def test_a_secret_that_cannot_be_decrypted_is_an_error(seen, key, settings):
    unlinking.enqueue("kakao", "1")
    settings.DATA_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    enqueue()

    assert seen(stored.encryption_keys) == (
        "error",
        "2 of 3 stored secrets can't be decrypted",
        stored.RESTORE,
    )


def test_the_secret_of_an_app_with_an_older_key_is_reported(seen, key, settings):
    user = UserFactory()
    enrol_app(user)
    settings.DATA_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.DATA_ENCRYPTION_KEYS]
    SigningKey.objects.all().delete()

    assert seen(stored.encryption_keys)[1] == (
        "stored secrets: 1, all readable, 1 with an older key: keep it listed"
    )


def test_nothing_stored_is_ok(seen, key):
    key.delete()

    assert seen(stored.encryption_keys) == ("ok", "the database holds no encrypted secrets", "")


def test_an_empty_queue_is_ok(seen):
    assert seen(stored.mail_queue) == ("ok", "empty", "")


def test_mail_that_waits_briefly_is_ok(seen):
    enqueue()

    assert seen(stored.mail_queue) == ("ok", "1 waiting", "")


def test_a_queue_without_a_worker_is_an_error(seen):
    enqueue()
    enqueue()
    Job.objects.update(not_before=timezone.now() - timedelta(minutes=7))

    assert seen(stored.mail_queue) == (
        "error",
        "2 due, the oldest for 7 min",
        stored.WORKER,
    )


def test_an_overdue_retry_is_an_error(seen):
    enqueue()
    Job.objects.update(
        attempts=1,
        created_at=timezone.now() - timedelta(hours=7),
        not_before=timezone.now() - timedelta(hours=3),
    )

    assert seen(stored.mail_queue)[:2] == ("error", "1 due, the oldest for 3 h")


def test_a_retry_that_is_not_yet_due_is_a_warning(seen):
    enqueue()
    Job.objects.update(
        attempts=1,
        created_at=timezone.now() - timedelta(hours=1),
        not_before=timezone.now() + timedelta(hours=1),
    )

    assert seen(stored.mail_queue) == (
        "warning",
        "1 waiting, 1 of them after a failed attempt",
        "Read the worker's log and the line `mail server`.",
    )


def test_an_audit_log_without_an_event_is_ok(seen):
    assert seen(stored.audit_log) == ("ok", "no sealed event yet", "")


def test_a_sealed_and_signed_audit_log_is_ok(seen):
    sealed(2)
    assert seen(stored.audit_log) == ("ok", "2 events sealed, none signed yet", "")
    checkpoints.make()
    sealed(1)

    assert seen(stored.audit_log) == ("ok", "3 events sealed, 2 signed", "")


def test_an_event_that_nobody_seals_is_an_error(seen):
    recorded(1)
    AuditEvent.objects.update(created_at=timezone.now() - timedelta(minutes=7))

    level, text, advice = seen(stored.audit_log)

    assert (level, text) == ("error", "an event has not been sealed for 7 min")
    assert "manage.py worker" in advice


def test_a_late_checkpoint_is_a_warning(seen):
    sealed(1)
    AuditEvent.objects.update(sealed_at=timezone.now() - timedelta(hours=3))

    level, text, _advice = seen(stored.audit_log)

    assert (level, text) == ("warning", "1 events sealed, without a checkpoint for 3 h")
