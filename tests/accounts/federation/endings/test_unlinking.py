"""Notify the provider when a connection ends, whatever ended it, and retry until it succeeds."""

import json
import logging
import sys
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.utils import timezone

from accounts.federation.endings import unlinking
from accounts.federation.wire import fetch
from accounts.outbox import jobs
from accounts.outbox.models import Job
from accounts.people import addresses
from tests.kit.rows import all_columns

pytestmark = pytest.mark.django_db
PAGE = "/accounts/3rdparty/"
KAKAOS_FAULTS = ["status_500", "status_429", "status_400", "html", "empty_object", "redirect"]
GOOGLES_FAULTS = ["status_500", "status_503", "redirect", "huge"]


def faults(names):
    """Test the first fault always, and the others in the sweep only."""
    first, *others = names
    return [first, *(pytest.param(one, marks=pytest.mark.sweep) for one in others)]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 2)


@pytest.fixture
def said(caplog):
    """Return the log lines about unlinking, with their levels."""
    caplog.set_level(logging.INFO, "accounts.federation")
    names = {"accounts.federation.endings.unlinking", "accounts.federation.endings.disconnection"}
    return lambda: [
        (record.levelname, record.getMessage()) for record in caplog.records if record.name in names
    ]


def tell():
    """Run the worker's waiting jobs now."""
    for row in Job.objects.filter(kind="unlink"):
        jobs.run(row.pk)


def disconnect(browser):
    return browser.post(PAGE, {"account": SocialAccount.objects.get().pk})


def by_headless(browser, owner):
    account = SocialAccount.objects.get()
    body = {"provider": account.provider, "account": account.uid}
    return browser.delete(
        "/_allauth/browser/v1/account/providers", json.dumps(body), content_type="application/json"
    )


def as_unproven(owner):
    EmailAddress.objects.filter(user=owner).update(verified=False)
    addresses.disown_unproven(owner)


WAYS = {
    "page": lambda browser, owner: disconnect(browser),
    "api": by_headless,
    "account deleted": lambda browser, owner: owner.delete(),
    "connection deleted": lambda browser, owner: SocialAccount.objects.all().delete(),
    "put there by somebody else": lambda browser, owner: as_unproven(owner),
}


@pytest.mark.parametrize("way", WAYS)
def test_kakao_is_notified_of_every_way_a_connection_ends(
    kakao, connect, visitor, owner, said, way
):
    uid = connect(kakao)

    WAYS[way](visitor, owner)
    waiting = all_columns()
    tell()

    assert not SocialAccount.objects.exists()
    assert uid not in waiting
    assert kakao.ended() == [uid]
    assert not Job.objects.filter(kind="unlink").exists()
    assert said() == [("INFO", "kakao was told of a connection that ended")]


def test_a_rolled_back_disconnect_notifies_nobody(kakao, connect):
    connect(kakao)

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        SocialAccount.objects.all().delete()
        raise ZeroDivisionError

    assert not Job.objects.filter(kind="unlink").exists()


def test_a_new_connection_survives_the_job_of_the_old_one(kakao, connect, visitor, said):
    connect(kakao)
    disconnect(visitor)
    connect(kakao)

    tell()

    assert kakao.ended() == []
    assert not Job.objects.filter(kind="unlink").exists()
    assert said() == [("INFO", "kakao isn't told: the account was connected again")]


def test_an_unlinked_user_counts_as_notified(kakao, connect, visitor):
    uid = connect(kakao)
    kakao.ask("unlink-user", user_id=uid)
    disconnect(visitor)

    tell()

    assert kakao.ended() == []
    assert not Job.objects.filter(kind="unlink").exists()


@pytest.mark.parametrize("fault", faults(KAKAOS_FAULTS))
def test_a_provider_that_fails_is_notified_later(kakao, connect, visitor, fault):
    uid = connect(kakao)
    disconnect(visitor)
    kakao.misbehave(fault, "v1/user/unlink")

    before = timezone.now()
    tell()
    job = Job.objects.get(kind="unlink")
    kakao.misbehave("")
    left = Job.objects.filter(kind="unlink").get().attempts
    tell()

    assert left == 1
    assert timedelta(seconds=29) < job.not_before - before < timedelta(seconds=40)
    assert kakao.ended() == [uid]
    assert not Job.objects.filter(kind="unlink").exists()


@pytest.mark.parametrize(("key", "why"), [("another", "answered 401"), ("", "isn't set")])
def test_a_notification_that_always_fails_is_given_up_with_an_error(
    kakao, connect, visitor, provider_settings, said, key, why
):
    connect(kakao)
    disconnect(visitor)
    provider_settings["kakao"]["ADMIN_KEY"] = key

    for _ in range(6):
        tell()

    assert not Job.objects.filter(kind="unlink").exists()
    *tries, last = said()
    assert [level for level, _ in tries] == ["WARNING"] * 6
    assert all(why in text for _, text in tries)
    assert last == ("ERROR", "kakao was never told of a connection that ended: given up")


def test_a_dead_workers_job_runs_again_after_its_lease(kakao, connect, visitor, monkeypatch):
    uid = connect(kakao)
    disconnect(visitor)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(fetch, "post", lambda *args, **kwargs: sys.exit())
        tell()
    too_early = [job.kind for job in jobs.run_due()]
    with time_machine.travel(timezone.now() + jobs.LEASE):
        begun = [job.kind for job in jobs.run_due()]

    assert "unlink" not in too_early
    assert begun == ["unlink"]
    assert kakao.ended() == [uid]
    assert not Job.objects.exists()


def test_a_provider_that_is_no_longer_set_up_is_given_up(said, provider_settings):
    unlinking.enqueue("elsewhere", "1")

    tell()

    assert not Job.objects.filter(kind="unlink").exists()
    assert [level for level, _ in said()] == ["ERROR"]


def test_an_undecryptable_secret_is_retried(kakao, settings, said, caplog):
    caplog.set_level(logging.ERROR, "accounts.outbox")
    unlinking.enqueue("kakao", "1")
    settings.DATA_ENCRYPTION_KEYS = ["A" * 43 + "="]

    tell()

    assert Job.objects.filter(kind="unlink").get().attempts == 1
    assert said() == []
    assert "a job of kind unlink can't be opened (attempt 1)" in caplog.text


def test_without_an_admin_key_kakao_is_not_notified_and_the_log_says_so(
    kakao, connect, visitor, provider_settings, said
):
    connect(kakao)
    provider_settings["kakao"]["ADMIN_KEY"] = ""

    disconnect(visitor)

    assert not Job.objects.filter(kind="unlink").exists()
    assert not SocialAccount.objects.exists()
    assert said() == [("WARNING", "kakao isn't told of a connection that ended: not set up")]


@pytest.mark.parametrize("fault", faults(GOOGLES_FAULTS))
def test_a_token_that_cannot_be_revoked_is_deleted_within_an_hour(
    google, connect, visitor, said, fault
):
    connect(google)
    visitor.get(google.silently(disconnect(visitor)["Location"]))
    google.misbehave(fault, "revoke")

    tell()
    tell()
    tell()
    assert Job.objects.filter(kind="unlink").get().attempts == 3
    tell()

    assert not Job.objects.filter(kind="unlink").exists()
    assert [level for level, _ in said()] == ["WARNING"] * 4 + ["ERROR"]


def test_a_token_unknown_to_google_counts_as_revoked(google):
    unlinking.enqueue("google", "1", token="long-gone")

    tell()

    assert not Job.objects.filter(kind="unlink").exists()
