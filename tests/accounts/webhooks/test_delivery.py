"""Events reach the endpoints that subscribe: after the commit, signed, again after a failure."""

import json
import logging
import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connections, transaction
from django.utils import timezone
from standardwebhooks import WebhookVerificationError

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import EventType, RevokeReason, WebhookStop
from accounts.outbox import jobs
from accounts.outbox.models import Job
from accounts.signins import sessions
from accounts.webhooks import delivery, endpoints, sending
from accounts.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.kit.factories import AuthSessionFactory, UserFactory
from tests.kit.pieces import server
from tests.kit.racing import at_once
from tests.kit.rows import all_columns
from tests.kit.waiting import wait_until
from tests.kit.webhooks import (
    ACCEPTED,
    GONE,
    LOOPBACK,
    REFUSED,
    endpoint,
    head_and_body,
    verified,
)

Status = WebhookDelivery.Status


@pytest.fixture(autouse=True)
def loopback(settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = LOOPBACK


@pytest.fixture
def session(db):
    return AuthSessionFactory()


def revoke(session):
    return sessions.revoke(session, reason=RevokeReason.LOGOUT)


def work():
    """Do the due jobs of webhooks once each."""
    for job in list(jobs.due(delivery.KIND)):
        jobs.run(job.pk)


def later(**after):
    return time_machine.travel(timezone.now() + timedelta(**after))


def test_a_sign_out_is_delivered_and_verified(session):
    with server(ACCEPTED) as (url, requests):
        _, secret = endpoint(url)
        revoke(session)
        work()

    headers, _ = head_and_body(requests[0])
    row = WebhookDelivery.objects.get()
    content = verified(requests[0], secret)
    assert content == {
        "type": "session.revoked",
        "timestamp": content["timestamp"],
        "data": {
            "sub": str(session.user_id),
            "sid": str(session.pk),
            "cause": "session.revoked",
            "reason": "logout",
        },
    }
    assert content["timestamp"].endswith("Z")
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == row.message_id
    assert (row.status, row.attempts, row.status_code) == (Status.DELIVERED, 1, 204)
    assert not Job.objects.exists()


@pytest.mark.parametrize("has_personal_data", [False, True])
def test_personal_data_is_sent_only_if_the_endpoint_wants_it(session, has_personal_data):
    user = session.user
    user.display_name = "김하늘"
    user.save()
    with server(ACCEPTED) as (url, requests):
        endpoint(url, has_personal_data=has_personal_data)
        revoke(session)
        work()

    _, body = head_and_body(requests[0])
    assert (user.email in body) is has_personal_data
    assert ("김하늘" in body) is has_personal_data


def test_a_delivery_holds_no_personal_data_at_rest(session):
    email = session.user.email
    endpoint(has_personal_data=True)
    revoke(session)

    row = WebhookDelivery.objects.values().get()
    assert email not in str(row)


def test_secrets_are_sealed_at_rest(db):
    row, secret = endpoint()
    fresh = endpoints.rotate(row)

    for each in (secret, fresh):
        assert each.removeprefix("whsec_") not in all_columns()


def test_only_subscribed_events_and_active_endpoints_get_a_delivery(session):
    wanted, _ = endpoint(events=["session.revoked", "user.updated"])
    endpoint(events=["user.updated"])
    stopped, _ = endpoint(events=["session.revoked"])
    endpoints.stop(stopped, reason="webhook_operator")

    revoke(session)

    assert [row.endpoint for row in WebhookDelivery.objects.all()] == [wanted]


def test_without_endpoints_an_event_costs_one_statement(user, django_assert_num_queries):
    with django_assert_num_queries(2):
        trail.record(EventType.NAME_CHANGED, user=user)
    with django_assert_num_queries(1):
        trail.record(EventType.PASSWORD_RESET_REQUESTED, user=user)


def test_many_ends_at_once_cost_few_statements(user, django_assert_num_queries):
    AuthSessionFactory.create_batch(30, user=user)
    endpoint()
    sids = [row.pk for row in user.auth_sessions.all()]

    with django_assert_num_queries(4):  # events, endpoints, deliveries, jobs
        trail.record_each(sids, EventType.SESSION_REVOKED, user=user)

    assert WebhookDelivery.objects.count() == Job.objects.count() == 30


@pytest.mark.django_db(transaction=True)
def test_a_rollback_sends_nothing():
    session = AuthSessionFactory()
    with server(ACCEPTED) as (url, requests):
        endpoint(url)
        with pytest.raises(RuntimeError), transaction.atomic():
            revoke(session)
            raise RuntimeError
        work()

    assert requests == []
    assert not WebhookDelivery.objects.exists()
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_before_the_commit():
    session = AuthSessionFactory()
    with server(ACCEPTED) as (url, requests):
        endpoint(url)

        def look():
            try:
                work()
            finally:
                connections.close_all()

        with transaction.atomic():
            revoke(session)
            thread = threading.Thread(target=look)
            thread.start()
            thread.join(20)
            before = len(requests)
        work()

    assert (before, len(requests)) == (0, 1)


def test_an_event_that_cannot_be_written_undoes_the_act(session, monkeypatch):
    def fail(events, user_id):
        raise RuntimeError

    monkeypatch.setattr(trail, "_subscriptions", [])
    trail.subscribe(fail)
    with pytest.raises(RuntimeError), transaction.atomic():
        revoke(session)

    session.refresh_from_db()
    assert session.revoked_at is None


def test_a_failure_is_retried_for_a_day_with_the_same_id(session):
    waits = []
    with server(REFUSED) as (url, requests):
        endpoint(url)
        revoke(session)
        with time_machine.travel(timezone.now(), tick=False) as clock:
            for _ in range(8):
                work()
                for job in Job.objects.all():
                    waits.append(job.not_before - timezone.now())
                    clock.move_to(job.not_before)

    assert waits == list(delivery.WebhookHandler.retry_after)
    assert sum(waits, timedelta()) > timedelta(hours=24)
    assert len(requests) == 8
    assert len({head_and_body(each)[0]["webhook-id"] for each in requests}) == 1
    assert len({head_and_body(each)[0]["webhook-timestamp"] for each in requests}) == 8
    row = WebhookDelivery.objects.get()
    assert (row.status, row.attempts, row.status_code) == (Status.FAILED, 8, 500)
    assert row.answer == "oops"


def test_a_worker_killed_amid_a_delivery_sends_it_again(session, monkeypatch):
    post = sending.post

    def die_after(*args, **kwargs):
        post(*args, **kwargs)
        raise SystemExit

    with server(ACCEPTED) as (url, requests):
        endpoint(url)
        revoke(session)
        monkeypatch.setattr(sending, "post", die_after)
        with pytest.raises(SystemExit):
            work()
        monkeypatch.setattr(sending, "post", post)
        work()
        meanwhile = len(requests)
        with later(seconds=jobs.LEASE.total_seconds() + 1):
            work()

    assert (meanwhile, len(requests)) == (1, 2)
    assert len({head_and_body(each)[0]["webhook-id"] for each in requests}) == 1
    assert WebhookDelivery.objects.get().status == Status.DELIVERED


def test_both_secrets_sign_during_a_rotation(session):
    with server(ACCEPTED) as (url, requests):
        row, former = endpoint(url)
        fresh = endpoints.rotate(row)
        delivery.send_test(row)
        work()
        with later(hours=25):
            delivery.send_test(row)
            work()
            assert verified(requests[1], fresh)
            with pytest.raises(WebhookVerificationError):
                verified(requests[1], former)

    assert fresh != former
    assert verified(requests[0], fresh)
    assert verified(requests[0], former)


def test_a_leaked_secret_signs_no_more_at_once(session):
    with server(ACCEPTED) as (url, requests):
        row, leaked = endpoint(url)
        endpoints.rotate(row, overlap=timedelta(0))
        delivery.send_test(row)
        work()

    with pytest.raises(WebhookVerificationError):
        verified(requests[0], leaked)


def test_410_stops_the_endpoint(session):
    with server(GONE) as (url, requests):
        row, _ = endpoint(url)
        revoke(session)
        work()
        revoke(AuthSessionFactory())
        work()

    row.refresh_from_db()
    assert (row.is_active, row.stopped_reason) == (False, "webhook_gone")
    assert len(requests) == 1
    assert WebhookDelivery.objects.get().status == Status.FAILED
    stopped = AuditEvent.objects.get(type=EventType.WEBHOOK_STOPPED)
    assert (stopped.identifier, stopped.reason) == (url, "webhook_gone")


def test_days_of_failure_stop_the_endpoint_and_are_logged(session, caplog):
    with server(REFUSED) as (url, _):
        row, _secret = endpoint(url)
        delivery.send_test(row)
        work()
        with later(days=4):
            delivery.send_test(row)
            work()
            row.refresh_from_db()
            assert row.is_active
        with later(days=6), caplog.at_level(logging.ERROR):
            delivery.send_test(row)
            work()

    row.refresh_from_db()
    assert (row.is_active, row.stopped_reason) == (False, "webhook_failing")
    assert AuditEvent.objects.filter(type=EventType.WEBHOOK_STOPPED).count() == 1
    assert "is stopped" in caplog.text


@pytest.mark.parametrize("answer", [GONE, REFUSED], ids=["gone", "days of failure"])
def test_operators_get_a_mail_about_an_endpoint_that_stops(session, settings, answer, deliver):
    settings.OPERATOR_EMAILS = ["ops@example.com", "more@example.com"]
    with server(answer) as (url, _):
        row, _secret = endpoint(url)
        WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=6))
        delivery.send_test(row)
        work()
        revoke(session)
        work()

    mails = deliver()
    assert [mail.to for mail in mails] == [["ops@example.com"], ["more@example.com"]]
    assert url in mails[0].body
    assert "/admin/accounts/webhookendpoint/" in mails[0].body
    assert url in mails[0].alternatives[0][0]


def test_an_operator_who_stops_an_endpoint_gets_no_mail(settings, deliver, db):
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    row, _secret = endpoint()
    endpoints.stop(row, reason=WebhookStop.OPERATOR)

    assert deliver() == []


def answer(status, retry_after):
    return (
        f"HTTP/1.1 {status} X\r\nRetry-After: {retry_after}\r\nContent-Length: 0\r\n\r\n".encode()
    )


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [
        (429, "120", 120),
        (503, "120", 120),
        (503, "999999999999", 3600),
        (503, "Sat, 01 Jan 2050 00:00:00 GMT", 3600),
        (500, "120", 5),
        (503, "-5", 5),
        (503, "soon", 5),
        (503, "Sat, 01 Jan 2000 00:00:00 GMT", 5),
        (503, "Sat, 01 Jan 2050 00:00:00 -0000", 5),
    ],
)
def test_retry_after_lets_the_endpoint_rest_and_is_bounded(session, status, asked, seconds):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        with server(answer(status, asked)) as (url, requests):
            endpoint(url)
            revoke(session)
            revoke(AuthSessionFactory(user=session.user))
            work()
            before = len(requests)
            clock.shift(seconds - 1)
            work()
            assert len(requests) == before
        with server(ACCEPTED) as (url, requests):
            WebhookEndpoint.objects.update(url=url)
            clock.shift(2)
            work()
            assert requests


def test_a_success_ends_the_count_of_days(session):
    with server(REFUSED) as (url, _):
        row, _secret = endpoint(url)
        delivery.send_test(row)
        work()
    with server(ACCEPTED) as (url, _):
        WebhookEndpoint.objects.update(url=url)
        with later(days=1):
            work()

    row.refresh_from_db()
    assert row.failing_since is None


def test_what_waits_for_a_stopped_endpoint_is_dropped_and_can_be_replayed(session):
    with server(ACCEPTED) as (url, requests):
        row, secret = endpoint(url)
        revoke(session)
        endpoints.stop(row, reason="webhook_operator")
        work()
        dropped = WebhookDelivery.objects.get()
        assert (requests, dropped.status) == ([], Status.DROPPED)

        endpoints.start(row)
        assert delivery.replay(dropped)
        assert not delivery.replay(dropped)
        work()

    assert verified(requests[0], secret)["type"] == "session.revoked"
    assert head_and_body(requests[0])[0]["webhook-id"] == dropped.message_id


def test_after_a_time_out_the_endpoint_rests_and_no_attempt_counts(session, monkeypatch):
    monkeypatch.setattr(sending, "TOTAL_SECONDS", 0.3)
    with server(b"", every=60) as (url, requests):
        row, _ = endpoint(url)
        for _ in range(3):
            delivery.send_test(row)
        work()
        wait_until(lambda: requests)  # its thread may come later than the time-out
        asked = len(requests)
        row.refresh_from_db()

        assert (asked, row.rests_until > timezone.now()) == (1, True)
        waiting = WebhookDelivery.objects.filter(attempts=0)
        assert waiting.count() == 2
        assert {job.attempts for job in Job.objects.filter(not_before=row.rests_until)} == {0}
        with later(seconds=31):
            work()
            wait_until(lambda: len(requests) > asked)
            assert len(requests) == asked + 1


def test_a_removed_endpoint_takes_its_deliveries_along(session):
    row, _ = endpoint()
    revoke(session)
    endpoints.remove(row)
    work()

    assert not Job.objects.exists()
    assert not WebhookDelivery.objects.exists()


def test_a_long_or_binary_answer_is_cut(session):
    body = b"\x00\xff" + b"a" * 3000
    head = f"HTTP/1.1 500 No\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with server(head + body) as (url, _):
        row, _secret = endpoint(url)
        delivery.send_test(row)
        work()

    answer = WebhookDelivery.objects.get().answer
    assert len(answer.encode()) <= 1100
    assert "\x00" not in answer


def test_a_refused_address_is_a_failure_with_its_reason(session, settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = []
    with server(ACCEPTED) as (url, requests):
        row, _ = endpoint(url)
        delivery.send_test(row)
        work()

    found = WebhookDelivery.objects.get()
    assert requests == []
    assert (found.error, found.status, found.attempts) == ("private", Status.WAITING, 1)


def test_old_deliveries_are_pruned(session):
    row, _ = endpoint()
    old, _ = delivery.send_test(row)
    with later(days=6):
        assert delivery.prune() == 0
        recent, _ = delivery.send_test(row)
    with later(days=8):
        assert delivery.prune() == 1

    assert WebhookDelivery.objects.get() == recent
    assert old != recent


def test_a_deleted_account_is_named_by_its_id(db):
    user = UserFactory()
    user_id = user.pk
    endpoint(events=["user.deleted"], has_personal_data=True)
    user.delete()
    trail.record(EventType.USER_DELETED, identifier="a@example.com", deleted_id=user_id)

    data = json.loads(delivery.body_of(WebhookDelivery.objects.get()))["data"]
    assert data["sub"] == str(user_id)
    assert (data["email"], data["name"]) == (None, None)


@pytest.mark.django_db(transaction=True)
def test_six_replays_at_once_make_one_job():
    row, _ = endpoint()
    sent, job = delivery.send_test(row)
    job.delete()
    WebhookDelivery.objects.update(status=Status.FAILED)

    won = at_once(6, lambda _: delivery.replay(sent))

    assert sorted(won) == [False] * 5 + [True]
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_six_stops_at_once_leave_one_event():
    row, _ = endpoint()

    won = at_once(6, lambda _: endpoints.stop(row, reason=WebhookStop.GONE))

    assert sorted(won) == [False] * 5 + [True]
    assert AuditEvent.objects.filter(type=EventType.WEBHOOK_STOPPED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_rotations_at_once_follow_each_other():
    row, former = endpoint()

    made = at_once(3, lambda _: endpoints.rotate(row))

    row.refresh_from_db()
    assert len(row.secrets()) == 4
    assert set(row.secrets()) == {former, *made}
