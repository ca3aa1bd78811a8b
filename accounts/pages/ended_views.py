"""Show why a sign-in has ended. Open pages lead here when `/events` tells them (`static/accounts/live.js`)."""

from typing import TYPE_CHECKING, Any

from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView
from typing_extensions import override

from accounts.audit.vocabulary import RevokeReason

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

WORDS: "dict[str, StrOrPromise]" = {
    "expired": _("This browser was not used for a long time, so the sign-in has ended."),
    RevokeReason.ADMIN: _("An administrator has ended this sign-in."),
    RevokeReason.DEACTIVATED: _("Your account has been disabled."),
    RevokeReason.DELETED: _("Your account has been deleted."),
    RevokeReason.DELETION_REQUESTED: _("You have asked for the deletion of your account."),
    RevokeReason.DENIED: _("The owner of the account has reported this sign-in: it wasn't me."),
    RevokeReason.FACTOR_ADDED: _("A second step was added to your account on another device."),
    RevokeReason.LOCKED: _("An administrator has locked this account."),
    RevokeReason.LOGOUT: _("You have signed out in another tab."),
    RevokeReason.OTHER_DEVICE: _("You have signed this browser out from another device."),
    RevokeReason.PASSWORD_CHANGED: _("Your password was changed on another device."),
    RevokeReason.PASSWORD_RESET: _("Your password was reset."),
    RevokeReason.PROVIDER: _("A connected account has ended this sign-in."),
    RevokeReason.RIGHTS_CHANGED: _("Your rights have changed, so you must sign in again."),
}
"""The words for each reason that a browser can have. The page shows no other text of its address."""
ALARMING = {
    *(RevokeReason.FACTOR_ADDED, RevokeReason.OTHER_DEVICE),
    *(RevokeReason.PASSWORD_CHANGED, RevokeReason.PASSWORD_RESET),
}
"""The owner should know about these. If not, somebody else has done it."""


@method_decorator(never_cache, name="dispatch")
class EndedView(TemplateView):
    template_name = "accounts/ended.html"

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        reason = self.request.GET.get("reason", "")
        return super().get_context_data(
            why=WORDS.get(reason, ""), is_alarming=reason in ALARMING, **kwargs
        )
