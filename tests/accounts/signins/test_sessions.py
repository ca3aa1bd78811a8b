"""Open, touch and revoke sign-ins."""

import functools
import threading
import time
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.errors import InactiveUserError
from accounts.people.models import User
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from accounts.store import named
from tests.kit import forge
from tests.kit.clients import bearer, is_signed_in, sign_in
from tests.kit.factories import AuthSessionFactory, UserFactory
from tests.kit.waiting import Asking, is_somebody_waiting, wait_until

CLIENT = ClientInfo(ip="192.0.2.1", user_agent="curl/8.1")


def open_session(user, kind=sessions.Kind.TOKEN):
    return sessions.open(user, kind=kind, client=CLIENT, amr=["pwd"])


def test_a_token_sign_in_starts_its_refresh_chain(user, settings):
    session = open_session(user)

    assert len(session.refresh_jti) == 32
    assert session.previous_refresh_jti == ""
    assert session.refresh_expires_at - session.created_at == settings.REFRESH_TOKEN_LIFETIME
    assert session.expires_at - session.created_at == settings.AUTH_SESSION_LIFETIME


def test_a_browsers_sign_in_has_no_refresh_chain(user):
    session = open_session(user, sessions.Kind.BROWSER)

    assert (session.refresh_jti, session.refreshed_at, session.refresh_expires_at) == (
        "",
        None,
        None,
    )


def test_a_refresh_token_never_outlives_a_short_sign_in(user, settings):
    settings.AUTH_SESSION_LIFETIME = timedelta(hours=1)

    session = open_session(user)

    assert session.refresh_expires_at == session.expires_at


def test_opening_is_recorded(user):
    session = open_session(user)

    event = AuditEvent.objects.get()
    assert (event.type, event.user, event.sid, event.ip, event.user_agent, event.identifier) == (
        "login.succeeded",
        user,
        session.pk,
        "192.0.2.1",
        "curl/8.1",
        user.email,
    )


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "changed meanwhile"}])
def test_a_change_committed_during_a_sign_in_wins(user, change):
    User.objects.filter(pk=user.pk).update(**change)

    with pytest.raises(InactiveUserError):
        open_session(user)

    assert not AuthSession.objects.exists()
    assert not AuditEvent.objects.exists()


def test_an_account_deleted_meanwhile_signs_nobody_in(user):
    User.objects.filter(pk=user.pk).delete()

    with pytest.raises(InactiveUserError):
        open_session(user)


def test_a_sign_in_goes_on_with_the_rights_of_the_locked_row(db):
    user = UserFactory(admin=True)
    User.objects.filter(pk=user.pk).update(is_staff=False, is_superuser=False)

    session = open_session(user)

    assert session.user is user
    assert (user.is_staff, user.is_superuser) == (False, False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", ["api", "app", "page"])
def test_a_demotion_during_a_sign_in_leaves_no_rights(door):
    user, client = UserFactory(admin=True), Client()

    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        asking = Asking(lambda: sign_in(client, user, door=door))
        wait_until(is_somebody_waiting)
        time.sleep(0.3)  # on SQLite, which shows no waiting: until the password was checked
        User.objects.filter(pk=user.pk).update(is_staff=False, is_superuser=False)
    answer = asking.result()

    if door == "page":
        assert client.session["rights"] == "00"
        assert is_signed_in(client)
    else:
        body = answer.json()
        access = body["access"] if door == "api" else body["meta"]["access_token"]
        assert forge.part(access, 1)["scope"] == ""


@pytest.mark.django_db(transaction=True)
def test_right_passwords_at_once_all_sign_in_while_a_hash_is_upgraded(settings):
    user = UserFactory()
    settings.PASSWORD_HASHERS = [
        "accounts.people.hashers.Argon2idPasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    browsers = [Client() for _ in range(4)]
    barrier = threading.Barrier(len(browsers))

    def come(browser):
        barrier.wait(60)
        status = sign_in(browser, user).status_code
        connections.close_all()
        return status

    asking = [Asking(functools.partial(come, browser)) for browser in browsers]

    assert [one.result() for one in asking] == [302] * len(browsers)
    assert [is_signed_in(browser) for browser in browsers] == [True] * len(browsers)
    assert User.objects.get().password.startswith("argon2-nfkc$")


def test_touch_notes_that_the_device_was_seen(db, django_assert_num_queries):
    session = AuthSessionFactory(last_seen_at=timezone.now() - timedelta(minutes=6))

    with django_assert_num_queries(1):
        alive = sessions.touch(session.pk, user_id=session.user_id)

    assert alive
    session.refresh_from_db()
    assert timezone.now() - session.last_seen_at < timedelta(minutes=5)


def test_touch_returns_false_for_a_sign_in_ended_meanwhile(db):
    session = AuthSessionFactory(revoked=True)

    alive = sessions.touch(session.pk, user_id=session.user_id)

    assert not alive


def test_touch_returns_false_for_another_users_sign_in(db):
    session = AuthSessionFactory()

    alive = sessions.touch(session.pk, user_id=UserFactory().pk)

    assert not alive


def test_revoke_ends_and_records_once(db):
    session = AuthSessionFactory()
    actor = UserFactory(staff=True)

    first = sessions.revoke(session, reason=sessions.Reason.ADMIN, actor=actor, client=CLIENT)
    second = sessions.revoke(session, reason=sessions.Reason.LOGOUT, actor=actor, client=CLIENT)

    assert (first, second) == (True, False)
    session.refresh_from_db()
    assert session.revoked_reason == "admin"
    event = AuditEvent.objects.get()
    assert (event.type, event.user, event.actor, event.sid, event.reason) == (
        "session.revoked",
        session.user,
        actor,
        session.pk,
        "admin",
    )


def test_revoke_drops_the_session_from_redis_after_the_commit(
    signed_in, django_capture_on_commit_callbacks
):
    session = AuthSession.objects.get()

    with django_capture_on_commit_callbacks() as callbacks:
        sessions.revoke(session, reason=sessions.Reason.ADMIN)
        before = named.lookup(session.pk)
    for callback in callbacks:
        callback()

    assert before is not None
    assert named.lookup(session.pk) is None


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_revoke_ends_nothing(signed_in):
    session = AuthSession.objects.get()

    with pytest.raises(RuntimeError), transaction.atomic():
        sessions.revoke(session, reason=sessions.Reason.ADMIN)
        raise RuntimeError

    session.refresh_from_db()
    assert session.revoked_at is None
    assert signed_in.get("/api/me/").status_code == 200


def test_revoke_all_spares_the_one_to_keep_and_other_people(user):
    kept = open_session(user)
    ended = [open_session(user), open_session(user, sessions.Kind.BROWSER)]
    strangers = AuthSessionFactory()

    count = sessions.revoke_all(user, reason=sessions.Reason.PASSWORD_CHANGED, keep=kept.pk)

    assert count == 2
    live = set(AuthSession.objects.active().values_list("pk", flat=True))
    assert live == {kept.pk, strangers.pk}
    assert {
        row.revoked_reason for row in AuthSession.objects.filter(pk__in=[s.pk for s in ended])
    } == {"password_changed"}


def test_revoke_all_does_not_count_ended_sign_ins(user):
    AuthSessionFactory(user=user, revoked=True)
    AuthSessionFactory(user=user, expires_at=timezone.now() - timedelta(days=1))

    count = sessions.revoke_all(user, reason=sessions.Reason.ADMIN)

    assert count == 0
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_ten_threads_end_a_sign_in_once():
    session = AuthSessionFactory()
    barrier = threading.Barrier(10)
    results = []

    def end():
        barrier.wait(60)
        results.append(sessions.revoke(session, reason=sessions.Reason.LOGOUT))
        connections.close_all()

    threads = [threading.Thread(target=end) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(results) == [False] * 9 + [True]
    assert AuditEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_sign_out_and_account_deletion_do_not_deadlock(user, monkeypatch):
    """A sign-out locks the sign-in's row, then the user's row for the audit log's foreign key."""
    session, record, deletions = AuthSessionFactory(user=user), trail.record, []

    def delete():
        user.delete()
        connections.close_all()

    def between(*args, **kwargs):
        deletions.append(Asking(delete))
        wait_until(is_somebody_waiting)
        record(*args, **kwargs)

    monkeypatch.setattr(trail, "record", between)

    assert sessions.revoke(session, reason=sessions.Reason.LOGOUT)
    assert deletions[0].result() is None
    assert not User.objects.exists()
    assert AuthSession.objects.get().revoked_reason == "logout"


def test_deleting_a_user_ends_its_sign_ins_for_good(client, user, obtain):
    pair = obtain(user)

    user.delete()

    assert client.get("/api/verify", headers=bearer(pair["access"])).status_code == 401
    assert AuthSession.objects.get(pk=pair["sid"]).revoked_reason == "deleted"
