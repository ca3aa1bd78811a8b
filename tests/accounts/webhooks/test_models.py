"""Secrets of endpoints stay readable while keys rotate."""

from cryptography.fernet import Fernet
from django.core.management import call_command

from accounts.webhooks import endpoints
from tests.kit.webhooks import endpoint


def test_secrets_are_encrypted_again_under_the_first_key(db, settings, capsys):
    row, former = endpoint()
    fresh = endpoints.rotate(row)
    new_key = Fernet.generate_key().decode()
    settings.DATA_ENCRYPTION_KEYS = [new_key, *settings.DATA_ENCRYPTION_KEYS]

    call_command("reencrypt")

    settings.DATA_ENCRYPTION_KEYS = [new_key]
    row.refresh_from_db()
    assert row.secrets() == [fresh, former]
