"""Erase accounts that nobody verified, and warn the owners of accounts that nobody uses."""

import threading
from datetime import timedelta
from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.core import checks
from django.core.management import call_command
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.people.models import User
from accounts.signins import erasure, retention
from config import retention as rules
from config.management.commands import worker
from tests.kit.clients import sign_in
from tests.kit.factories import AuthSessionFactory, UserFactory
from tests.kit.legacy import came
from tests.kit.racing import at_once

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=400)


@pytest.fixture(autouse=True)
def both_on(settings):
    settings.UNVERIFIED_ACCOUNT_DAYS = 30
    settings.DORMANT_ACCOUNT_DAYS = 365
    settings.DORMANT_NOTICE_DAYS = 14


def old(*, verified=True, last_login=None, **fields):
    """Return an account that was made long ago."""
    user = UserFactory(verified=verified, **fields)
    User.objects.filter(pk=user.pk).update(
        date_joined=timezone.now() - LONG_AGO, last_login=last_login
    )
    user.refresh_from_db()
    return user


def prune(*arguments):
    out = StringIO()
    call_command("prune", *arguments, stdout=out)
    return out.getvalue().splitlines()


def ids(users):
    return {user.pk for user in users}


def test_an_old_unverified_account_is_erased():
    user = old(verified=False)
    fresh = UserFactory(verified=False)

    lines = prune("unverified-accounts")

    assert lines == ["unverified-accounts: 1 done (30 days after the sign-up)"]
    assert ids(User.objects.all()) == {fresh.pk}
    [event] = AuditEvent.objects.filter(type="user.erased")
    assert event.reason == "unverified"
    assert event.identifier.startswith("erased-")
    assert not AuditEvent.objects.filter(identifier=user.email).exists()


KEPT = {
    "verified": old,
    "staff": lambda: old(verified=False, is_staff=True),
    "superuser": lambda: old(verified=False, is_superuser=True),
    "disabled": lambda: old(verified=False, is_active=False),
    "signed in once": lambda: old(verified=False, last_login=timezone.now() - LONG_AGO),
    "signed in now": lambda: AuthSessionFactory(user=old(verified=False)).user,
    "connected": lambda: (
        SocialAccount.objects.create(user=old(verified=False), provider="kakao", uid="1").user
    ),
    "came from elsewhere": lambda: came(old(verified=False)).user,
}


@pytest.mark.parametrize("case", KEPT)
def test_an_account_that_shows_an_owner_is_no_unverified_one(case):
    user = KEPT[case]()

    assert user not in retention.unverified()
    list(retention.erase_unverified())
    assert User.objects.filter(pk=user.pk).exists()


def test_a_second_address_that_is_verified_keeps_the_account():
    user = old(verified=False)
    EmailAddress.objects.create(user=user, email="b@example.com", verified=True)

    assert ids(retention.unverified()) == set()


def test_by_default_nothing_happens_to_accounts(settings):
    settings.UNVERIFIED_ACCOUNT_DAYS = settings.DORMANT_ACCOUNT_DAYS = 0
    old(verified=False)
    old()

    assert prune("unverified-accounts", "dormant-accounts") == [
        "unverified-accounts: 0 done (kept)",
        "dormant-accounts: 0 done (kept)",
    ]
    assert User.objects.filter(erase_at=None).count() == 2


def test_the_owner_of_a_dormant_account_gets_a_mail_first(deliver):
    user = old()

    assert prune("dormant-accounts")[0].startswith("dormant-accounts: 1 done")
    prune("dormant-accounts")

    user.refresh_from_db()
    assert timedelta(days=13) < user.erase_at - timezone.now() <= timedelta(days=14)
    [mail] = deliver()
    assert mail.to == [user.email]
    assert "Nobody has signed in to your account for a long time." in mail.body
    assert "To keep it, sign in before then." in mail.body
    assert "/accounts/login/" in mail.alternatives[0].content
    [event] = AuditEvent.objects.filter(type="deletion.requested")
    assert (event.user, event.reason) == (user, "dormant")
    assert erasure.erase_due() == 0


def test_a_dormant_account_is_erased_when_the_notice_is_over():
    user = old()
    assert list(retention.warn_dormant()) == [1]
    User.objects.filter(pk=user.pk).update(erase_at=timezone.now())

    assert erasure.erase_due() == 1
    assert not User.objects.filter(pk=user.pk).exists()


@pytest.mark.parametrize("door", ["page", "api", "app"])
def test_a_sign_in_keeps_a_dormant_account(client, door):
    user = old()
    assert list(retention.warn_dormant()) == [1]

    sign_in(client, user, door=door)

    user.refresh_from_db()
    assert user.erase_at is None
    assert user.last_login is not None
    assert ids(retention.dormant()) == set()


IN_USE = {
    "came lately": lambda: came(old()).user,
    "signed in lately": lambda: old(last_login=timezone.now() - timedelta(days=300)),
    "active sign-in": lambda: AuthSessionFactory(user=old()).user,
    "staff": lambda: old(is_staff=True),
    "disabled": lambda: old(is_active=False),
    "no proved email": lambda: old(verified=False),
    "asked for the deletion": lambda: old(erase_at=timezone.now() + timedelta(days=1)),
    "new": UserFactory,
}


@pytest.mark.parametrize("case", IN_USE)
def test_an_account_in_use_is_not_dormant(case):
    user = IN_USE[case]()

    assert user not in retention.dormant()


def test_an_account_that_came_long_ago_is_dormant():
    user = came(old(), created_at=timezone.now() - LONG_AGO).user

    assert user in retention.dormant()


def test_a_dry_run_counts_and_names_and_changes_nothing():
    users = [old(verified=False) for _ in range(3)]
    dormant = old()

    lines = prune("--dry-run")

    assert "unverified-accounts: 3 due (30 days after the sign-up)" in lines
    assert [line for line in lines if users[0].email in line]
    assert f"  {dormant.pk} {dormant.email}, since {dormant.date_joined:%Y-%m-%d}" in lines
    assert User.objects.count() == 4
    assert AuditEvent.objects.count() == 0


def test_a_dry_run_names_the_first_accounts_only(monkeypatch):
    monkeypatch.setattr("config.management.commands.prune.NAMED", 1)
    for _ in range(3):
        old(verified=False)

    assert prune("unverified-accounts", "--dry-run")[2:] == ["  … and 2 more (--all-names)"]
    assert len(prune("unverified-accounts", "--dry-run", "--all-names")) == 4


def test_batches_are_bounded_and_a_stopped_run_goes_on(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        old(verified=False)

    assert next(retention.erase_unverified()) == 2
    assert list(retention.erase_unverified()) == [2, 1]


def test_a_failure_stops_no_other_account(monkeypatch, caplog):
    caplog.set_level("CRITICAL")
    broken, fine = old(verified=False), old(verified=False)
    erase = erasure.erase_now

    def fail_once(user, **options):
        if user.pk == broken.pk:
            raise RuntimeError("a fault")
        erase(user, **options)

    monkeypatch.setattr(erasure, "erase_now", fail_once)

    assert list(retention.erase_unverified()) == [1]
    assert ids(User.objects.all()) == {broken.pk}
    assert fine.pk != broken.pk


@pytest.mark.parametrize(("days", "notice"), [(90, 14), (30, 14), (365, 0)])
def test_days_that_would_erase_accounts_in_use_are_refused(settings, days, notice):
    settings.DORMANT_ACCOUNT_DAYS, settings.DORMANT_NOTICE_DAYS = days, notice

    assert rules.dormancy_fault()
    assert "accounts.E044" in {found.id for found in checks.run_checks()}


def test_days_that_are_long_enough_are_accepted():
    assert rules.dormancy_fault() == ""


def test_the_worker_applies_every_rule():
    chores = [tick.chore for tick in worker.TICKS]

    assert all(rule.finish in chores for rule in rules.RULES)


@pytest.mark.django_db(transaction=True)
def test_a_sign_in_at_the_same_time_keeps_the_account(client):
    user = old()
    started = threading.Event()

    def warn():
        started.set()
        return list(retention.warn_dormant())

    def enter():
        started.wait(20)
        return sign_in(client, user, door="api").status_code

    at_once(2, lambda number: (warn, enter)[number]())
    list(retention.warn_dormant())

    user.refresh_from_db()
    assert user.last_login is not None
    assert user.erase_at is None
