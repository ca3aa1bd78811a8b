"""Send mail off the request: written down in the outbox, sent by the worker.

Sending inside the request would show by its duration whether an account exists, and hold a thread
while the mail server thinks.
"""

import logging
from datetime import timedelta
from uuid import UUID

from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import EmailMessage
from typing_extensions import override

from accounts.outbox import jobs
from accounts.outbox.jobs import Payload

KIND = "mail"

log = logging.getLogger(__name__)


def enqueue(message: EmailMessage, *, user_id: UUID | None = None) -> None:
    """Write the message down in the caller's transaction; the worker sends it.

    A message to the user with `user_id` is not sent any more once that user is deleted.
    """
    content = {
        "subject": message.subject,
        "body": message.body,
        "from_email": message.from_email,
        "to": list(message.to),
        "headers": message.extra_headers | {"Auto-Submitted": "auto-generated"},
        "html": next((str(body) for body, _type in getattr(message, "alternatives", [])), None),
    }
    jobs.enqueue(KIND, content, user_id=user_id)


class MailHandler(jobs.Handler):
    """Sends one message."""

    kind = KIND
    retry_after = (
        timedelta(seconds=30),
        timedelta(minutes=5),
        timedelta(hours=1),
        timedelta(hours=6),
    )
    """Then the message is given up: its code or link has expired by then."""

    @override
    def do(self, payload: Payload) -> None:
        html = payload.pop("html")
        message = EmailMultiAlternatives(**payload, connection=get_connection())
        if html:
            message.attach_alternative(html, "text/html")
        message.send()

    @override
    def failed(self, payload: Payload, error: Exception, *, attempt: int) -> None:
        log.error("a mail was not sent (attempt %d)", attempt, exc_info=error)

    @override
    def given_up(self, payload: Payload) -> None:
        log.error("a mail was never sent: given up")


jobs.register(MailHandler())
