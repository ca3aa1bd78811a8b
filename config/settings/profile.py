"""Set up the further fields of a profile."""

from django.core.exceptions import ImproperlyConfigured

from accounts.people import profile_fields
from config.settings.base import env

try:
    PROFILE_FIELDS = profile_fields.parse(env.str("PROFILE_FIELDS", default=""))
except ValueError as _mistake:
    raise ImproperlyConfigured(
        f"PROFILE_FIELDS: {_mistake}. See docs/profile-fields.md."
    ) from _mistake
# All sign-ups, on pages and by the headless API, ask for the fields that are asked for at the sign-up.
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.pages.profile_forms.SignUpFields"
