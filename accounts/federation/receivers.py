"""Receivers for connections: tell the provider, write the audit log, keep the last way to sign in."""

from typing import Any
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.socialaccount import signals
from allauth.socialaccount.models import SocialAccount
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.errors import ConflictError
from accounts.federation.endings import unlinking
from accounts.people.models import User
from accounts.request import client_of
from accounts.signins import sessions
from accounts.store.engine import SID


@receiver(pre_delete, sender=SocialAccount)
def tell_provider(instance: SocialAccount, **kwargs: Any) -> None:
    """Queue a message to the provider when a connection is deleted, unless the provider told us."""
    if not getattr(instance, "is_gone_there", False):
        unlinking.removed(instance)


@receiver(signals.social_account_added)
def record_connected(request: HttpRequest, sociallogin: Any, **kwargs: Any) -> None:
    trail.record(
        AuditEvent.Type.SOCIAL_CONNECTED,
        user=sociallogin.user,
        sid=request.session.get(SID),
        reason=sociallogin.account.provider,
        client=client_of(request),
    )


@receiver(signals.social_account_added)
def tell_the_other_address(request: HttpRequest, sociallogin: Any, **kwargs: Any) -> None:
    """Send the notice to the provider's address as well, if it is verified and another one.

    allauth sends it to the account's address only.
    """
    for address in sociallogin.email_addresses:
        if address.verified and address.email.lower() != sociallogin.user.email:
            get_adapter().send_notification_mail(
                "socialaccount/email/connected_elsewhere",
                sociallogin.user,
                {"provider": sociallogin.account.get_provider()},
                email=address.email,
            )


@receiver(pre_delete, sender=SocialAccount)
def keep_the_last_way_in(instance: SocialAccount, origin: Any = None, **kwargs: Any) -> None:
    """Refuse to disconnect the owner's last way to sign in. Raises `ConflictError`.

    allauth has checked this already. But of two requests at the same time, each may count on the
    other one's connection. Runs in the transaction of the deletion, which the error rolls back.
    Ignores deletions by anybody else, and the deletion of the whole account.
    """
    request = context.request
    if origin is not instance or getattr(request, "user", None) != instance.user:
        return
    user = User.objects.select_for_update(no_key=True).get(pk=instance.user_id)
    others = SocialAccount.objects.filter(user=user).exclude(pk=instance.pk)
    if not user.has_usable_password() and not others.exists():
        raise ConflictError


@receiver(signals.social_account_removed)
def end_what_it_opened(request: HttpRequest, socialaccount: Any, **kwargs: Any) -> None:
    """Record the disconnection, and end the sign-ins that the provider opened, except this one."""
    user, provider, sid = socialaccount.user, socialaccount.provider, request.session.get(SID)
    trail.record(
        AuditEvent.Type.SOCIAL_DISCONNECTED, user=user, reason=provider, client=client_of(request)
    )
    sessions.revoke_opened_by(
        provider,
        user,
        reason=sessions.Reason.PROVIDER,
        keep=UUID(sid) if sid else None,
        client=client_of(request),
    )
