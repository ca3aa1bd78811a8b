"""Give a page its signed-in user, or redirect the visitor to the sign-in page."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from typing_extensions import override

from accounts.pages import expired, shown_codes
from accounts.pages.signed_out import say_nothing_was_done
from accounts.people.models import User
from accounts.signins.models import AuthSession

if TYPE_CHECKING:
    from accounts.request import Request


class SignedInMixin(LoginRequiredMixin):
    """Give a page its signed-in user and sign-in. Redirect other visitors to the sign-in page."""

    request: HttpRequest

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        shown_codes.forget_old(request)
        return super().dispatch(request, *args, **kwargs)

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    @property
    def auth_session(self) -> AuthSession:
        return cast("AuthSession", cast("Request", self.request).auth_session)

    @override
    def handle_no_permission(self) -> HttpResponseRedirect:
        """Redirect to the sign-in page, and then to the page that has the form.

        The sign-in may have ended a moment ago. Say that a form was not sent: it may be a report.
        """
        here = self.request.get_full_path()
        page = expired.page_to_open_again(self.request) or here
        if self.request.method == "POST" and page != here:  # else `SignedOutMiddleware` says so
            say_nothing_was_done(self.request)
        return redirect_to_login(page)
