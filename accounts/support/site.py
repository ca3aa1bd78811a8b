"""Set up Django's admin: our name, the site's sign-in page, and the guards of every page."""

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django.views.generic import RedirectView

from accounts.support import guards

admin.site.site_header = admin.site.site_title = settings.SITE_NAME
admin.site.index_title = _("Administration")
# The admin uses the site's sign-in page, so that its limits, checks and second factor hold here, too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# Every page of the admin is made by it, those of a model that is registered later, too.
admin.site.admin_view = guards.admin_view  # type: ignore[method-assign]

# Django's own page changes the password but does not end the other sign-ins.
admin.site.password_change = RedirectView.as_view(  # type: ignore[method-assign,assignment]
    pattern_name="account_change_password", http_method_names=["get", "head"]
)
