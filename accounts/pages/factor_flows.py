"""Put our changes of second factors in the place of allauth's, for which it has no setting."""

from typing import TYPE_CHECKING, Any, cast

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal import flows as recovery_codes_flows
from allauth.mfa.totp.internal import flows as totp_flows
from allauth.mfa.totp.internal.auth import clear_totp_secret
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit.vocabulary import FactorKind
from accounts.factors import changes
from accounts.factors.recovery_codes.wrapper import PLAIN
from accounts.factors.recovery_codes.wrapper import Wrapper as RecoveryCodes
from accounts.factors.totp.wrapper import Wrapper as App
from accounts.pages.middleware import current
from accounts.request import client_of

if TYPE_CHECKING:
    from accounts.people.models import User

WRAPPERS: dict[str, Any] = {FactorKind.TOTP: App, FactorKind.RECOVERY_CODES: RecoveryCodes}


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


def _wrap(self: Authenticator) -> Any:
    return WRAPPERS[self.type](self)


def _record_usage(self: Authenticator) -> None:
    """Note the time of use. Does nothing if the factor was removed meanwhile."""
    Authenticator.objects.filter(pk=self.pk).update(last_used_at=timezone.now())


def install() -> None:
    """Call once, before the first request."""
    Authenticator.wrap = _wrap
    Authenticator.record_usage = _record_usage
    totp_flows.activate_totp = activate_totp
    totp_flows.deactivate_totp = deactivate_totp
    recovery_codes_flows.generate_recovery_codes = generate_recovery_codes
