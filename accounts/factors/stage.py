"""Ask for the second step, or for a factor, in allauth's login pipeline, which all doors pass."""

from typing import TYPE_CHECKING, Any, cast

from allauth.account.stages import LoginStage
from allauth.core.internal.httpkit import headed_redirect_response
from allauth.mfa.internal.constants import LoginStageKey
from allauth.mfa.stages import AuthenticateStage
from django.utils.crypto import constant_time_compare
from typing_extensions import override

from accounts.factors import policy, registry

if TYPE_CHECKING:
    from accounts.people.models import User

PROVED = "proved"
"""Entry of the stage's state: a hash of the password that the first step was checked against."""


class HoldsPassword(LoginStage):
    """End a sign-in whose password was changed while this stage waited."""

    @override
    def handle(self) -> Any:
        if self.login.user is not None:
            self.state[PROVED] = cast("User", self.login.user).get_session_auth_hash()
        return super().handle()  # type: ignore[no-untyped-call]  # allauth's

    @property
    def is_unchanged(self) -> bool:
        user = cast("User | None", self.login.user)
        return user is not None and constant_time_compare(
            self.state.get(PROVED, ""), user.get_session_auth_hash()
        )

    @override
    def exit(self) -> Any:
        """Go on with the pipeline. A thief with the old password gets no further than here."""
        following = super().exit if self.is_unchanged else self.abort
        return following()  # type: ignore[no-untyped-call]  # allauth's


class FactorStage(HoldsPassword, AuthenticateStage):
    """Ask for a code, if the account has a second factor."""


class PasskeySignUpStage(HoldsPassword):
    """Ask for a passkey, if the visitor signed up without a password. It comes after the mailed code."""

    key = LoginStageKey.MFA_SIGNUP_WEBAUTHN.value
    urlname = "mfa_signup_webauthn"

    @override
    def handle(self) -> Any:
        if self.login.user is None or not self.login.state.get("passkey_signup"):
            return None, True
        super().handle()
        return headed_redirect_response(self.urlname), True


class EnrolStage(HoldsPassword):
    """Ask for a new authenticator app, if the policy wants a second factor and there is none."""

    key = "mfa_enrol"
    urlname = "mfa_enrol"

    @override
    def handle(self) -> Any:
        user = cast("User | None", self.login.user)
        if user is not None:
            policy.begin_grace(user)
        if user is None or not policy.is_due(user) or registry.factors_of(user):
            return None, True
        super().handle()
        return headed_redirect_response(self.urlname), True
