"""Write our own mails: warnings to the owner of an account, in the owner's language.

A notice goes only to an email that the owner has proved. An act of an operator goes to any: see `addresses_of`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import lazy
from django.utils.translation import override

from accounts.audit.vocabulary import Denied, method_label
from accounts.client_info import ClientInfo
from accounts.mail import denial_links, sending
from accounts.people.models import User

EMAIL = "accounts/email"


def _in_words(moment: datetime) -> str:
    """Return the moment in the reader's language, with its time zone: a mail may be read anywhere."""
    here = timezone.localtime(moment)
    return f"{date_format(here, 'DATETIME_FORMAT')} {here:%Z}"


_moment = lazy(_in_words, str)
"""Is worked out while the mail is rendered, in the language of its reader."""


def refresh_token_reused(user: User, *, signed_in: ClientInfo, client: ClientInfo) -> None:
    """Warn that a refresh token was used after it had been replaced: a thief may hold a copy.

    `signed_in` is the device of the sign-in that has ended, `client` the one that sent the token.
    """
    _send(
        "refresh_token_reused", user, {"signed_in": signed_in}, client=client, about=Denied.SIGN_IN
    )


def signed_in(  # noqa: PLR0913 - the facts of one mail
    user: User,
    *,
    sid: UUID,
    amr: list[str],
    client: ClientInfo,
    is_new_device: bool,
    failures: int,
    is_long_idle: bool,
) -> None:
    """Tell the owner of an odd sign-in, and why it is odd (`signins.oddities`)."""
    context = {
        "is_new_device": is_new_device,
        "failures": failures,
        "is_long_idle": is_long_idle,
        "amr": amr,
    }
    _send("signed_in", user, context, client=client, about=Denied.SIGN_IN, sid=sid)


def second_step_unfinished(user: User, *, begun_at: datetime, client: ClientInfo) -> None:
    """Warn that a person who passed the first step did not go on with the second."""
    context = {"timestamp": timezone.localtime(begun_at)}
    _send("second_step_unfinished", user, context, client=client, about=Denied.HALF_SIGN_IN)


def denied(user: User, *, reset_path: str, client: ClientInfo, is_by_link: bool = True) -> None:
    """Confirm the report "it wasn't me". `reset_path` leads to a new password, or is ''."""
    context = {"reset_path": reset_path, "is_by_link": is_by_link}
    _send("denied", user, context, client=client)


def unlinked(user: User, *, provider: str) -> None:
    """Tell the owner that the provider ended the connection, and how to sign in without it."""
    _send("provider_unlinked", user, {"provider": provider})


def hijacked(user: User, *, provider: str) -> None:
    """Warn that the provider reports the connected account as stolen."""
    _send("provider_hijacked", user, {"provider": provider})


def deletion_requested(user: User, *, erase_at: datetime, client: ClientInfo) -> None:
    """Say when the account will be deleted, and how to keep it."""
    facts = {"when": _moment(erase_at), "has_password": user.has_usable_password()}
    _send("deletion_requested", user, facts, client=client)


def account_dormant(user: User, *, erase_at: datetime) -> None:
    """Say that the account will be deleted because nobody uses it, and how to keep it."""
    _send("account_dormant", user, {"when": _moment(erase_at)})


def deletion_cancelled(user: User, *, is_reported: bool, client: ClientInfo) -> None:
    """Say that a sign-in has kept the account, or a report "it wasn't me"."""
    _send("deletion_cancelled", user, {"is_reported": is_reported}, client=client)


def name_changed(user: User, *, by_administrator: bool, client: ClientInfo) -> None:
    """Say that the name was changed. The mail repeats no name: a thief could write to the owner by it."""
    _send("name_changed", user, {"by_administrator": by_administrator}, client=client)


def factor_added(user: User, *, factor: str, client: ClientInfo) -> None:
    """Say that sign-ins need a second step from now on. `factor` is its name for people."""
    _send("factor_added", user, {"factor": factor}, client=client, about=Denied.FACTOR)


def factor_removed(user: User, *, factor: str, client: ClientInfo) -> None:
    _send("factor_removed", user, {"factor": factor}, client=client, about=Denied.FACTOR)


def recovery_codes_replaced(user: User, *, client: ClientInfo) -> None:
    _send("recovery_codes_replaced", user, {}, client=client, about=Denied.FACTOR)


def recovery_code_used(user: User, *, left: int, client: ClientInfo) -> None:
    """Say that a recovery code signed somebody in or proved a sign-in, and how many are left."""
    _send("recovery_code_used", user, {"left": left}, client=client, about=Denied.FACTOR)


def second_step_guessed(user: User, *, client: ClientInfo) -> None:
    """Warn that a person who passed the first step has no tries left for the second."""
    _send("second_step_guessed", user, {}, client=client, about=Denied.HALF_SIGN_IN)


def passkey_cloned(user: User, *, client: ClientInfo) -> None:
    """Warn that a passkey was refused, because its count of signatures shows that a copy may exist."""
    _send("passkey_cloned", user, {}, client=client, about=Denied.FACTOR)


def factor_reset_requested(user: User, *, due_at: datetime, token: str) -> None:
    """Say that an administrator will remove the second factors, and give the link that stops it."""
    context = {"when": _moment(due_at), "token": token}
    _send("factor_reset_requested", user, context, to=addresses_of(user))


def factor_reset_stopped(user: User) -> None:
    _send("factor_reset_stopped", user, {}, to=addresses_of(user))


def factor_reset_done(user: User) -> None:
    _send("factor_reset_done", user, {}, to=addresses_of(user))


class Act(StrEnum):
    """What an operator did to an account. The templates of `operator_acted` have the words."""

    DELETION = "deletion"
    EMAIL_CHANGED = "email_changed"
    EXPORTED = "exported"
    LOCKED = "locked"
    MADE_SUPERUSER = "made_superuser"
    PROFILE_CHANGED = "profile_changed"
    SIGN_IN_ENDED = "sign_in_ended"
    SIGN_INS_ENDED = "sign_ins_ended"
    UNLOCKED = "unlocked"


def operator_acted(
    user: User, act: Act, *, moment: datetime | None = None, to: list[str] | None = None
) -> None:
    """Tell the owner what an operator did. The mail has no words and no address of the operator."""
    context = {"act": str(act), "moment": moment and _moment(moment)}
    _send("operator_acted", user, context, to=addresses_of(user) if to is None else to)


def email_proposed(user: User, *, email: str, token: str) -> None:
    """Ask the owner of a new address to prove it. It may be a stranger's: the mail names no account."""
    _send("email_proposed", user, {"token": token, "email": email}, to=[email])


def email_about_to_change(user: User, *, email: str, due_at: datetime, token: str) -> None:
    """Say that the email will change to this one, and give all other addresses the link that stops it."""
    context = {"when": _moment(due_at), "token": token}
    to = [address for address in addresses_of(user) if address.lower() != email]
    _send("email_about_to_change", user, context, to=to)


def invited(email: str, *, locale: str, url: str, expires_at: datetime) -> None:
    """Mail the link of an invitation. The address has no account, so no account's language is known."""
    context = {"url": url, "when": _moment(expires_at), "email": email}
    with override(locale):
        message = _rendered("invited", context, to=email)
    sending.enqueue(message)


def addresses_of(user: User) -> list[str]:
    """Return the email, proved or not, so that somebody learns what an operator does, and all proved ones."""
    return [user.email, *(each for each in _proved(user) if each.lower() != user.email.lower())]


def _proved(user: User) -> list[str]:
    """Return all addresses of the user that are proved."""
    return list(user.emailaddress_set.filter(verified=True).values_list("email", flat=True))


def _send(  # noqa: PLR0913 - the facts of one mail
    name: str,
    user: User,
    context: dict[str, Any],
    *,
    client: ClientInfo | None = None,
    to: list[str] | None = None,
    about: Denied | None = None,
    sid: UUID | None = None,
) -> None:
    """Queue this mail to the user's email, or one to each address in `to`.

    Without `to`, sends nothing if the user has not proved that email: it may then belong to another
    person, who must not learn about the account. `about` and `sid` are for the link by which the owner reports: it
    wasn't me.
    """
    if to is None:
        to = [email for email in _proved(user) if email.lower() == user.email.lower()]
    if not to:
        return
    context = {
        "timestamp": timezone.localtime(),
        "denial_url": about and denial_links.url(user, about=about, to=user.email, sid=sid),
        **context,
    }
    with override(user.locale or settings.LANGUAGE_CODE):
        if client is not None:  # the name of a device is in the reader's language, too
            context |= {
                "device": client.device,
                "user_agent": client.user_agent,
                "ip": client.ip,
                "place": client.place,
                "methods": [str(method_label(value)) for value in context.get("amr", [])],
            }
        for address in to:
            sending.enqueue(_rendered(name, context, to=address), kind=name, user_id=user.pk)


def _rendered(name: str, context: dict[str, Any], *, to: str) -> EmailMultiAlternatives:
    """Return the mail in the active language."""
    context = {"site_url": settings.SITE_URL, "site_name": settings.SITE_NAME, **context}
    subject = render_to_string(f"{EMAIL}/{name}_subject.txt", context).strip()
    text = render_to_string(f"{EMAIL}/{name}_message.txt", context).strip()
    html = render_to_string(f"{EMAIL}/{name}_message.html", context)
    prefix = settings.ACCOUNT_EMAIL_SUBJECT_PREFIX
    message = EmailMultiAlternatives(f"{prefix}{subject}", text, to=[to])
    message.attach_alternative(html, "text/html")
    return message
