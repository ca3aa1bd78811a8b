"""Let operators invite people, send a link again, and revoke it."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from typing_extensions import override

from accounts.invitations import invitations
from accounts.invitations.models import Invitation
from accounts.people.managers import UserManager
from accounts.request import client_of
from accounts.support import search
from accounts.support.keyset import KeysetList
from accounts.support.read_only import ReadOnly

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from accounts.people.models import User


CLOSED = _("Sign-up is closed, so the link would lead nowhere. The setting SIGN_UP opens it.")


class InvitationForm(forms.ModelForm[Invitation]):
    locale = forms.ChoiceField(label=_("language"), choices=settings.LANGUAGES)

    class Meta:
        model = Invitation
        fields = ["email", "locale"]

    def clean_email(self) -> str:
        email = UserManager.normalize_email(self.cleaned_data["email"])
        if invitations.are_useless():
            raise forms.ValidationError(CLOSED)
        if invitations.has_account(email):
            raise forms.ValidationError(_("This email is already in use."))
        if Invitation.objects.unused().filter(email=email).exists():
            raise forms.ValidationError(
                _("This email is invited already: choose it in the list, and send the link again.")
            )
        return email


@admin.register(Invitation)
class InvitationAdmin(KeysetList, ReadOnly, admin.ModelAdmin[Invitation]):
    keyset = "created_at"
    form = InvitationForm
    list_display = ["email", "state", "sent_at", "expires_at", "invited_by"]
    list_select_related = ["invited_by"]
    search_fields = ["email", "id"]
    actions = ["send_again", "revoke"]
    fields = ["email", "language", "state", "sent_at", "expires_at", "invited_by", "user"]

    @override
    def found_by(self, text: str) -> Q:
        return search.invitations(text)

    @admin.display(description=_("language"))
    def language(self, invitation: Invitation) -> str:
        return str(dict(settings.LANGUAGES).get(invitation.locale, invitation.locale))

    @admin.display(description=_("state"))
    def state(self, invitation: Invitation) -> str:
        return invitation.state

    @override
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    @override
    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> Any:
        return ["email", "locale"] if obj is None else self.fields

    @override
    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        made = invitations.invite(obj.email, locale=obj.locale, **_by(request))
        obj.pk, obj.expires_at = made.pk, made.expires_at

    def has_add_right_permission(self, request: HttpRequest) -> bool:
        """Return True if the operator may run the actions: they do what adding does."""
        return self.has_add_permission(request)

    @admin.action(description=_("Send the link again"), permissions=["add_right"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        if invitations.are_useless():
            self.message_user(request, CLOSED, messages.ERROR)
            return
        count = 0
        for each in queryset.filter(accepted_at=None, revoked_at=None):
            if invitations.has_account(each.email):
                refusal = _("Nothing was sent to %(email)s: an account has this email.")
                self.message_user(request, str(refusal) % {"email": each.email}, messages.WARNING)
                continue
            invitations.invite(each.email, locale=each.locale, **_by(request))
            count += 1
        text = ngettext("%d invitation was sent.", "%d invitations were sent.", count)
        self._tell(request, text, count)

    @admin.action(description=_("Revoke the invitation"), permissions=["add_right"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        count = sum(invitations.revoke(each, **_by(request)) for each in queryset)
        text = ngettext("%d invitation was revoked.", "%d invitations were revoked.", count)
        self._tell(request, text, count)

    def _tell(self, request: HttpRequest, text: "StrOrPromise", count: int) -> None:
        self.message_user(
            request, str(text) % count, messages.SUCCESS if count else messages.WARNING
        )


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"by": cast("User", request.user), "client": client_of(request)}
