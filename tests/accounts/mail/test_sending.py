"""Send mail after the request: encrypted in the database, retried after errors, given up at the end."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.core import mail as django_mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from accounts import encryption
from accounts.mail import sending
from accounts.mail.models import SentMail
from accounts.mail.sending import MailHandler
from accounts.outbox import jobs
from accounts.outbox.models import Job
from tests.kit.rows import all_columns
from tests.kit.smtp import smtp
from tests.kit.waiting import wait_until

SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture
def no_mail_server(settings):
    """Use the real SMTP backend with a server that refuses connections."""
    settings.EMAIL_BACKEND = SMTP
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9


def enqueue(body="Your code is ABCD-EFGH", **fields):
    sending.enqueue(EmailMessage("Subject", body, "from@example.com", ["to@example.com"], **fields))
    return Job.objects.filter(kind="mail").get()


def test_enqueue_sends_nothing(db):
    enqueue()

    assert django_mail.outbox == []


def test_a_page_sends_nothing_itself(browser, user):
    browser.post("/accounts/password/reset/", {"email": user.email})

    assert django_mail.outbox == []
    assert Job.objects.filter(kind="mail").count() == 1


def test_neither_code_nor_address_nor_text_is_stored_readable(db):
    enqueue("Your code is ABCD-EFGH")

    stored = all_columns()

    for secret in ("ABCD-EFGH", "Your code", "to@example.com", "Subject"):
        assert secret not in stored


def test_a_reset_link_is_not_stored(browser, user, deliver):
    browser.post("/accounts/password/reset/", {"email": user.email})
    stored = all_columns()

    link = deliver()[0].body.split("/accounts/password/reset/key/")[1].split("/")[0]

    assert link not in stored
    assert link.split("-", 1)[1] not in stored
    assert link not in all_columns()


def test_a_sign_up_code_is_not_in_the_database(browser, deliver):
    browser.post(
        "/accounts/signup/", {"email": "new@example.com", "password1": "a few unrelated words"}
    )
    stored = all_columns()

    code = re.search(r"\b\d{4}-\d{4}\b", deliver()[0].body)[0]

    assert code not in stored
    assert code.replace("-", "") not in stored


def test_delivery_sends_the_whole_message_and_deletes_it(db):
    message = EmailMultiAlternatives(
        "Betreff", "Text", "from@example.com", ["to@example.com"], headers={"X-A": "b"}
    )
    message.attach_alternative("<p>Text</p>", "text/html")
    sending.enqueue(message)

    jobs.run(Job.objects.get().pk)

    (sent,) = django_mail.outbox
    assert (sent.subject, sent.body, sent.from_email, sent.to) == (
        "Betreff",
        "Text",
        "from@example.com",
        ["to@example.com"],
    )
    assert sent.extra_headers == {"X-A": "b", "Auto-Submitted": "auto-generated"}
    assert [(part.content, part.mimetype) for part in sent.alternatives] == [
        ("<p>Text</p>", "text/html")
    ]
    assert not Job.objects.filter(kind="mail").exists()


def test_delivery_twice_sends_once(db):
    row = enqueue()

    jobs.run(row.pk)
    jobs.run(row.pk)

    assert len(django_mail.outbox) == 1


def test_a_refused_message_is_kept_and_tried_again_later(db, no_mail_server):
    row = enqueue()

    with time_machine.travel(timezone.now(), tick=False):
        jobs.run(row.pk)
        in_half_a_minute = timezone.now() + timedelta(seconds=30)

    row.refresh_from_db()
    assert row.attempts == 1
    assert row.not_before == in_half_a_minute


def test_waits_grow_until_the_message_is_given_up(db, no_mail_server):
    row = enqueue()
    waits = []

    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(len(MailHandler.retry_after) + 1):
            jobs.run(row.pk)
            waits += [
                (job.not_before - timezone.now()).total_seconds() for job in Job.objects.all()
            ]

    assert waits == [30, 300, 3600, 21600]
    assert not Job.objects.exists()


def test_an_undecryptable_message_is_given_up_without_an_error(db, settings):
    row = enqueue()
    settings.DATA_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    for _ in range(len(MailHandler.retry_after) + 1):
        jobs.run(row.pk)

    assert django_mail.outbox == []
    assert not Job.objects.filter(kind="mail").exists()


def test_a_rotated_key_still_opens_waiting_mail(db, settings):
    row = enqueue()
    settings.DATA_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.DATA_ENCRYPTION_KEYS]

    jobs.run(row.pk)

    assert len(django_mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_transaction_sends_no_mail():
    with pytest.raises(RuntimeError), transaction.atomic():
        enqueue()
        raise RuntimeError

    assert not Job.objects.filter(kind="mail").exists()


@pytest.mark.django_db(transaction=True)
def test_the_real_worker_delivers(settings):
    enqueue()

    call_command("worker", batch=True)

    assert [sent.to for sent in django_mail.outbox] == [["to@example.com"]]
    assert not Job.objects.filter(kind="mail").exists()


@pytest.mark.django_db(transaction=True)
def test_the_real_worker_survives_a_dead_mail_server(no_mail_server):
    row = enqueue()

    call_command("worker", batch=True)

    row.refresh_from_db()
    assert row.attempts == 1
    assert row.not_before > timezone.now()


def test_the_stored_payload_decrypts_to_the_message(db):
    row = enqueue("Your code is ABCD-EFGH")

    content = json.loads(encryption.decrypt(row.payload))

    assert SentMail.objects.get(pk=content.pop("record")).sent_at is None
    assert content == {
        "subject": "Subject",
        "body": "Your code is ABCD-EFGH",
        "from_email": "from@example.com",
        "to": ["to@example.com"],
        "headers": {"Auto-Submitted": "auto-generated"},
        "html": None,
    }


@pytest.mark.parametrize(
    "address", ["a@example.com\nBcc: victim@example.com", "a@example.com\r\nX: y"]
)
def test_a_header_cannot_be_smuggled_in(browser, db, address):
    response = browser.post("/accounts/password/reset/", {"email": address})

    assert response.status_code == 200
    assert not Job.objects.filter(kind="mail").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example"])
@pytest.mark.parametrize("path", ["/accounts/signup/", "/accounts/password/reset/"])
def test_an_address_cannot_add_a_header_or_a_recipient(client, deliver, path, email):
    client.post(path, {"email": email, "password1": "some unrelated words"})

    assert deliver() == []


@pytest.fixture
def mail_server(settings):
    """Send by the real SMTP backend to a server of the tests."""
    with smtp() as box:
        settings.EMAIL_BACKEND = SMTP
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        yield box


def enqueue_to(*addresses):
    for address in addresses:
        sending.enqueue(EmailMessage("Subject", "Body", "from@example.com", [address]))


def send_all():
    return list(jobs.run_lane("mail"))


def test_the_mails_of_a_run_share_one_connection(db, mail_server):
    enqueue_to(*(f"{number}@example.com" for number in range(5)))

    send_all()

    assert len(mail_server.received) == 5
    assert mail_server.connections == [5]
    wait_until(lambda: mail_server.is_open == [False], "the connection is closed")


def test_a_mail_costs_three_statements(db, mail_server, django_assert_num_queries):
    enqueue_to(*(f"{number}@example.com" for number in range(5)))

    with django_assert_num_queries(5 * len(["take", "note", "delete"]) + len(["no more is due"])):
        send_all()

    assert SentMail.objects.filter(sent_at__isnull=False).count() == 5


def test_a_connection_that_the_server_ends_costs_no_attempt(db, mail_server):
    mail_server.most = 2
    enqueue_to(*(f"{number}@example.com" for number in range(5)))

    done = send_all()

    assert [job.attempts for job in done] == [0] * 5
    assert not Job.objects.exists()
    assert mail_server.connections == [2, 2, 1]


def test_a_connection_that_was_idle_too_long_costs_no_attempt(db, mail_server):
    enqueue_to("first@example.com", "last@example.com")
    run = jobs.run_lane("mail")
    next(run)
    mail_server.hang_up()

    assert [job.attempts for job in run] == [0]
    assert mail_server.connections == [1, 1]


def test_a_mail_whose_answer_is_lost_is_not_sent_again_at_once(db, mail_server):
    """The server may have taken it. The next attempt, 30 s later, may be one too many; ten at once would be spam."""
    enqueue_to("first@example.com", "last@example.com")
    run = jobs.run_lane("mail")
    next(run)
    mail_server.late = True

    list(run)

    assert len(mail_server.received) == 2
    assert [job.attempts for job in Job.objects.all()] == [1]


def test_a_refused_mail_delays_no_other(db, mail_server):
    enqueue_to("first@example.com", mail_server.refused, "last@example.com")

    send_all()

    assert [text.split("To: ")[1].split()[0] for text in mail_server.received] == [
        "first@example.com",
        "last@example.com",
    ]
    assert Job.objects.get().attempts == 1
    wait_until(lambda: not any(mail_server.is_open), "the connections are closed")


def test_a_mail_server_that_refuses_keeps_no_connection(db, mail_server, settings):
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "site", "wrong-password"
    enqueue_to("first@example.com", "last@example.com")

    send_all()

    assert [job.attempts for job in Job.objects.all()] == [1, 1]
    wait_until(lambda: mail_server.is_open == [False, False], "the connections are closed")
