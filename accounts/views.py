"""Pages of our own: the account's first page, signed-in devices, security activity."""

from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.generic import ListView, TemplateView, UpdateView, View

from accounts import sessions
from accounts.client_info import ClientInfo
from accounts.forms import ProfileForm
from accounts.models import AuditEvent, AuthSession, User


class SignedInMixin(LoginRequiredMixin):
    """A page of somebody signed in: who, and on which device."""

    request: HttpRequest

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    @property
    def auth_session(self) -> AuthSession:
        return cast("AuthSession", self.request.auth_session)  # type: ignore[attr-defined]  # AuthSessionMiddleware


class HomeView(SignedInMixin, TemplateView):
    template_name = "accounts/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            session_count=AuthSession.objects.for_user(self.user.pk).active().count(),
            providers=list(self.user.socialaccount_set.values_list("provider", flat=True)),
            **kwargs,
        )


class ProfileView(SignedInMixin, UpdateView[User, ProfileForm]):
    form_class = ProfileForm
    template_name = "accounts/profile.html"
    success_url = reverse_lazy("accounts:profile")

    def get_object(self, queryset: QuerySet[User] | None = None) -> User:
        # A copy: a refused form must not show its values in the page's frame.
        return User.objects.get(pk=self.user.pk)

    def form_valid(self, form: ProfileForm) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, _("Saved."))
        if locale := form.cleaned_data["locale"]:
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                locale,
                max_age=settings.LANGUAGE_COOKIE_AGE,
                secure=settings.LANGUAGE_COOKIE_SECURE,
                httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
                samesite="Lax",
            )
        return response


class SessionListView(SignedInMixin, ListView[AuthSession]):
    """Signed-in devices: browsers and API clients in one list, this one first."""

    template_name = "accounts/session_list.html"
    context_object_name = "sessions"
    paginate_by = 20

    def get_queryset(self) -> QuerySet[AuthSession]:
        return AuthSession.objects.for_user(self.user.pk).active().this_first(self.auth_session)


class SessionRevokeView(SignedInMixin, View):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, sid: UUID) -> HttpResponse:
        mine = AuthSession.objects.for_user(self.user.pk).active()
        session = mine.filter(pk=sid).select_related("user").first()
        if session is None:
            raise Http404
        if session == self.auth_session:
            return redirect("account_logout")
        sessions.revoke(
            session,
            reason=sessions.Reason.OTHER_DEVICE,
            client=ClientInfo.from_request(request),
        )
        messages.success(request, _("%(device)s was signed out.") % {"device": session.device})
        return redirect("accounts:session-list")


class SessionRevokeOthersView(SignedInMixin, View):
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        sessions.revoke_all(
            self.user,
            reason=sessions.Reason.OTHER_DEVICE,
            keep=self.auth_session.pk,
            client=ClientInfo.from_request(request),
        )
        messages.success(request, _("All other devices were signed out."))
        return redirect("accounts:session-list")


class ActivityView(SignedInMixin, ListView[AuditEvent]):
    """What happened to this account, newest first."""

    template_name = "accounts/activity.html"
    context_object_name = "events"
    paginate_by = 25

    def get_queryset(self) -> QuerySet[AuditEvent]:
        # SESSION_OPENED says again what LOGIN_SUCCEEDED says.
        return AuditEvent.objects.filter(user=self.user).exclude(
            type=AuditEvent.Type.SESSION_OPENED
        )
