"""Write mails to the people who run the site (`OPERATOR_EMAILS`)."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import override

from accounts.audit.vocabulary import WebhookStop
from accounts.mail import sending


def webhook_stopped(url: str, *, reason: WebhookStop) -> None:
    """Say that an endpoint gets nothing more, and how to start it again."""
    with override(settings.LANGUAGE_CODE):
        context = {
            "url": url,
            "reason": reason.label,
            "site_url": settings.SITE_URL,
            "site_name": settings.SITE_NAME,
        }
        template = "accounts/email/webhook_stopped"
        subject = render_to_string(f"{template}_subject.txt", context).strip()
        text = render_to_string(f"{template}_message.txt", context).strip()
        html = render_to_string(f"{template}_message.html", context)
    for address in settings.OPERATOR_EMAILS:
        message = EmailMultiAlternatives(
            f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{subject}", text, to=[address]
        )
        message.attach_alternative(html, "text/html")
        sending.enqueue(message)
