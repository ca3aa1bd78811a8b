"""Mail off the request: written down in the database, sent by the worker.

Sending inside the request would tell by its duration whether an account exists, and hold a thread
while the mail server thinks.
"""

import json
import logging
from datetime import timedelta
from uuid import UUID

from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import EmailMessage
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from accounts import encryption
from accounts.outbox.models import OutgoingMail

RETRY_AFTER = [timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6)]
"""Then the message is given up: its code or link has expired by then anyway."""

log = logging.getLogger(__name__)


def enqueue(message: EmailMessage) -> None:
    """Write the message down in the caller's transaction; the worker sends it."""
    content = {
        "subject": message.subject,
        "body": message.body,
        "from_email": message.from_email,
        "to": list(message.to),
        "headers": message.extra_headers | {"Auto-Submitted": "auto-generated"},
        "html": next((str(body) for body, _type in getattr(message, "alternatives", [])), None),
    }
    with transaction.atomic():
        mail = OutgoingMail.objects.create(message=encryption.encrypt(json.dumps(content)))
        deliver.enqueue(str(mail.pk))


@task()
def deliver(mail_id: str) -> None:
    """Send one message and delete it; on failure try again later, four times."""
    mail = OutgoingMail.objects.filter(pk=UUID(mail_id)).first()
    if mail is None:
        return
    try:
        _send(mail)
    except Exception:
        log.exception("mail %s was not sent (attempt %d)", mail.pk, mail.attempts + 1)
        _retry(mail)
    else:
        mail.delete()


def _send(mail: OutgoingMail) -> None:
    content = json.loads(encryption.decrypt(mail.message))
    html = content.pop("html")
    message = EmailMultiAlternatives(**content, connection=get_connection())
    if html:
        message.attach_alternative(html, "text/html")
    message.send()


def _retry(mail: OutgoingMail) -> None:
    if mail.attempts >= len(RETRY_AFTER):
        mail.delete()
        return
    run_after = timezone.now() + RETRY_AFTER[mail.attempts]
    with transaction.atomic():
        mail.attempts += 1
        mail.save(update_fields=["attempts"])
        deliver.using(run_after=run_after).enqueue(str(mail.pk))
