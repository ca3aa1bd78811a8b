"""Pages of the account: overview, profile, security activity, a form that waited for a proof."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView, UpdateView
from typing_extensions import override

from accounts.audit.models import AuditEvent
from accounts.factors.passkeys import credentials
from accounts.pages import cursors, offers, parking
from accounts.pages.forms import ProfileForm
from accounts.pages.signed_in import SignedInMixin
from accounts.people.models import User
from accounts.reports import own
from accounts.request import client_of
from accounts.signins import profiles, proofs
from accounts.signins.models import AuthSession


class HomeView(SignedInMixin, TemplateView):
    template_name = "accounts/home.html"

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            session_count=AuthSession.objects.for_user(self.user.pk).active().count(),
            offers_passkey=offers.is_open(self.request),
            passkey_count=len(credentials.of(self.user)),
            providers=list(self.user.socialaccount_set.values_list("provider", flat=True)),
            **kwargs,
        )


class ProfileView(SignedInMixin, UpdateView[User, ProfileForm]):
    form_class = ProfileForm
    template_name = "accounts/profile.html"
    success_url = reverse_lazy("accounts:profile")

    @override
    def get_object(self, queryset: QuerySet[User] | None = None) -> User:
        # Load a copy: the page's frame shows `request.user`, which a refused form would change.
        return User.objects.get(pk=self.user.pk)

    @override
    def form_valid(self, form: ProfileForm) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
            if "display_name" in form.changed_data:
                profiles.renamed(form.instance, client=client_of(self.request))
            if values := form.changed_extras:
                profiles.change_extras(form.instance, values, client=client_of(self.request))
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


class ContinueView(SignedInMixin, TemplateView):
    """Send a form again that had to wait for a proof (`accounts.pages.parking`).

    The visitor's browser sends it, from this page: by itself, or by a button without JavaScript.
    """

    template_name = "accounts/continue.html"

    @method_decorator(never_cache)
    @override
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        proofs.require(self.auth_session)
        act = parking.take(request, kwargs["key"])
        if act is None:
            messages.warning(request, _("Please start again: this step is over."))
            return redirect("accounts:home")
        path, form = act
        fields = [(name, value) for name, values in form.lists() for value in values]
        return self.render_to_response(self.get_context_data(path=path, fields=fields))


class ActivityView(SignedInMixin, TemplateView):
    """List the audit events of this account, newest first."""

    template_name = "accounts/activity.html"
    page_size = 25

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        events = AuditEvent.objects.filter(user=self.user)
        cut = cursors.cut(self.request, events, by="created_at", size=self.page_size)
        here = self.auth_session.pk
        return super().get_context_data(
            events=cut.rows,
            cut=cut,
            deniable={each.pk for each in cut.rows if own.can_be_denied(each, here=here)},
            **kwargs,
        )
