"""Pages of our own: the account's first page, signed-in devices, security activity."""

from typing import Any
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


class HomeView(LoginRequiredMixin, TemplateView):
    template_name = "accounts/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        return super().get_context_data(
            session_count=AuthSession.objects.for_user(user.pk).active().count(),
            providers=list(user.socialaccount_set.values_list("provider", flat=True)),
            **kwargs,
        )


class ProfileView(LoginRequiredMixin, UpdateView[User, ProfileForm]):
    form_class = ProfileForm
    template_name = "accounts/profile.html"
    success_url = reverse_lazy("accounts:profile")

    def get_object(self, queryset: QuerySet[User] | None = None) -> User:
        return User.objects.get(pk=self.request.user.pk)

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
                samesite=settings.LANGUAGE_COOKIE_SAMESITE,
            )
        return response


class SessionListView(LoginRequiredMixin, ListView[AuthSession]):
    """Signed-in devices: browsers and API clients in one list, this one first."""

    template_name = "accounts/session_list.html"
    context_object_name = "sessions"
    paginate_by = 20

    def get_queryset(self) -> QuerySet[AuthSession]:
        current = self.request.auth_session
        return AuthSession.objects.for_user(self.request.user.pk).active().this_first(current)


class SessionRevokeView(LoginRequiredMixin, View):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, sid: UUID) -> HttpResponse:
        mine = AuthSession.objects.for_user(request.user.pk).active()
        session = mine.filter(pk=sid).select_related("user").first()
        if session is None:
            raise Http404
        if request.auth_session and session.pk == request.auth_session.pk:
            return redirect("account_logout")
        sessions.revoke(
            session,
            reason=sessions.Reason.OTHER_DEVICE,
            client=ClientInfo.from_request(request),
        )
        messages.success(request, _("%(device)s was signed out.") % {"device": session.device})
        return redirect("accounts:session-list")


class SessionRevokeOthersView(LoginRequiredMixin, View):
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        sessions.revoke_all(
            request.user,
            reason=sessions.Reason.OTHER_DEVICE,
            keep=request.auth_session.pk,
            client=ClientInfo.from_request(request),
        )
        messages.success(request, _("All other devices were signed out."))
        return redirect("accounts:session-list")


class ActivityView(LoginRequiredMixin, ListView[AuditEvent]):
    """What happened to this account, newest first."""

    template_name = "accounts/activity.html"
    context_object_name = "events"
    paginate_by = 25

    def get_queryset(self) -> QuerySet[AuditEvent]:
        return AuditEvent.objects.filter(user_id=self.request.user.pk)
