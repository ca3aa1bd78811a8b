"""Receive changes of an account: its password, rights, email, sign-up and deletion.

They end the sign-ins that the change makes invalid, and write the audit log.
"""

from collections.abc import Collection
from typing import Any

from allauth.account import signals as account_signals
from allauth.account.authentication import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.core import context
from django.db import transaction
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.bell import Topic, bell
from accounts.client_info import ClientInfo
from accounts.invitations import invitations
from accounts.moving import arrivals, departures
from accounts.pages import admission, claims, mail_requests
from accounts.pages.middleware import RIGHTS_FIELDS, current
from accounts.people import addresses
from accounts.people.models import User
from accounts.request import client_of
from accounts.signins import guesses, sessions


@receiver(account_signals.password_changed)
@receiver(account_signals.password_set)
def revoke_other_sessions(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """End all other sign-ins after a password change; keep this one."""
    client = client_of(request)
    session = current(request)
    request.session.cycle_key()
    trail.record(AuditEvent.Type.PASSWORD_CHANGED, user=user, client=client)
    sessions.revoke_all(
        user,
        reason=sessions.Reason.PASSWORD_CHANGED,
        keep=session.pk if session else None,
        client=client,
    )


@receiver(account_signals.password_reset)
def revoke_all_sessions(request: HttpRequest, user: User, **kwargs: Any) -> None:
    client = client_of(request)
    addresses.disown_unproven(user)
    arrivals.prove(user, {"method": "password_reset"}, client=client)
    guesses.forget(user.email)
    mail_requests.used(request, user.email)
    trail.record(AuditEvent.Type.PASSWORD_RESET, user=user, client=client)
    sessions.revoke_all(user, reason=sessions.Reason.PASSWORD_RESET, client=client)


@receiver(post_save, sender=User)
def revoke_sessions_of_changed(
    instance: User, created: bool, update_fields: Collection[str] | None = None, **kwargs: Any
) -> None:
    """End all sign-ins of an account that is saved as disabled, with other rights or a new password.

    Tokens and sessions carry the rights of their sign-in. The password is a command's or another
    program's: our pages and the headless API use `save_password`. A bulk `update()` sends no signal: call
    `sessions.revoke_all` beside it.
    """
    if created:
        return
    has_new_password = "password" in (update_fields or ()) and not instance.is_password_told
    if has_new_password:
        trail.record(AuditEvent.Type.PASSWORD_CHANGED, user=instance)
    if not instance.is_active:
        sessions.revoke_all(instance, reason=sessions.Reason.DEACTIVATED)
    elif has_new_password:
        sessions.revoke_all(instance, reason=sessions.Reason.PASSWORD_CHANGED)
    elif update_fields is None or not RIGHTS_FIELDS.isdisjoint(update_fields):
        sessions.revoke_all(instance, reason=sessions.Reason.RIGHTS_CHANGED)


@receiver([post_save, post_delete], sender=User)
def tell_of_change(instance: User, created: bool = False, **kwargs: Any) -> None:
    """Tell all processes after the commit: open pages show the new values."""
    if created:
        return
    user_id = instance.pk  # None once the user is deleted
    transaction.on_commit(lambda: bell.publish(Topic.USERS, [user_id]), robust=True)


@receiver(pre_save, sender=EmailAddress)
def claim_proved_address(instance: EmailAddress, **kwargs: Any) -> None:
    """Take a proved address from accounts that never proved it, and use up its invitation.

    Runs before allauth writes the address into the user, where it must be unique.
    """
    if instance.verified:
        if instance.pk:
            admission.require_open_to_finish(instance.user)
        _prove_arrival(instance.user)
        # In the order of a sign-up by the link, so that neither waits for a row of the other.
        invitations.accept(instance.email, instance.user)
        claims.claim(instance.email, owner_id=instance.user_id)


def _prove_arrival(user: User) -> None:
    """Take what nobody proved from an account that came with an unproved address (`arrivals`)."""
    request = context.request
    records = get_authentication_records(request, user) if request else []
    client = client_of(request) if request else ClientInfo()
    arrivals.prove(user, records[-1] if records else {}, client=client)


@receiver(pre_delete, sender=User)
def revoke_sessions_of_deleted(instance: User, **kwargs: Any) -> None:
    """End all sign-ins of a user before the deletion. Their rows stay, so every process learns of it.

    Locks the user first, as `sessions.open` does, so that no sign-in opens at the same time. `no_key`
    avoids a deadlock with a sign-out, whose audit event refers to the user. Also notes that it departs.
    """
    User.objects.select_for_update(no_key=True).filter(pk=instance.pk).first()
    departures.note(instance)
    sessions.revoke_all(instance, reason=sessions.Reason.DELETED)


@receiver(account_signals.user_signed_up)
def record_sign_up(request: HttpRequest, user: User, **kwargs: Any) -> None:
    trail.record(AuditEvent.Type.USER_SIGNED_UP, user=user, client=client_of(request))


@receiver(account_signals.email_confirmed)
def record_verified(request: HttpRequest, email_address: Any, **kwargs: Any) -> None:
    mail_requests.used(request, email_address.email)
    trail.record(
        AuditEvent.Type.EMAIL_VERIFIED,
        user=email_address.user,
        identifier=email_address.email,
        client=client_of(request),
    )


@receiver(account_signals.email_changed)
def record_email_changed(
    request: HttpRequest, user: User, from_email_address: Any, **kwargs: Any
) -> None:
    if from_email_address is None:
        return  # a sign-up sets the first address
    trail.record(AuditEvent.Type.EMAIL_CHANGED, user=user, client=client_of(request))
