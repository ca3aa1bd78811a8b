"""Delete an account: what ends at once, what a sign-in undoes, and that nothing stays."""

import hashlib
import logging
import re
import threading
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.db import connection, connections
from django.test import Client
from django.utils import timezone
from django_redis import get_redis_connection

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.errors import ConflictError, InactiveUserError, LastSuperuserError
from accounts.factors import resets
from accounts.operators import proposals, superusers
from accounts.operators.models import OperatorNote
from accounts.outbox import jobs
from accounts.outbox.models import Job
from accounts.people.models import User
from accounts.signins import erasure, sessions
from accounts.signins.models import AuthSession
from config.management.commands import worker
from tests.kit.clients import bearer, is_signed_in, sign_in
from tests.kit.factories import PASSWORD, AuthSessionFactory, UserFactory
from tests.kit.factors import enrol
from tests.kit.operators import by

CLIENT = ClientInfo(ip="203.0.113.9", user_agent="curl/8.77")


def due(user):
    """Move the time of the erasure into the past."""
    User.objects.filter(pk=user.pk).update(erase_at=timezone.now())


@pytest.fixture
def errors(caplog):
    """Return the log lines of errors, which tests don't write otherwise."""
    caplog.set_level(logging.ERROR, logger=erasure.log.name)
    return caplog


def is_there(user):
    return User.objects.filter(pk=user.pk).exists()


def test_a_request_signs_out_everywhere_and_mails(signed_in, user, pair, deliver, settings):
    settings.ACCOUNT_DELETION_DAYS = 3
    User.objects.filter(pk=user.pk).update(locale="ko")

    erase_at = erasure.request(user, client=CLIENT)

    assert not is_signed_in(signed_in)
    assert Client().get("/api/me/", headers=bearer(pair["access"])).status_code == 401
    assert set(AuthSession.objects.values_list("revoked_reason", flat=True)) == {
        "deletion_requested"
    }
    assert abs(erase_at - timezone.now() - timedelta(days=3)) < timedelta(minutes=1)
    assert User.objects.get().erase_at == erase_at
    mail = deliver()[-1]
    assert mail.to == [user.email]
    assert "계정" in mail.subject
    assert "/accounts/login/" in mail.body
    requested = AuditEvent.objects.get(type="deletion.requested")
    assert (requested.user, requested.ip) == (user, CLIENT.ip)


@pytest.mark.parametrize(
    ("password", "advice"),
    [(PASSWORD, "change your password"), (None, "sign out all other devices")],
)
def test_the_mail_advises_what_its_reader_can_do(db, deliver, password, advice):
    """An account that signs in by a provider or by codes has no password to change."""
    user = UserFactory(password=password)

    erasure.request(user, client=CLIENT)

    mail = deliver()[-1]
    assert advice in mail.body
    assert advice in mail.alternatives[0][0]
    assert ("password" in mail.body) is (password is not None)


def test_a_second_request_keeps_the_first_time(user):
    first = erasure.request(user, client=CLIENT)

    assert erasure.request(user, client=CLIENT) == first
    assert AuditEvent.objects.filter(type="deletion.requested").count() == 1


@pytest.mark.parametrize("door", ["page", "api", "app"])
def test_a_sign_in_at_any_door_keeps_the_account(browser, user, deliver, door):
    erasure.request(user, client=CLIENT)

    response = sign_in(browser, user, door=door)

    assert response.status_code in {200, 302}
    assert User.objects.get().erase_at is None
    assert AuditEvent.objects.filter(type="deletion.cancelled", user=user).count() == 1
    assert "kept" in deliver()[-1].subject
    if door == "page":
        assert "Your account is kept" in browser.get("/accounts/").text
    else:
        body = response.json()
        assert body.get("meta", body)["account_kept"] is True
    again = sign_in(Client(), user, door=door)
    assert "account_kept" not in again.content.decode()
    assert erasure.erase_due() == 0


@pytest.mark.django_db
def test_a_providers_sign_in_keeps_the_account(kakao, walk):
    walk(kakao)
    user = User.objects.get()
    erasure.request(user, client=CLIENT)

    walk(kakao, Client())

    assert User.objects.get().erase_at is None


def test_a_wrong_password_keeps_nothing(browser, user):
    erasure.request(user, client=CLIENT)

    sign_in(browser, user, "wrong")

    assert User.objects.get().erase_at is not None


def test_a_password_reset_opens_no_pending_account(browser, user, signed_in):
    erasure.request(user, client=CLIENT)

    browser.post("/accounts/password/reset/", {"email": user.email})

    assert User.objects.get().erase_at is not None
    assert not is_signed_in(browser)


def test_the_worker_erases_only_what_is_due(user):
    early = UserFactory()
    other = UserFactory()
    for each in (user, early):
        erasure.request(each, client=CLIENT)
    due(user)

    assert erasure.erase_due() == 1
    assert not is_there(user)
    assert is_there(early)
    assert is_there(other)
    assert erasure.erase_due in [tick.chore for tick in worker.TICKS]


def test_a_failing_erasure_stops_no_other(user, monkeypatch, errors):
    other = UserFactory()
    for each in (user, other):
        erasure.request(each, client=CLIENT)
        due(each)
    real = trail.pseudonymise

    def fail(asked):
        if asked.pk == user.pk:
            raise RuntimeError
        return real(asked)

    monkeypatch.setattr(trail, "pseudonymise", fail)

    assert erasure.erase_due() == 1
    assert is_there(user)
    assert not is_there(other)
    assert str(user.pk) in errors.text


# Nothing stays


def rows_with(needles):
    """Return the name of each table that has one of these texts in a row."""
    found = set()
    for model in apps.get_models(include_auto_created=True):
        for row in model._base_manager.values():
            text = " ".join(str(value) for value in row.values()).lower()
            if any(needle in text for needle in needles):
                found.add(model._meta.label)
    return found


def keys_with(needles):
    """Return the Redis keys that have one of these texts in their name or value."""
    found = set()
    for alias in ("sessions", "default"):
        redis = get_redis_connection(alias)
        for key in redis.scan_iter():
            kind = redis.type(key)
            value = redis.get(key) if kind == b"string" else b""
            if kind == b"zset":
                value = b" ".join(redis.zrange(key, 0, -1))
            text = (key + b" " + (value or b"")).decode(errors="replace").lower()
            if any(needle in text for needle in needles):
                found.add(re.sub(r"[0-9a-f-]{32,}", "*", key.decode()))
    return found


HOLDERS = {
    "accounts.AuditEvent",
    "accounts.AuthSession",
    "accounts.FactorReset",
    "accounts.EmailProposal",
    "accounts.OperatorNote",
    "accounts.SentMail",
    "accounts.SuperuserProposal",
    "accounts.Job",
    "accounts.User",
    "accounts.User_groups",
    "account.EmailAddress",
    "socialaccount.SocialAccount",
    "admin.LogEntry",
    "mfa.Authenticator",
}
"""All tables that hold data of a user. A new one must be erased, too: see `erasure`."""


@pytest.mark.django_db(transaction=True)
def test_nothing_of_an_erased_account_stays(browser, user, pair, admin_user):
    headers = {"user-agent": CLIENT.user_agent}
    browser.post("/accounts/login/", {"login": user.email, "password": "wrong"}, headers=headers)
    sign_in(browser, user)
    sid = AuthSession.objects.filter(kind="browser").get().pk
    AuthSessionFactory(user=user, ip=CLIENT.ip, user_agent=CLIENT.user_agent)
    EmailAddress.objects.create(user=user, email="Second@example.com", verified=False)
    SocialAccount.objects.create(
        user=user, provider="kakao", uid="4012345678", extra_data={"email": user.email}
    )
    user.groups.add(Group.objects.create(name="readers"))
    enrol(user)
    resets.ask(user, reason=f"{user.email} called", actor=None, client=CLIENT)
    proposals.propose(user, by(admin_user, reason=f"{user.email} called"), email="new@example.com")
    superusers.propose(user, by(admin_user))
    OperatorNote.objects.create(user=user, author=admin_user, text=f"{user.email} called")
    trail.record(AuditEvent.Type.LOGIN_FAILED, identifier="second@example.com", client=CLIENT)
    for actor, about in ((user, admin_user), (admin_user, user)):
        LogEntry.objects.create(
            user=actor, object_id=str(about.pk), object_repr=str(about), action_flag=CHANGE
        )
    needles = {
        *(str(user.pk), user.pk.hex, user.email, "second@example.com", "4012345678"),
        *(CLIENT.ip, CLIENT.user_agent, hashlib.sha256(user.email.encode()).hexdigest()),
    }
    erasure.request(user, client=CLIENT)
    assert rows_with(needles) == HOLDERS

    due(user)
    assert erasure.erase_due() == 1

    told = Job.objects.values_list("kind", flat=True)
    assert set(told) <= {"unlink"}
    assert rows_with(needles) == set()
    assert keys_with({*needles, str(sid)}) == set()
    assert AuthSession.objects.filter(pk=sid, user=None).exists()  # other processes read its end


@pytest.mark.django_db
def test_the_provider_is_told_of_the_erasure(kakao, walk):
    walk(kakao)
    account = SocialAccount.objects.get()
    erasure.request(account.user, client=CLIENT)
    due(account.user)

    erasure.erase_due()
    list(jobs.run_due())

    assert account.uid in str(kakao.ended())
    assert not Job.objects.exists()


def test_the_events_of_an_erased_account_share_one_pseudonym(signed_in, user):
    other = UserFactory()
    sign_in(Client(), other)
    erasure.request(user, client=CLIENT)
    due(user)
    before = AuditEvent.objects.filter(user=user).count()

    erasure.erase_due()

    rows = AuditEvent.objects.exclude(user=other)
    names = set(rows.values_list("identifier", flat=True))
    assert len(names) == 1
    assert re.fullmatch("erased-[0-9a-f]{32}", names.pop())
    assert rows.count() == before + 1
    assert not rows.exclude(ip=None, user_agent="").exists()
    assert AuditEvent.objects.filter(user=other, identifier=other.email, ip="127.0.0.1").exists()


def test_a_waiting_mail_is_not_sent_after_the_erasure(user, deliver):
    erasure.request(user, client=CLIENT)
    due(user)

    erasure.erase_due()

    assert deliver() == []


# Administrators


@pytest.mark.parametrize("other", [{"disabled": True}, {"is_staff": False}], ids=str)
def test_the_last_administrator_cannot_leave(db, other):
    last = UserFactory(admin=True)
    UserFactory(admin=True, **other)

    with pytest.raises(LastSuperuserError):
        erasure.request(last, client=CLIENT)

    assert User.objects.get(pk=last.pk).erase_at is None


def test_one_of_two_administrators_can_leave(db):
    first, second = UserFactory(admin=True), UserFactory(admin=True)

    erasure.request(first, client=CLIENT)

    with pytest.raises(LastSuperuserError):
        erasure.request(second, client=CLIENT)


def test_an_administrator_who_became_the_last_is_not_erased(db, errors):
    first, second = UserFactory(admin=True), UserFactory(admin=True)
    erasure.request(first, client=CLIENT)
    due(first)
    User.objects.filter(pk=second.pk).update(is_active=False)

    assert erasure.erase_due() == 0
    assert is_there(first)
    assert "last administrator" in errors.text


def at_once(*calls):
    """Run the calls in threads at the same moment. Return their results or errors, in order."""
    barrier, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(number, call):
        barrier.wait(20)
        try:
            results[number] = call()
        except Exception as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return results


@pytest.mark.django_db(transaction=True)
def test_two_last_administrators_do_not_leave_together():
    both = [UserFactory(admin=True), UserFactory(admin=True)]

    results = at_once(*[lambda user=user: erasure.request(user, client=CLIENT) for user in both])

    assert sum(isinstance(each, LastSuperuserError) for each in results) == 1
    assert User.objects.filter(erase_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_sign_in_and_the_erasure_have_one_winner():
    for _ in range(5):
        user = UserFactory()
        erasure.request(user, client=CLIENT)
        due(user)
        user.refresh_from_db()

        opened, is_erased = at_once(
            lambda user=user: sessions.open(user, kind="browser", client=CLIENT, amr=["pwd"]),
            lambda user=user: erasure.erase(user),
        )

        assert is_erased in {True, False}, is_erased
        if is_erased:
            assert isinstance(opened, InactiveUserError)
            assert not is_there(user)
        else:
            assert isinstance(opened, AuthSession), opened
            assert User.objects.get(pk=user.pk).erase_at is None
    assert connection.vendor in {"sqlite", "postgresql"}


def test_the_admin_shows_a_pending_deletion(admin_client, user):
    erasure.request(user, client=CLIENT)

    shown = admin_client.get("/admin/accounts/user/?erase_at__isempty=0").text
    page = admin_client.get(f"/admin/accounts/user/{user.pk}/change/").text

    assert user.email in shown
    assert "admin@example.com" not in re.sub(r"(?s)<header.*?</header>", "", shown)
    assert "Deletion</dt>" in page


@pytest.mark.parametrize("end", ["disabled", "deleted"])
def test_an_account_that_has_just_ended_is_no_longer_asked_for(user, end):
    """Another request was first."""
    if end == "disabled":
        User.objects.update(is_active=False)
    else:
        User.objects.all().delete()

    with pytest.raises(ConflictError):
        erasure.request(user, client=CLIENT)
    assert not AuditEvent.objects.exists()
