"""Mails of our own: what the owner of an account must hear, in the owner's language."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import override

from accounts import mail
from accounts.client_info import ClientInfo, device_name
from accounts.models import AuthSession

REUSED = "accounts/email/refresh_token_reused"


def refresh_token_reused(session: AuthSession, *, client: ClientInfo) -> None:
    """A refresh token that had been replaced came back: somebody may hold a copy."""
    if session.user is None:
        return
    context = {
        "session": session,
        "timestamp": timezone.localtime(),
        "device": device_name(client.user_agent),
        "user_agent": client.user_agent,
        "ip": client.ip,
        "site_url": settings.SITE_URL,
        "site_name": settings.SITE_NAME,
    }
    with override(session.user.locale or settings.LANGUAGE_CODE):
        subject = render_to_string(f"{REUSED}_subject.txt", context).strip()
        message = EmailMultiAlternatives(
            f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{subject}",
            render_to_string(f"{REUSED}_message.txt", context).strip(),
            to=[session.user.email],
        )
        html = render_to_string(f"{REUSED}_message.html", context)
        message.attach_alternative(html, "text/html")
    mail.enqueue(message)
