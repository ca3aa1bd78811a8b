"""Encrypt stored secrets again: all of them, in batches, and while others write."""

import json
import re
from io import StringIO
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import models

from accounts import encrypted, encryption
from accounts.outbox import jobs
from accounts.outbox.models import Job
from api.keys.models import SigningKey
from tests.kit.factors import enrol
from tests.kit.racing import at_once
from tests.kit.webhooks import endpoint

ROOT = Path(__file__).parents[2]
COLUMNS = [
    "accounts_job.payload",
    "accounts_webhookendpoint.former_secret",
    "accounts_webhookendpoint.secret",
    "api_signingkey.private_pem",
    "mfa_authenticator.data.secret",
]
FERNET = re.compile(r"gAAAA[\w-]{60,}={0,2}")
NEITHER_STORED_NOR_A_COLUMN = {
    "accounts/encrypted.py",
    "accounts/federation/linking/link_tokens.py",
    "accounts/federation/states.py",
    "accounts/pages/decoys.py",
    "accounts/pages/once.py",
    "accounts/pages/parking.py",
    "accounts/pages/shown_codes.py",
    "api/signin/code.py",
    "api/signin/second_step.py",
}
"""Modules that encrypt what is in Redis for minutes, or with the client."""
WRITERS = {
    "accounts/factors/adapter.py": "mfa_authenticator.data.secret",
    "accounts/moving/writer.py": "mfa_authenticator.data.secret",
    "accounts/outbox/jobs.py": "accounts_job.payload",
    "accounts/webhooks/models.py": "accounts_webhookendpoint.secret",
    "api/keys/models.py": "api_signingkey.private_pem",
}


def reencrypt(*arguments):
    out = StringIO()
    call_command("reencrypt", *arguments, stdout=out, stderr=out)
    return out.getvalue().splitlines()


@pytest.fixture
def old(settings):
    return settings.DATA_ENCRYPTION_KEYS[0]


@pytest.fixture
def secrets(user, old):
    """Store a secret in each encrypted column, under the old key."""
    enrol(user)
    row, _ = endpoint()
    row.renew_secret()
    row.save()
    jobs.enqueue("mail", {"to": ["a@example.com"]})
    assert SigningKey.objects.exists()


@pytest.fixture
def new(settings, old):
    key = Fernet.generate_key().decode()
    settings.DATA_ENCRYPTION_KEYS = [key, old]
    return key


def every_token():
    """Return all Fernet tokens in all columns of all tables, with the column's name."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, models.TextField | models.CharField | models.JSONField):
                for value in model._base_manager.values_list(field.name, flat=True):
                    text = value if isinstance(value, str) else json.dumps(value)
                    for token in FERNET.findall(text):
                        yield f"{model._meta.db_table}.{field.name}", token


def opened_by(key, token):
    try:
        Fernet(key).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def test_all_encrypted_columns_are_known():
    assert [str(column) for column in encrypted.columns()] == COLUMNS


def test_every_module_that_encrypts_is_known():
    calls = re.compile(r"\bencrypt\(")
    modules = {
        str(path.relative_to(ROOT))
        for app in ("accounts", "api", "config")
        for path in (ROOT / app).rglob("*.py")
        if calls.search(path.read_text()) and path.name != "encryption.py"
    }

    through_the_adapter = {
        "accounts/factors/totp/codes.py",
        "accounts/factors/totp/enrolment.py",
    }
    assert modules == NEITHER_STORED_NOR_A_COLUMN | WRITERS.keys() | through_the_adapter
    assert set(WRITERS.values()) <= set(COLUMNS)


def test_no_stored_secret_is_forgotten(secrets, old, new):
    before = list(every_token())
    assert len(before) >= len(COLUMNS)
    assert all(opened_by(old, token) for _, token in before)

    lines = reencrypt()

    assert lines[-1] == f"Encrypted {len(before)} secrets again."
    after = list(every_token())
    assert [name for name, token in after if not opened_by(new, token)] == []
    assert [name for name, _ in after] == [name for name, _ in before]


def test_a_dry_run_counts_and_changes_nothing(secrets, old, new):
    before = list(every_token())

    lines = reencrypt("--dry-run")

    assert lines[-1] == f"Would encrypt {len(before)} secrets again."
    assert list(every_token()) == before


def test_a_second_run_changes_nothing(secrets, new):
    reencrypt()
    before = list(every_token())

    lines = reencrypt()

    assert lines[-1] == "Encrypted 0 secrets again."
    assert list(every_token()) == before


def test_a_run_that_is_stopped_goes_on_where_it_was(db, old, new, monkeypatch, settings):
    settings.DATA_ENCRYPTION_KEYS = [old]
    for number in range(5):
        jobs.enqueue("mail", {"number": number})
    settings.DATA_ENCRYPTION_KEYS = [new, old]
    monkeypatch.setattr(encrypted, "BATCH", 2)
    [column] = [each for each in encrypted.columns() if each.model is Job]

    next(encrypted.encrypt_again(column))
    *_, rest = encrypted.encrypt_again(column)

    assert (rest.seen, rest.again) == (5, 3)
    settings.DATA_ENCRYPTION_KEYS = [new]
    opened = [json.loads(encryption.decrypt(job.payload)) for job in Job.objects.all()]
    assert sorted(each["number"] for each in opened) == list(range(5))


def test_a_secret_that_no_key_opens_is_reported_and_kept(secrets, old, new, settings):
    Job.objects.update(payload=Fernet(Fernet.generate_key()).encrypt(b"{}").decode())

    with pytest.raises(CommandError, match="1 secrets can't be opened"):
        reencrypt()

    assert {name for name, token in every_token() if not opened_by(new, token)} == {
        "accounts_job.payload"
    }


def test_other_factors_are_left_alone(user, new):
    row = Authenticator.objects.create(
        user=user, type=Authenticator.Type.WEBAUTHN, data={"name": "x"}
    )

    reencrypt()

    row.refresh_from_db()
    assert row.data == {"name": "x"}


@pytest.mark.django_db(transaction=True)
def test_writes_of_others_meanwhile_are_not_lost(old, new, settings):
    """A worker deletes jobs and a site writes them, while the command runs."""
    settings.DATA_ENCRYPTION_KEYS = [old]
    ids = [jobs.enqueue("mail", {"number": number}).pk for number in range(60)]
    settings.DATA_ENCRYPTION_KEYS = [new, old]

    def write():
        for number, pk in enumerate(ids):
            if number % 3 == 0:
                Job.objects.filter(pk=pk).update(payload=encryption.encrypt('{"number": "fresh"}'))
            elif number % 3 == 1:
                Job.objects.filter(pk=pk).delete()

    failed = [
        each
        for each in at_once(2, lambda n: (write, reencrypt)[n]())
        if isinstance(each, Exception)
    ]
    reencrypt()

    assert failed == []
    settings.DATA_ENCRYPTION_KEYS = [new]
    kept = {
        job.pk: json.loads(encryption.decrypt(job.payload))["number"] for job in Job.objects.all()
    }
    assert kept == {
        pk: "fresh" if number % 3 == 0 else number
        for number, pk in enumerate(ids)
        if number % 3 != 1
    }
