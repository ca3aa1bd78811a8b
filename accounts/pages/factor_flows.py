"""Put our changes of second factors in the place of allauth's, for which it has no setting."""

from base64 import b64encode
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, cast

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal import flows as recovery_codes_flows
from allauth.mfa.totp.internal import auth as totp_auth
from allauth.mfa.totp.internal import flows as totp_flows
from allauth.mfa.totp.internal.auth import clear_totp_secret
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.audit.vocabulary import FactorKind
from accounts.factors import changes, policy, registry, resets
from accounts.factors.passkeys.answers import NewCredential
from accounts.factors.passkeys.wrapper import Wrapper as Passkey
from accounts.factors.recovery_codes.wrapper import PLAIN
from accounts.factors.recovery_codes.wrapper import Wrapper as RecoveryCodes
from accounts.factors.stage import EnrolStage, HoldsPassword
from accounts.factors.totp import pending
from accounts.factors.totp.wrapper import Wrapper as App
from accounts.pages.middleware import current
from accounts.people.models import User
from accounts.request import client_of

WRAPPERS: dict[str, Any] = {
    FactorKind.PASSKEY: Passkey,
    FactorKind.TOTP: App,
    FactorKind.RECOVERY_CODES: RecoveryCodes,
}


def activate_totp(request: HttpRequest, form: Any) -> tuple[Authenticator, None]:
    """Add the app that the form has proved, and rotate the session's id.

    Returns the app's row, whose attribute `plain_codes` has new recovery codes. Raises
    `ReauthenticationRequired` and `ConflictError`.
    """
    raise_if_reauthentication_required(request, app="allauth.mfa")
    session = current(request)
    if session is None:
        raise ReauthenticationRequired
    user = cast("User", request.user)
    app, plain = changes.add_app(
        user, form.secret, step=form.step, session=session, client=client_of(request)
    )
    setattr(app, PLAIN, plain)
    clear_totp_secret(request)
    request.session.cycle_key()
    return app, None


def enrol(request: HttpRequest, form: Any, stage: EnrolStage) -> tuple[HttpResponse, list[str]]:
    """Add the app that the form has proved, and go on with the sign-in that waits for it.

    Returns the pipeline's answer and the new recovery codes. Adds nothing if the account or its
    password changed meanwhile. Raises `ConflictError` if the account got a factor meanwhile.
    """
    user = cast("User | None", stage.login.user)
    if user is None or not stage.is_unchanged:
        return cast("HttpResponse", stage.abort()), []  # type: ignore[no-untyped-call]  # allauth's
    app, plain = changes.add_app(
        user, form.secret, step=form.step, session=None, client=client_of(request)
    )
    app.user = user
    clear_totp_secret(request)
    post_authentication(request, app)  # the record from which `amr` is made
    return cast("HttpResponse", stage.exit()), plain


def enrol_passkey(
    request: HttpRequest, new: NewCredential | None, stage: HoldsPassword
) -> tuple[HttpResponse, list[str]]:
    """Add the first passkey of an account, and go on with the sign-in that waits for it.

    Returns as `enrol` does. None for `new` goes on without a passkey: only for a sign-up. Raises
    `PasskeyError`, and `ConflictError` as `enrol` does.
    """
    user = cast("User | None", stage.login.user)
    if user is None or not stage.is_unchanged:
        return cast("HttpResponse", stage.abort()), []  # type: ignore[no-untyped-call]  # allauth's
    plain: list[str] = []
    if new is not None:
        passkey, plain = changes.add_passkey(user, new, session=None, client=client_of(request))
        post_authentication(request, passkey)
    return cast("HttpResponse", stage.exit()), plain


def deactivate_totp(request: HttpRequest, authenticator: Authenticator) -> None:
    raise_if_reauthentication_required(request, app="allauth.mfa")
    changes.remove_app(cast("User", request.user), client=client_of(request))


def generate_recovery_codes(request: HttpRequest) -> Authenticator:
    """Return the row of new codes, whose attribute `plain_codes` has them.

    Raises `ReauthenticationRequired`, and `ValidationError` if the account has no other factor.
    """
    raise_if_reauthentication_required(request, app="allauth.mfa")
    made = changes.replace_recovery_codes(cast("User", request.user), client=client_of(request))
    if made is None:
        raise ValidationError(_("Add an authenticator app first."))
    row, plain = made
    setattr(row, PLAIN, plain)
    return row


def notices_for(user: User) -> Iterator[str]:
    """Yield the texts about second factors that a user reads after signing in."""
    if notice := policy_notice(user):
        yield notice
    if reset := resets.pending_of(user):
        text = _(
            "On %(when)s, an administrator's order will remove your second step. You can stop it "
            "under Second step."
        )
        yield text % {"when": date_format(timezone.localtime(reset.due_at), "DATETIME_FORMAT")}


def policy_notice(user: User) -> str:
    """Return a text that says from when on the account needs a factor, or '' if it needs none."""
    due_at = due_at_for(user)
    if due_at is None:
        return ""
    if isinstance(due_at, datetime):
        text = _("You can sign in without a second step until %(when)s. Add an app before.")
        return text % {"when": date_format(timezone.localtime(due_at), "DATETIME_FORMAT")}
    text = _("From %(day)s on, your account needs a second step. Add an app before.")
    return text % {"day": date_format(due_at)}


def due_at_for(user: User) -> date | None:
    """Return from when on this account needs a factor: a day, or the end of its grace period.

    Returns None if it has a factor, or if the policy doesn't name it.
    """
    day = settings.MFA_REQUIRED_FROM
    is_announced = day is not None and timezone.localdate() < day
    if not is_announced and not settings.MFA_GRACE_DAYS:
        return None
    if not policy.applies(user) or registry.factors_of(user):
        return None
    return day if is_announced else policy.grace_ends(user)


def due_moment_for(user: User) -> datetime | None:
    """Return the same as a moment, for programs. A day begins at midnight."""
    due_at = due_at_for(user)
    if due_at is None or isinstance(due_at, datetime):
        return due_at
    return timezone.make_aware(datetime.combine(due_at, time.min))


def pictured(user: Any, secret: str) -> dict[str, str]:
    """Return the secret's `otpauth` address, and its QR code as an address of an SVG image."""
    adapter = get_adapter()
    url = adapter.build_totp_url(user, secret)
    svg = b64encode(adapter.build_totp_svg(url).encode()).decode()
    return {"totp_url": url, "totp_svg_data_uri": f"data:image/svg+xml;base64,{svg}"}


def _wrap(self: Authenticator) -> Any:
    return WRAPPERS[self.type](self)


def _record_usage(self: Authenticator) -> None:
    """Note the time of use. Does nothing if the factor was removed meanwhile."""
    Authenticator.objects.filter(pk=self.pk).update(last_used_at=timezone.now())


def install() -> None:
    """Call once, before the first request."""
    Authenticator.wrap = _wrap  # type: ignore[method-assign]
    Authenticator.record_usage = _record_usage  # type: ignore[method-assign]
    totp_flows.activate_totp = activate_totp
    totp_flows.deactivate_totp = deactivate_totp
    totp_auth.get_totp_secret = pending.get_totp_secret
    recovery_codes_flows.generate_recovery_codes = generate_recovery_codes
