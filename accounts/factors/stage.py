"""Ask for the second step in allauth's login pipeline, which all doors pass."""

from typing import TYPE_CHECKING, Any, cast

from allauth.mfa.stages import AuthenticateStage
from django.utils.crypto import constant_time_compare
from typing_extensions import override

if TYPE_CHECKING:
    from accounts.people.models import User

PROVED = "proved"
"""Entry of the stage's state: a hash of the password that the first step was checked against."""


class FactorStage(AuthenticateStage):
    """allauth's stage, which also ends a sign-in whose password was changed while it waited."""

    @override
    def handle(self) -> Any:
        if self.login.user is not None:
            self.state[PROVED] = cast("User", self.login.user).get_session_auth_hash()
        return super().handle()

    @override
    def exit(self) -> Any:
        """Go on with the pipeline. A thief with the old password gets no further than here."""
        user = cast("User | None", self.login.user)
        if user is None or not constant_time_compare(
            self.state.get(PROVED, ""), user.get_session_auth_hash()
        ):
            return self.abort()
        return super().exit()
