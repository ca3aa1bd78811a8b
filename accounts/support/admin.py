"""The admin for support: find a user, read audit events, end sign-ins."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from allauth.account.decorators import secure_admin_login
from allauth.account.forms import ResetPasswordForm
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.generic import RedirectView
from typing_extensions import override

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import Deletion, Right
from accounts.factors.filters import SecondStepFilter
from accounts.people.models import User
from accounts.request import client_of
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from accounts.support import guards

admin.site.site_header = admin.site.site_title = "Munjigi"
admin.site.index_title = _("Administration")
# The admin uses the site's sign-in page, so that its limits, checks and second factor hold here, too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# Every page of the admin is made by it, those of a model that is registered later, too.
admin.site.admin_view = guards.admin_view  # type: ignore[method-assign]


class ReadOnly:
    """Forbid to add, change or delete rows, because they record what happened."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# Django's own page changes the password but does not end the other sign-ins.
admin.site.password_change = RedirectView.as_view(  # type: ignore[method-assign,assignment]
    pattern_name="account_change_password", http_method_names=["get", "head"]
)


class EmailAddressInline(ReadOnly, admin.StackedInline[EmailAddress, User]):
    model = EmailAddress
    fields = ("email", "verified", "primary")
    readonly_fields = ("email", "verified", "primary")
    extra = 0


class SocialAccountInline(ReadOnly, admin.StackedInline[SocialAccount, User]):
    model = SocialAccount
    fields = ("provider", "uid", "last_login", "date_joined")
    readonly_fields = ("provider", "uid", "last_login", "date_joined")
    extra = 0


class UserAddForm(forms.ModelForm[User]):
    """Make a user without a password."""

    class Meta:
        model = User
        fields = ["email", "display_name", "locale"]

    @override
    def save(self, commit: bool = True) -> User:
        self.instance.set_unusable_password()
        return super().save(commit=commit)


@dataclass(frozen=True)
class Rights:
    is_staff: bool = False
    is_superuser: bool = False
    groups: frozenset[int] = frozenset()


NO_RIGHTS = Rights()


def _rights_of(user: User) -> Rights:
    groups = frozenset(user.groups.values_list("pk", flat=True))
    return Rights(user.is_staff, user.is_superuser, groups)


def _changed(before: Rights, after: Rights) -> Iterator[Right]:
    if before.is_staff != after.is_staff:
        yield Right.STAFF_GRANTED if after.is_staff else Right.STAFF_WITHDRAWN
    if before.is_superuser != after.is_superuser:
        yield Right.SUPERUSER_GRANTED if after.is_superuser else Right.SUPERUSER_WITHDRAWN
    if before.groups != after.groups:
        yield Right.GROUPS_CHANGED


def _invite(request: HttpRequest, user: User) -> None:
    form = ResetPasswordForm({"email": user.email})
    if form.is_valid():
        form.save(request)


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User]):
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
    ]
    search_fields = ["email", "display_name", "id"]
    ordering = ["-date_joined"]
    actions = ["end_sign_ins"]
    inlines = [EmailAddressInline, SocialAccountInline]
    # No password field: an administrator who could set it could sign in as any user.
    fieldsets = [
        (None, {"fields": ["id", "email", "display_name", "locale"]}),
        (_("Rights"), {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined", "erase_at"]}),
    ]
    # No password field here either: the new user sets one by the mailed link.
    add_form = UserAddForm
    add_fieldsets = [(None, {"fields": ["email", "display_name", "locale"]})]

    @override
    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[Any]:
        """Return the inlines. The form for a new user has none: there is nothing to show yet."""
        return [] if obj is None else list(super().get_inlines(request, obj))

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Return the read-only fields.

        The email of an existing user is read-only: staff who could set it could reset the password.
        The rights are read-only for staff, who could otherwise give them to themselves, but not for
        superusers.
        """
        fields = ["id", "last_login", "date_joined", "erase_at"]
        if obj is not None:
            fields.append("email")
        if not cast("User", request.user).is_superuser:
            fields += ["is_staff", "is_superuser", "groups"]
        return fields

    @override
    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and obj.is_superuser and not cast("User", request.user).is_superuser:
            return False
        return super().has_change_permission(request, obj)

    @override
    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and obj.is_superuser and not cast("User", request.user).is_superuser:
            return False
        return super().has_delete_permission(request, obj)

    @override
    def get_urls(self) -> list[Any]:
        return [url for url in super().get_urls() if url.name != "auth_user_password_change"]

    @override
    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        before = User.objects.filter(pk=form.instance.pk).first()
        form.rights_before = _rights_of(before) if before else NO_RIGHTS
        return super().save_form(request, form, change)

    @override
    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Record the changed rights, and mail a new user the link that sets a password."""
        super().save_related(request, form, formsets, change)
        user = form.instance
        for right in _changed(form.rights_before, _rights_of(user)):
            trail.record(
                AuditEvent.Type.RIGHTS_CHANGED,
                user=user,
                reason=right,
                actor=cast("User", request.user),
                client=client_of(request),
            )
        if not change:
            _invite(request, user)

    @override
    def delete_model(self, request: HttpRequest, obj: User) -> None:
        with transaction.atomic():
            super().delete_model(request, obj)
            trail.record(
                AuditEvent.Type.USER_DELETED,
                identifier=obj.email,
                reason=Deletion.BY_ADMINISTRATOR,
                actor=cast("User", request.user),
                client=client_of(request),
            )

    @override
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        with transaction.atomic():
            for user in queryset.order_by("pk"):
                self.delete_model(request, user)

    @admin.action(description=_("End all sign-ins of the selected users"), permissions=["change"])
    @transaction.atomic
    def end_sign_ins(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        if not cast("User", request.user).is_superuser:
            queryset = queryset.filter(is_superuser=False)
        ended = sum(
            sessions.revoke_all(
                user,
                reason=sessions.Reason.ADMIN,
                actor=cast("User", request.user),
                client=client_of(request),
            )
            for user in queryset.order_by("pk")
        )
        _report(self, request, ended)


@admin.register(AuthSession)
class AuthSessionAdmin(ReadOnly, admin.ModelAdmin[AuthSession]):
    list_display = ["user", "device", "kind", "ip", "created_at", "last_seen_at", "state"]
    list_filter = ["kind", "revoked_reason"]
    list_select_related = ["user"]
    search_fields = ["user__email", "id", "ip"]
    date_hierarchy = "created_at"
    actions = ["revoke"]
    exclude = [
        *("refresh_jti", "previous_refresh_jti", "retry_key_hmac"),
        *("refresh_used_at", "refresh_repeats"),
    ]

    @admin.display(description=_("device"), ordering="user_agent")
    def device(self, session: AuthSession) -> str:
        return session.device

    @admin.display(description=_("state"))
    def state(self, session: AuthSession) -> str:
        alive = _("signed in") if session.is_active else _("expired")
        return str(session.get_revoked_reason_display() or alive)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_authsession")

    @admin.action(description=_("End the selected sign-ins"), permissions=["revoke"])
    @transaction.atomic
    def revoke(self, request: HttpRequest, queryset: QuerySet[AuthSession]) -> None:
        client = client_of(request)
        if not cast("User", request.user).is_superuser:
            queryset = queryset.exclude(user__is_superuser=True)
        ended = sum(
            sessions.revoke(
                session,
                reason=sessions.Reason.ADMIN,
                actor=cast("User", request.user),
                client=client,
            )
            for session in queryset.select_related("user").order_by("pk")
        )
        _report(self, request, ended)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, admin.ModelAdmin[AuditEvent]):
    list_display = ["created_at", "type", "identifier", "why", "ip", "actor"]
    list_filter = ["type"]
    list_select_related = ["actor"]
    search_fields = ["identifier", "sid", "ip"]
    date_hierarchy = "created_at"
    exclude = ["reason"]
    readonly_fields = ["why"]

    @admin.display(description=_("why"), ordering="reason")
    def why(self, event: AuditEvent) -> str:
        return str(event.reason_label)


def _report(model_admin: admin.ModelAdmin[Any], request: HttpRequest, ended: int) -> None:
    text = ngettext("%(count)d sign-in was ended.", "%(count)d sign-ins were ended.", ended)
    level = messages.SUCCESS if ended else messages.WARNING
    model_admin.message_user(request, text % {"count": ended}, level)
