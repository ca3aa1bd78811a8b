"""Allow another sign-up with an address that nobody has proved yet.

Anybody can type any address, or close the page before typing the code. So an account without a proved
address doesn't stop later sign-ups: the next visitor with that address uses the same row, with a code
and a password in a session of their own. The first visitor who types a mailed code owns the account,
with the password that was chosen in that visitor's session.
"""

from typing import Any, cast

from allauth.account.internal.flows.email_verification_by_code import EmailVerificationProcess
from allauth.account.internal.flows.signup import prevent_enumeration
from allauth.account.stages import EmailVerificationStage, LoginStageController
from allauth.core import context
from allauth.core.ratelimit import consume
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts.audit import trail
from accounts.audit.vocabulary import Deletion, EventType
from accounts.errors import ConflictError
from accounts.pages import admission, claims, decoys, mail_requests
from accounts.people import addresses
from accounts.people.models import User
from accounts.request import client_of

OWN_PASSWORD = "sign_up_again"  # noqa: S105 - an entry of the session
"""The session entry with the user's id, the hash of the password and the further profile of this visitor."""
PROVIDER = "sign_up_by"
"""The session entry with the provider's answer by which this visitor signs up."""


class SignsUpAgain:
    """Make one of allauth's sign-up forms accept an address that nobody has proved."""

    password_field = "password1"  # noqa: S105 - a field's name
    unproved: User | None = None

    def validate_unique_email(self, value: str) -> str:
        if (invitation := admission.presented(context.request)) is not None:
            if value == invitation.email:
                replace(value)  # the link proves the address, so this visitor begins anew
            elif settings.SIGN_UP == admission.INVITATION:
                raise ValidationError(_("Your invitation is for another email."), code="invalid")
        self.unproved = addresses.unproved_account(value)
        if self.unproved is not None:
            return value
        email: str = super().validate_unique_email(value)  # type: ignore[misc]  # of the form
        return email

    def waits_for_code(self, request: HttpRequest) -> bool:
        """Return True if this session waits for the code that this address has just got.

        Then note the password of this form, as if it had been sent first. The address may have an account.
        A sign-up by a provider doesn't wait any more (`forget_provider`).
        """
        forget_provider(request)
        form = cast("Any", self)
        email = form.cleaned_data["email"]
        process = EmailVerificationProcess.resume(request)
        stage = LoginStageController.enter(request, EmailVerificationStage.key)
        if process is None or stage is None or process.email != email:
            return False
        if consume(request, action="confirm_email", key=email, dry_run=True):
            return False
        password = form.cleaned_data.get(self.password_field) or None
        if self.unproved is not None:
            _again(request, self.unproved, password, form.extras)
        else:
            decoys.leave(email, make_password(password))
        return True

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        forget_provider(request)
        form = cast("Any", self)
        email = form.cleaned_data["email"]
        mail_requests.count(request, "sign_up", email)
        password = form.cleaned_data.get(self.password_field) or None
        if self.unproved is not None:
            return _again(request, self.unproved, password, form.extras), None
        if form.account_already_exists:
            decoys.leave(email, make_password(password))
        try:
            with transaction.atomic():
                saved: tuple[User | None, HttpResponse | None] = super().try_save(request)  # type: ignore[misc]  # of the form
        except ConflictError:
            # Another request made an account with this address. It may still be unproved.
            user = addresses.unproved_account(email)
            if user is None:
                decoys.leave(email, make_password(password))
                return None, prevent_enumeration(request, email=email)
            return _again(request, user, password, form.extras), None
        if saved[0] is not None:
            decoys.leave(email, saved[0].password)
        return saved


def _again(request: HttpRequest, user: User, password: str | None, extras: dict[str, Any]) -> User:
    hashed = make_password(password)
    request.session[OWN_PASSWORD] = {"user": str(user.pk), "hash": hashed, "extras": extras}
    decoys.leave(user.email, hashed)
    return user


def note_no_password(request: HttpRequest, user: User) -> None:
    """Note in the session an unusable password for this account, unless this visitor chose one.

    Call before `own` if the visitor may not have signed up in this session.
    """
    noted = request.session.get(OWN_PASSWORD)
    if noted is None or noted["user"] != str(user.pk):
        request.session[OWN_PASSWORD] = {"user": str(user.pk), "hash": make_password(None)}


def forget_password(request: HttpRequest) -> None:
    """Forget the password that was chosen in this session."""
    request.session.pop(OWN_PASSWORD, None)


def own(request: HttpRequest, user: User) -> None:
    """Give an unproved account to the visitor who is about to prove its address in this session.

    Call in the transaction that marks the address as proved. Sets the password and the further profile that this visitor chose,
    and removes the name and the connections, which strangers may have added. Does nothing if this session
    has no password for the account, or if the account is proved already. Raises `ConflictError` if the account was deleted.
    """
    noted = request.session.pop(OWN_PASSWORD, None)
    if noted is None or noted["user"] != str(user.pk):
        return
    locked = User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()
    if locked is None:  # another visitor signs up by a provider (`replace`)
        raise ConflictError
    if addresses.is_unproved(locked):
        addresses.disown_unproven(locked)
        user.password = locked.password = noted["hash"]
        locked.save_password()
        user.extras = locked.extras = noted.get("extras", {})
        locked.save(update_fields=["extras"])
        user.password_version = locked.password_version
        trail.record(EventType.USER_ADOPTED, user=locked, client=client_of(request))


# By a provider


class ReplacesUnproved:
    """Make the sign-up form after a provider accept an address that nobody has proved."""

    def validate_unique_email(self, value: str) -> str:
        replace(value)
        email: str = super().validate_unique_email(value)  # type: ignore[misc]  # of the form
        return email


def replace(email: str) -> None:
    """Delete the unproved account with this address, if there is one. Call before making a new one.

    A visitor who waits for the code of the deleted account must begin again.
    """
    with transaction.atomic():
        user = addresses.unproved_account(email)
        if user is None:
            return
        locked = User.objects.select_for_update().get(pk=user.pk)
        if addresses.is_unproved(locked):
            _without_telling(locked)
            locked.delete()
            claims.record_deleted(email, user.pk, reason=Deletion.SIGNED_UP_AGAIN)


def note_provider(request: HttpRequest, login: SocialLogin) -> None:
    """Store the provider's answer, so that the visitor can choose another address on the code page."""
    request.session[PROVIDER] = login.serialize()


def forget_provider(request: HttpRequest) -> None:
    """Forget the sign-up by a provider that waits in this session for a code.

    Call when a sign-up without a provider begins. Another person may have begun the former one, and the
    code would connect that person's account at the provider.
    """
    if request.session.pop(PROVIDER, None) is not None:
        process = EmailVerificationProcess.resume(request)
        if process is not None:
            process.abort()


def release(provider: str, uid: str) -> None:
    """Delete the unproved account that is connected to this person at a provider, if there is one.

    Call before the sign-up begins again.
    """
    with transaction.atomic():
        account = SocialAccount.objects.filter(provider=provider, uid=uid).first()
        if account is None:
            return
        user = User.objects.select_for_update().get(pk=account.user_id)
        if addresses.is_unproved(user):
            _without_telling(user)
            user.delete()
            claims.record_deleted(user.email, account.user_id, reason=Deletion.SIGNED_UP_AGAIN)


def _without_telling(user: User) -> None:
    """Delete the connections of this user, without a message to the providers.

    The sign-up goes on by the same provider, so the provider must keep its side of the connection.
    """
    for account in user.socialaccount_set.all():
        account.is_gone_there = True  # type: ignore[attr-defined]  # `tell_provider` reads it
        account.delete()


def begin_again(request: HttpRequest) -> str:
    """Forget the sign-up of this session. Returns the name of the page where it begins again."""
    request.session.pop(OWN_PASSWORD, None)
    noted = request.session.pop(PROVIDER, None)
    if noted is None:
        return "account_signup"
    login = SocialLogin.deserialize(noted)
    release(login.account.provider, login.account.uid)
    request.session["socialaccount_sociallogin"] = noted
    return "socialaccount_signup"
