"""Test `ring`: it makes the first key once, stores keys encrypted and finds them by `kid`."""

import hashlib
import json
from base64 import urlsafe_b64encode

import pytest
from django.utils import timezone

from accounts import encryption
from accounts.errors import DecryptionError
from api.keys import ring, rotation
from api.keys.models import SigningKey


def test_a_new_database_has_exactly_one_key(db):
    rotation.ensure_after_migrate(using="default")

    row = SigningKey.objects.get()
    assert row.algorithm == "ES256"
    assert ring.current().kid == row.kid


def test_a_database_that_lost_its_keys_gets_a_new_one(db):
    SigningKey.objects.all().delete()

    signing = ring.current()

    assert [row.kid for row in SigningKey.objects.all()] == [signing.kid]


@pytest.mark.django_db
@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_the_private_key_is_stored_encrypted(settings, algorithm):
    settings.SIGNING_ALGORITHM = algorithm
    row = rotation.create(active_at=timezone.now())

    assert "PRIVATE" not in row.private_pem
    assert "BEGIN PRIVATE KEY" in encryption.decrypt(row.private_pem)
    assert "PRIVATE" not in row.public_pem
    assert len(row.kid) == 43


def test_a_kid_is_the_keys_rfc_7638_thumbprint(db):
    row = rotation.create(active_at=timezone.now())
    jwk = ring.get_default_algorithms()["ES256"].to_jwk(ring.find(row.kid).public, as_dict=True)

    canonical = json.dumps(
        {name: jwk[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":")
    )

    digest = hashlib.sha256(canonical.encode()).digest()
    assert row.kid == urlsafe_b64encode(digest).decode().rstrip("=")


def test_the_newest_key_signs_and_the_older_ones_still_verify(db, settings):
    old = SigningKey.objects.get()
    settings.SIGNING_ALGORITHM = "EdDSA"
    new = rotation.create(active_at=timezone.now())

    assert ring.current().kid == new.kid
    assert ring.find(old.kid) is not None


def test_a_retired_key_is_not_found(db):
    old = SigningKey.objects.get()
    rotation.create(active_at=timezone.now())
    SigningKey.objects.filter(kid=old.kid).update(retired_at=timezone.now())

    ring.forget()

    assert ring.find(old.kid) is None


@pytest.mark.django_db
@pytest.mark.parametrize("kid", ["", "x", "../x", "' OR 1=1", "\ud800", "x" * 10_000], ids=ascii)
def test_an_unknown_kid_makes_no_query(kid, django_assert_num_queries):
    ring.current()

    with django_assert_num_queries(0):
        assert ring.find(kid) is None


def test_a_lost_encryption_key_is_named_in_the_error(db, settings):
    settings.DATA_ENCRYPTION_KEYS = ["A" * 43 + "="]
    ring.forget()

    with pytest.raises(DecryptionError, match="DATA_ENCRYPTION_KEYS"):
        ring.current()
