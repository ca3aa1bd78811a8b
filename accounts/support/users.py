"""The admin of users: find one, see all of it on one page, change rights, add one without a password."""

from typing import Any, cast

from allauth.account.forms import ResetPasswordForm
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.factors.filters import SecondStepFilter
from accounts.operators import acting
from accounts.people import authority
from accounts.people.models import User
from accounts.request import client_of
from accounts.signins import profiles
from accounts.support import rights, search, user_page
from accounts.support.acting import ActsOnUsers
from accounts.support.bulk import ActsOnMany
from accounts.support.keyset import KeysetList
from accounts.support.resets import ResetsFactors


class UserAddForm(forms.ModelForm[User]):
    """Make a user without a password."""

    class Meta:
        model = User
        fields = ["email", "display_name", "locale"]

    @override
    def save(self, commit: bool = True) -> User:
        self.instance.set_unusable_password()
        return super().save(commit=commit)


def _invite(request: HttpRequest, user: User) -> None:
    form = ResetPasswordForm({"email": user.email})
    if form.is_valid():
        form.save(request)


@admin.register(User)
class UserAdmin(ActsOnMany, KeysetList, ActsOnUsers, ResetsFactors):
    keyset = "date_joined"
    list_display = [
        "email",
        "display_name",
        "is_active",
        "is_staff",
        "last_login",
        "date_joined",
        "erase_at",
    ]
    list_filter = [
        "is_active",
        "is_staff",
        "is_superuser",
        SecondStepFilter,
        ("erase_at", admin.EmptyFieldListFilter),
        ("date_joined", admin.DateFieldListFilter),
    ]
    search_fields = ["email", "display_name", "id"]
    ordering = ["-date_joined"]
    form = rights.UserForm
    # No password field: an administrator who could set it could sign in as any user. The email changes
    # by a proposal, and `is_active` by a lock (`actions`).
    fieldsets = [
        (None, {"fields": ["id", "email", "display_name", "locale"]}),
        (_("Rights"), {"fields": [*rights.FIELDS, "reason"]}),
    ]
    # No password field here either: the new user sets one by the mailed link.
    add_form = UserAddForm
    add_fieldsets = [(None, {"fields": ["email", "display_name", "locale"]})]

    @override
    def found_by(self, text: str) -> Q:
        return search.users(text)

    @override
    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> User | None:
        """Return the user. For a change, lock user and operator, and go on with their rights of now."""
        user = super().get_object(request, object_id, from_field)
        if user is None or request.method != "POST":
            return user
        locked, actor = acting.lock(user, _actor(request))
        if actor is None or not (actor.is_active and actor.is_staff):
            raise PermissionDenied
        request.user = actor
        return locked

    @override
    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Return the fieldsets. The field for the reason is there only if the operator may change rights."""
        found = super().get_fieldsets(request, obj)
        if obj is None or rights.editable(_actor(request), obj):
            return found
        return [
            (name, {"fields": [each for each in options["fields"] if each != "reason"]})
            for name, options in found
        ]

    @override
    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.actor = _actor(request)
        return form

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Return the read-only fields.

        The email of an existing user is read-only: staff who could set it could reset the password.
        The rights are read-only for operators who could otherwise give them to themselves.
        """
        if obj is None:
            return ["id"]
        editable = rights.editable(_actor(request), obj)
        return ["id", "email", *(name for name in rights.FIELDS if name not in editable)]

    @override
    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and authority.has_more_rights(obj, than=_actor(request)):
            return False
        return super().has_change_permission(request, obj)

    @override
    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Return False: an account is deleted after some days, by `actions.data.Delete`."""
        return False

    @override
    def get_urls(self) -> list[Any]:
        return [url for url in super().get_urls() if url.name != "auth_user_password_change"]

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if (user := context["original"]) is not None:
            # Read it again: a refused form has changed this one.
            stored = User.objects.get(pk=user.pk)
            context |= user_page.facts_of(stored, actor=_actor(request)) | {"account": stored}
        return super().render_change_form(request, context, *args, **kwargs)

    @override
    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        before = User.objects.filter(pk=form.instance.pk).first()
        form.rights_before = rights.rights_of(before) if before else rights.NO_RIGHTS
        return super().save_form(request, form, change)

    @override
    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Record a new user and changed rights, and mail a new user the link that sets a password."""
        super().save_related(request, form, formsets, change)
        user, actor, client = form.instance, _actor(request), client_of(request)
        if not change:
            trail.record(AuditEvent.Type.USER_ADDED, user=user, actor=actor, client=client)
            _invite(request, user)
            return
        note = form.cleaned_data.get("reason", "")
        rights.record(user, form.rights_before, actor=actor, client=client, note=note)
        if "display_name" in form.changed_data:
            profiles.renamed(user, client=client, actor=actor)


def _actor(request: HttpRequest) -> User:
    return cast("User", request.user)
