"""Offer to end all other sign-ins after a change of the account that ends none (ASVS 7.4.3)."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.signals import email_changed
from allauth.socialaccount.signals import social_account_added
from django.contrib import messages
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.pages.middleware import current
from accounts.people.models import User
from accounts.signins.models import AuthSession

TAG = "end-others"
"""The layout adds the button to a message with this tag."""


@receiver(email_changed)
def after_email(request: HttpRequest, user: User, **kwargs: Any) -> None:
    _offer(request, user)


@receiver(social_account_added)
def after_connection(request: HttpRequest, sociallogin: Any, **kwargs: Any) -> None:
    _offer(request, sociallogin.user)


def _offer(request: HttpRequest, user: User) -> None:
    """Add the message for the next page, if another device is signed in."""
    if request.user != user:
        return  # a sign-up, or a sign-in that connects
    session = current(request)
    others = AuthSession.objects.for_user(user.pk).active()
    if session is not None and others.exclude(pk=session.pk).exists():
        text = _("Is somebody else using your account? Then sign out all other devices now.")
        get_adapter().add_message(request, messages.INFO, message=text, extra_tags=TAG)
