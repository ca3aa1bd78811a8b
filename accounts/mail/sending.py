"""Send mails from the worker: the request only writes them into the outbox.

If the request sent them, its duration would show whether an account exists, and a slow mail server
would hold a thread.
"""

import logging
import threading
from contextlib import suppress
from datetime import timedelta
from smtplib import SMTPException, SMTPSenderRefused
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends import smtp
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage
from django.db.models import QuerySet
from django.utils import timezone
from typing_extensions import override

from accounts.mail.models import SentMail, hash_of
from accounts.outbox import jobs
from accounts.outbox.jobs import Payload
from accounts.people.managers import UserManager
from accounts.store import counters
from accounts.store.counters import Limit
from accounts.store.outage import STORE_ERRORS

KIND = "mail"
DAY = 24 * 3600
SMTP_OK = 250
KEPT = timedelta(days=30)
"""Time for which the record of a mail is kept."""

log = logging.getLogger(__name__)


def enqueue(message: EmailMessage, *, kind: str = "", user_id: UUID | None = None) -> None:
    """Write the message into the outbox, in the caller's transaction. The worker sends it.

    If the user with `user_id` is deleted first, the message is deleted, too. `kind` is the name of its
    template: operators see which mails their users got, without addresses and contents.
    """
    content = {
        "subject": message.subject,
        "body": message.body,
        "from_email": message.from_email,
        "to": list(message.to),
        "headers": message.extra_headers | {"Auto-Submitted": "auto-generated"},
        "html": next((str(body) for body, _type in getattr(message, "alternatives", [])), None),
    }
    hashed = hash_of(message.to[0])
    row = SentMail.objects.create(user_id=user_id, kind=kind[:64], address_hash=hashed)
    content["record"] = str(row.pk)
    jobs.enqueue(KIND, content, user_id=user_id)


def old() -> QuerySet[SentMail]:
    """Return the records of mails that are due for deletion."""
    return SentMail.objects.filter(created_at__lt=timezone.now() - KEPT)


def prune() -> int:
    """Delete the old records of mails. Returns how many."""
    return old().delete()[0]


class MailHandler(jobs.Handler):
    """Send one message. A thread sends the mails of one run over one SMTP connection."""

    kind = KIND
    retry_after = (
        timedelta(seconds=30),
        timedelta(minutes=5),
        timedelta(hours=1),
        timedelta(hours=6),
    )
    """Waiting times before each new attempt. After the last one, the code or link has expired."""

    def __init__(self) -> None:
        self._thread = threading.local()

    @override
    def do(self, payload: Payload) -> None:
        facts = {name: payload[name] for name in payload if name not in {"html", "record"}}
        message = EmailMultiAlternatives(**facts)
        if html := payload["html"]:
            message.attach_alternative(html, "text/html")
        self._send(message)
        _note(payload, "sent_at")

    @override
    def close(self) -> None:
        """End this thread's SMTP connection, if it has one."""
        server = self._thread.__dict__.pop("server", None)
        if server is not None:
            with suppress(SMTPException, OSError):
                server.close()

    def _send(self, message: EmailMessage) -> None:
        """Send over this thread's connection if it has one that works, otherwise over a new one.

        A server ends a connection after some time or some mails. Send again at once only if it has not seen the
        mail: one whose answer came too late would arrive twice.
        """
        kept: smtp.EmailBackend | None = getattr(self._thread, "server", None)
        if kept is not None and _answers(kept):
            with suppress(SMTPSenderRefused):
                self._send_over(kept, message)
                return
        self.close()
        server: BaseEmailBackend = get_connection()
        if isinstance(server, smtp.EmailBackend):  # others write each mail into a file of its own
            self._thread.server = server
        self._send_over(server, message)

    def _send_over(self, server: BaseEmailBackend, message: EmailMessage) -> None:
        try:
            if isinstance(server, smtp.EmailBackend):
                server.open()  # otherwise Django would close it after this mail
            server.send_messages([message])
        except Exception:
            self.close()
            raise

    @override
    def failed(self, payload: Payload, error: Exception, *, attempt: int) -> None:
        log.error("a mail was not sent (attempt %d)", attempt, exc_info=error)

    @override
    def given_up(self, payload: Payload) -> None:
        log.error("a mail was never sent: given up")
        _note(payload, "failed_at")


def _answers(server: smtp.EmailBackend) -> bool:
    if server.connection is None:
        return False
    try:
        code, _text = server.connection.noop()  # RFC 5321 §4.1.1.9
    except (SMTPException, OSError):
        return False
    return code == SMTP_OK


def _note(payload: Payload, column: str) -> None:
    if record := payload.get("record"):
        SentMail.objects.filter(pk=record).update(**{column: timezone.now()})


jobs.register(MailHandler())


def may_send(email: str, *, network: str, is_owner: bool = False) -> bool:
    """Count one more mail to this address. Returns False if today's share is used up.

    Call before each mail that a stranger can cause. There are two shares: one for strangers, of which one
    network gets a part only, and one for the owner (`is_owner`), which no stranger can use up. Returns
    True if Redis is down: codes must arrive then, and allauth's limits still apply.
    """
    address = UserManager.normalize_email(email)
    of_day = settings.MAILS_PER_ADDRESS_AND_DAY
    if is_owner:
        counted = [(Limit("mail_owner", of_day, DAY), address)]
    else:
        of_network = settings.MAILS_PER_ADDRESS_AND_NETWORK
        counted = [
            (Limit("mail", of_day, DAY), address),
            (Limit("mail_network", of_network, DAY), f"{address}:{network}"),
        ]
    try:
        is_over = bool(counters.take(counted, about=address, is_patient=False))
    except STORE_ERRORS:
        return True
    if is_over:
        log.warning("mail not sent: this address got its share of today")
    return not is_over
