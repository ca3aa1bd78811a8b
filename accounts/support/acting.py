"""Show the page of an act on an account: its reason, and the button that does it."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from typing_extensions import override

from accounts.errors import ConflictError, LastSuperuserError, NotAllowedError
from accounts.operators.acting import By, state_of
from accounts.people.models import User
from accounts.request import client_of
from accounts.support.actions.action import Action, RefusedError, SeenForm
from accounts.support.actions.registry import ACTIONS


class ActsOnUsers(DjangoUserAdmin[User]):
    """Add one page for each act to the admin of users. Only a POST with a fresh proof acts."""

    @override
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.act)
        own = path("<uuid:id>/act/<slug:name>/", view, name="accounts_user_act")
        return [own, *super().get_urls()]

    def act(self, request: HttpRequest, id: Any, name: str) -> HttpResponseBase:  # noqa: A002 - Django's
        action = ACTIONS.get(name)
        user = User.objects.filter(pk=id).first()
        if action is None or user is None:
            raise Http404
        if not action.may(cast("User", request.user), user):
            raise PermissionDenied
        first = {"seen": state_of(user), "sid": request.GET.get("sid", "")} | action.first(user)
        form = action.form_class(request.POST or None, initial=first)
        if request.method == "POST" and form.is_valid():
            return self._done(request, action, user, form)
        context = self.admin_site.each_context(request) | {
            "title": action.label,
            "subtitle": str(user),
            "opts": self.opts,
            "original": user,
            "action": action,
            "form": form,
        }
        return render(request, "admin/accounts/user/act.html", context)

    def _done(
        self, request: HttpRequest, action: Action, user: User, form: SeenForm
    ) -> HttpResponseBase:
        values = form.cleaned_data
        by = By(
            actor=cast("User", request.user),
            reason=values.get("reason", ""),
            client=client_of(request),
            seen=values["seen"],
        )
        try:
            answer = action.do(request, user, by, values)
        except NotAllowedError as exc:
            raise PermissionDenied from exc
        except ConflictError:
            text = _("The account was changed meanwhile, so nothing was done. Look at it again.")
            messages.error(request, text)
        except LastSuperuserError:
            messages.error(request, _("This is the only administrator, who must stay."))
        except RefusedError as exc:
            messages.error(request, str(exc))
        else:
            if isinstance(answer, HttpResponseBase):
                return answer
            messages.success(request, answer)
        return redirect("admin:accounts_user_change", user.pk)
