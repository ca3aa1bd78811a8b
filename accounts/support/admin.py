"""The admin for support: find a user, read audit events, end sign-ins."""

from typing import Any, cast

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.generic import RedirectView
from typing_extensions import override

from accounts.audit.models import AuditEvent
from accounts.people.models import User
from accounts.request import client_of
from accounts.signins import sessions
from accounts.signins.models import AuthSession

admin.site.site_header = admin.site.site_title = "Munjigi"
admin.site.index_title = _("Administration")
# The admin uses the site's sign-in page, so that its limits, checks and second factor hold here, too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


class ReadOnly:
    """Lets nobody add, change or delete rows: they record what happened."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# Django's own page changes the password but does not end the other sign-ins.
admin.site.password_change = RedirectView.as_view(  # type: ignore[method-assign,assignment]
    pattern_name="account_change_password"
)


class EmailAddressInline(ReadOnly, admin.TabularInline[EmailAddress, User]):
    model = EmailAddress
    fields = ("email", "verified", "primary")
    readonly_fields = ("email", "verified", "primary")
    extra = 0


class SocialAccountInline(ReadOnly, admin.TabularInline[SocialAccount, User]):
    model = SocialAccount
    fields = ("provider", "uid", "last_login", "date_joined")
    readonly_fields = ("provider", "uid", "last_login", "date_joined")
    extra = 0


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
    add_fieldsets = [
        (None, {"fields": ["email", "display_name", "usable_password", "password1", "password2"]})
    ]

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """The email is read-only: staff who could set it could then reset the password.

        Rights are handed out by superusers only, or staff would hand them to themselves.
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

    @admin.action(description=_("End all sign-ins of the selected users"), permissions=["change"])
    def end_sign_ins(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        ended = sum(
            sessions.revoke_all(
                user,
                reason=sessions.Reason.ADMIN,
                actor=cast("User", request.user),
                client=client_of(request),
            )
            for user in queryset
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
    exclude = ["refresh_jti", "previous_refresh_jti"]

    @admin.display(description=_("state"))
    def state(self, session: AuthSession) -> str:
        alive = _("signed in") if session.is_active else _("expired")
        return str(session.get_revoked_reason_display() or alive)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_authsession")

    @admin.action(description=_("End the selected sign-ins"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[AuthSession]) -> None:
        client = client_of(request)
        ended = sum(
            sessions.revoke(
                session,
                reason=sessions.Reason.ADMIN,
                actor=cast("User", request.user),
                client=client,
            )
            for session in queryset.select_related("user")
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
