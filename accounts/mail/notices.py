"""Write our own mails: warnings to the owner of an account, in the owner's language.

A notice goes only to an email that the owner has proved; otherwise none is sent.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import override

from accounts.client_info import ClientInfo
from accounts.mail import sending
from accounts.people.models import User

EMAIL = "accounts/email"


def refresh_token_reused(user: User, *, signed_in: ClientInfo, client: ClientInfo) -> None:
    """Warn that a refresh token was used after it had been replaced: a thief may hold a copy.

    `signed_in` is the device of the sign-in that has ended, `client` the one that sent the token.
    """
    _send("refresh_token_reused", user, {"signed_in": signed_in}, client=client)


def unlinked(user: User, *, provider: str) -> None:
    """Tell the owner that the provider ended the connection, and how to sign in without it."""
    _send("provider_unlinked", user, {"provider": provider})


def hijacked(user: User, *, provider: str) -> None:
    """Warn that the provider reports the connected account as stolen."""
    _send("provider_hijacked", user, {"provider": provider})


def deletion_requested(user: User, *, erase_at: datetime, client: ClientInfo) -> None:
    """Say when the account will be deleted, and how to keep it."""
    _send("deletion_requested", user, {"erase_at": timezone.localtime(erase_at)}, client=client)


def deletion_cancelled(user: User, *, client: ClientInfo) -> None:
    """Say that a sign-in has kept the account."""
    _send("deletion_cancelled", user, {}, client=client)


def factor_added(user: User, *, factor: str, client: ClientInfo) -> None:
    """Say that sign-ins need a second step from now on. `factor` is its name for people."""
    _send("factor_added", user, {"factor": factor}, client=client)


def factor_removed(user: User, *, factor: str, client: ClientInfo) -> None:
    _send("factor_removed", user, {"factor": factor}, client=client)


def recovery_codes_replaced(user: User, *, client: ClientInfo) -> None:
    _send("recovery_codes_replaced", user, {}, client=client)


def recovery_code_used(user: User, *, left: int, client: ClientInfo) -> None:
    """Say that a recovery code signed somebody in or proved a sign-in, and how many are left."""
    _send("recovery_code_used", user, {"left": left}, client=client)


def second_step_guessed(user: User, *, client: ClientInfo) -> None:
    """Warn that a person who passed the first step has no tries left for the second."""
    _send("second_step_guessed", user, {}, client=client)


def _send(
    name: str, user: User, context: dict[str, Any], *, client: ClientInfo | None = None
) -> None:
    """Queue this mail to the user's email. Sends nothing if the user has not proved that email.

    The address may then belong to another person, who must not learn about the account.
    """
    if not user.emailaddress_set.filter(email__iexact=user.email, verified=True).exists():
        return
    context |= {
        "timestamp": timezone.localtime(),
        "site_url": settings.SITE_URL,
        "site_name": settings.SITE_NAME,
    }
    with override(user.locale or settings.LANGUAGE_CODE):
        if client is not None:  # the name of a device is in the reader's language, too
            context |= {
                "device": client.device,
                "user_agent": client.user_agent,
                "ip": client.ip,
            }
        subject = render_to_string(f"{EMAIL}/{name}_subject.txt", context).strip()
        message = EmailMultiAlternatives(
            f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{subject}",
            render_to_string(f"{EMAIL}/{name}_message.txt", context).strip(),
            to=[user.email],
        )
        html = render_to_string(f"{EMAIL}/{name}_message.html", context)
        message.attach_alternative(html, "text/html")
    sending.enqueue(message, user_id=user.pk)
