"""Seal events in an order, by one process at a time, without losing one that commits late."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.audit import chain, personal, verification
from accounts.audit.models import AuditChain, AuditEvent
from tests.kit.chains import fault, recorded, sealed
from tests.kit.racing import at_once
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.django_db
on_postgres = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time"
)


def test_each_row_gets_a_number_and_the_hash_of_the_row_before():
    first, second = sealed(2)

    assert (first.seq, second.seq) == (1, 2)
    assert first.hash == personal.sha256(chain.content(first, prev=chain.GENESIS))
    assert second.hash == personal.sha256(chain.content(second, prev=first.hash))


def test_the_writer_seals_nothing(django_assert_num_queries):
    with django_assert_num_queries(2) as asked:  # the other one looks for webhooks
        [event] = recorded(1)

    assert "UPDATE" not in "".join(each["sql"] for each in asked.captured_queries)
    assert (event.seq, event.sealed_at, event.hash, event.personal) == (None, None, "", {})


def test_an_idle_worker_asks_one_query(django_assert_num_queries):
    sealed(1)

    with django_assert_num_queries(1):
        assert chain.seal() == 0


def test_more_rows_than_a_batch_are_sealed_at_once(monkeypatch):
    monkeypatch.setattr(chain, "BATCH", 2)
    recorded(5)

    assert chain.seal() == 5
    assert fault() == ""


def test_same_rows_have_different_digests(user):
    first, second = sealed(2, user=user)

    assert personal.digest(first, "identifier") != personal.digest(second, "identifier")


def test_a_row_with_text_of_any_language_verifies(user):
    user.email = "모두@example.com"
    sealed(1, user=user, reason='"\\\u2028é🔑')

    assert fault() == ""


def test_a_deleted_user_changes_no_sealed_row(user):
    [event] = sealed(1, user=user)
    key = user.pk

    user.delete()

    event.refresh_from_db()
    assert (event.user_id, AuditEvent.objects.select_related("user").get().user) == (key, None)
    assert fault() == ""


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_a_row_that_commits_late_is_sealed_after_later_ones():
    written, others_sealed = threading.Event(), threading.Event()
    late = []

    def write_slowly():
        try:
            with transaction.atomic():
                late.extend(recorded(1))
                written.set()
                assert others_sealed.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=write_slowly)
    thread.start()
    try:
        assert written.wait(20)
        [early] = sealed(1)
    finally:
        others_sealed.set()
        thread.join(20)
    chain.seal()

    late = AuditEvent.objects.get(pk=late[0].pk)
    assert late.pk < early.pk
    assert (early.seq, late.seq) == (1, 2)
    assert fault() == ""


@pytest.mark.django_db(transaction=True)
def test_of_four_workers_one_seals_at_a_time(monkeypatch):
    monkeypatch.setattr(chain, "BATCH", 7)
    recorded(40)

    results = at_once(4, lambda _number: [chain.seal() for _ in range(12)])

    assert sum(map(sum, results)) == 40
    assert list(AuditEvent.objects.order_by("seq").values_list("seq", flat=True)) == list(
        range(1, 41)
    )
    assert fault() == ""


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_amid_sealing_is_taken_over(monkeypatch):
    recorded(3)
    real = AuditChain.save

    def die(self, **options):
        real(self, **options)
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(AuditChain, "save", die)
        with pytest.raises(SystemExit):
            chain.seal()
    assert not AuditEvent.objects.exclude(sealed_at=None).exists()

    assert chain.seal() == 3
    assert fault() == ""


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_loses_its_connection_is_taken_over():
    sealed(1)
    recorded(3)
    held = threading.Event()

    def hang():
        try:
            with transaction.atomic():
                chain.hold(wait=True)
                with connection.cursor() as cursor:
                    cursor.execute("UPDATE accounts_auditchain SET seq = 77")
                held.set()
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_sleep(20)")
        except Exception:  # noqa: S110 - its connection is cut
            pass
        finally:
            connection.close()

    thread = threading.Thread(target=hang)
    thread.start()
    assert held.wait(20)
    assert chain.seal() == 0

    def is_cut():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE query LIKE %s AND pid <> pg_backend_pid()",
                ["SELECT pg_sleep(20)%"],
            )
            return cursor.fetchall()

    wait_until(is_cut, "the connection is cut amid its statement")
    thread.join(20)

    assert chain.seal() == 3
    assert fault() == ""


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_a_sign_in_does_not_wait_for_the_sealer():
    recorded(1)
    with transaction.atomic():
        chain.hold(wait=True)
        list(chain.waiting().select_for_update())

        [took] = at_once(1, lambda _number: _timed(recorded))

    assert took < 5


def _timed(work):
    began = timezone.now()
    work(1)
    return (timezone.now() - began).total_seconds()


def test_a_clock_that_is_set_back_is_noted_and_breaks_nothing(monkeypatch):
    sealed(1)
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() - timedelta(hours=2))
    sealed(1)
    monkeypatch.undo()
    sealed(1)

    report = verification.verify()

    assert (report.broken, report.rows) == ("", 3)
    [note] = report.notes
    assert note.startswith("Row 2: the worker's clock was set back")


def test_a_row_with_a_forged_time_is_noted():
    event = AuditEvent(type="login.succeeded", created_at=timezone.now() - timedelta(days=3))
    event.save()
    chain.seal()

    report = verification.verify()

    assert report.broken == ""
    assert report.notes[0].startswith("Row 1: its time is ")


def test_a_row_that_waits_for_long_is_noted():
    AuditEvent(type="login.succeeded", created_at=timezone.now() - timedelta(hours=1)).save()

    report = verification.verify()

    assert report.unsealed == 1
    assert "is the worker running?" in report.notes[0]
