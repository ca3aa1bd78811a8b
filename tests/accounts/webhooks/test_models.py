"""Secrets of endpoints sign for their time, and stay readable while keys rotate."""

from datetime import timedelta

import time_machine
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.utils import timezone

from accounts.webhooks import endpoints
from accounts.webhooks.models import MAX_FORMER, OVERLAP
from tests.kit.webhooks import endpoint


def test_a_second_renewal_keeps_the_secret_that_the_receiver_has(db):
    """An operator sends the form twice, because the first answer got lost."""
    row, known = endpoint()
    lost = row.renew_secret()
    fresh = row.renew_secret()

    assert row.secrets() == [fresh, lost, known]


def test_only_the_last_former_secrets_sign(db):
    row, first = endpoint()
    made = [row.renew_secret() for _ in range(MAX_FORMER + 1)]

    assert row.secrets() == made[::-1]
    assert first not in row.secrets()


def test_after_a_leak_no_former_secret_signs(db):
    row, _ = endpoint()
    row.renew_secret()

    fresh = row.renew_secret(overlap=timedelta(0))

    assert row.secrets() == [fresh]


def test_a_former_secret_that_ended_does_not_come_back(db):
    row, _ = endpoint()
    second = row.renew_secret()
    with time_machine.travel(timezone.now() + OVERLAP, tick=False):
        assert row.secrets() == [second]
        third = row.renew_secret()
        assert row.secrets() == [third, second]


def test_a_secret_that_no_key_opens_is_renewed(db, settings):
    row, _ = endpoint()
    settings.DATA_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    fresh = endpoints.rotate(row)

    row.refresh_from_db()
    assert row.secrets() == [fresh]


def test_secrets_are_encrypted_again_under_the_first_key(db, settings, capsys):
    row, former = endpoint()
    fresh = endpoints.rotate(row)
    new_key = Fernet.generate_key().decode()
    settings.DATA_ENCRYPTION_KEYS = [new_key, *settings.DATA_ENCRYPTION_KEYS]

    call_command("reencrypt")

    settings.DATA_ENCRYPTION_KEYS = [new_key]
    row.refresh_from_db()
    assert row.secrets() == [fresh, former]
