"""Store the secrets of second factors encrypted."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import Fernet
from django.db import connection

from accounts.errors import DecryptionError

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def test_the_database_has_no_plain_totp_secret(user):
    TOTP.activate(user, SECRET)

    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM mfa_authenticator")
        stored = str(cursor.fetchone())

    assert SECRET not in stored


def test_a_secret_opens_after_the_keys_were_rotated(user, settings):
    TOTP.activate(user, SECRET)
    settings.DATA_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.DATA_ENCRYPTION_KEYS]

    assert Authenticator.objects.get().wrap().validate_code("000000") is False


def test_without_its_key_a_secret_accepts_no_code(user, settings):
    TOTP.activate(user, SECRET)
    settings.DATA_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(DecryptionError):
        Authenticator.objects.get().wrap().validate_code("000000")
