"""Mails of our own: what the owner of an account must hear, in the owner's language."""

from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import override

from accounts import mail
from accounts.client_info import ClientInfo, device_name
from accounts.models import AuthSession
from accounts.people.models import User

EMAIL = "accounts/email"


def refresh_token_reused(session: AuthSession, *, client: ClientInfo) -> None:
    """A refresh token that had been replaced came back: somebody may hold a copy."""
    if session.user is None:
        return
    context = {
        "session": session,
        "device": device_name(client.user_agent),
        "user_agent": client.user_agent,
        "ip": client.ip,
    }
    _send("refresh_token_reused", session.user, context)


def unlinked(user: User, *, provider: str) -> None:
    """The provider ended the connection, and with it perhaps the only way in that is known."""
    _send("provider_unlinked", user, {"provider": provider})


def hijacked(user: User, *, provider: str) -> None:
    """The provider says that the connected account is in wrong hands."""
    _send("provider_hijacked", user, {"provider": provider})


def _send(name: str, user: User, context: dict[str, Any]) -> None:
    """To an address that its owner proved: nobody else's account is anybody's business."""
    if not EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True).exists():
        return
    context |= {
        "timestamp": timezone.localtime(),
        "site_url": settings.SITE_URL,
        "site_name": settings.SITE_NAME,
    }
    with override(user.locale or settings.LANGUAGE_CODE):
        subject = render_to_string(f"{EMAIL}/{name}_subject.txt", context).strip()
        message = EmailMultiAlternatives(
            f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{subject}",
            render_to_string(f"{EMAIL}/{name}_message.txt", context).strip(),
            to=[user.email],
        )
        html = render_to_string(f"{EMAIL}/{name}_message.html", context)
        message.attach_alternative(html, "text/html")
    mail.enqueue(message)
