"""Set up users, passwords and allauth."""

import re
from datetime import date
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.settings.base import DEMO, SITE_NAME, SITE_URL, TRUSTED_PROXY_COUNT, env

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.pages.backends.AuthenticationBackend"]
# auth.W004 wants `unique=True` on the e-mail; the model has UniqueConstraint(Lower("email")).
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
PASSWORD_HASHERS = [
    "accounts.people.hashers.Argon2idPasswordHasher",
    "accounts.people.hashers.RawArgon2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.people.validators.PasswordLengthValidator"},
    {
        "NAME": "accounts.people.validators.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "display_name")},
    },
    {"NAME": "accounts.people.validators.CommonPasswordValidator"},
    {"NAME": "accounts.people.validators.CommonWordValidator"},
    {
        "NAME": "accounts.people.validators.ContextWordValidator",
        "OPTIONS": {"words": [SITE_NAME, "munjigi", "문지기", urlsplit(SITE_URL).hostname or ""]},
    },
]
LOGIN_URL = "account_login"
# The passwords of the demo accounts are public, so without DEMO no door accepts these accounts.
DEMO_EMAILS = {"visitor@example.com", "staff@example.com", "admin@example.com"}
REFUSED_EMAILS = set() if DEMO else DEMO_EMAILS
LOGIN_REDIRECT_URL = "accounts:home"

# Eight digits in two groups, e.g. 1234-5678.
ALLAUTH_USER_CODE_FORMAT = {"numeric": True, "length": 8, "dashed": True}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
ACCOUNT_ADAPTER = "accounts.pages.adapters.AccountAdapter"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlsplit(SITE_URL).scheme
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{SITE_NAME}] "
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
# `accounts.pages.codes` counts wrong tries. Requests at the same time can exceed allauth's counter.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS = 1000
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = 600
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_FORMS = {
    "change_password": "accounts.pages.forms.ChangePasswordForm",
    "confirm_email_verification_code": "accounts.pages.forms.ConfirmEmailVerificationCodeForm",
    "confirm_login_code": "accounts.pages.forms.ConfirmLoginCodeForm",
    "confirm_reauthentication_code": "accounts.pages.forms.ConfirmReauthenticationCodeForm",
    "login": "accounts.pages.forms.LoginForm",
    "reauthenticate": "accounts.pages.forms.ReauthenticateForm",
    "request_login_code": "accounts.pages.forms.RequestLoginCodeForm",
    "reset_password_from_key": "accounts.pages.forms.ResetPasswordKeyForm",
    "set_password": "accounts.pages.forms.SetPasswordForm",
    "signup": "accounts.pages.forms.SignupForm",
    "user_token": "accounts.pages.forms.UserTokenForm",
}
# On: a mailed code signs in. Off: it only proves an account, to connect a provider or as a fresh proof.
SIGN_IN_BY_CODE = env.bool("SIGN_IN_BY_CODE", default=True)
ACCOUNT_LOGIN_BY_CODE_ENABLED = SIGN_IN_BY_CODE
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 1000
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 600
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_PREVENT_ENUMERATION = True
# The proofs of `accounts.pages.proofs`.
ACCOUNT_REAUTHENTICATION_METHODS = {"password", "code", "socialaccount", "mfa"}
# 0: allauth's own record of proofs never suffices. `AccountAdapter` asks `accounts.signins.proofs`.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_DISPLAY = "accounts.people.models.user_display"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None

# Days between the owner's request and the erasure of the account. A sign-in within them keeps it.
ACCOUNT_DELETION_DAYS = env.int("ACCOUNT_DELETION_DAYS", default=7)

SOCIALACCOUNT_ADAPTER = "accounts.pages.social_adapter.SocialAccountAdapter"
# Off: an email from a provider alone must not open an existing account. The visitor proves that
# account once (`accounts.federation.linking.links`).
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_FORMS = {
    "disconnect": "accounts.federation.endings.disconnection.DisconnectForm",
    "signup": "accounts.pages.forms.SocialSignupForm",
}

# The age in seconds up to which a proof allows a sensitive act (`accounts.signins.proofs`).
FRESH_PROOF_SECONDS = env.int("FRESH_PROOF_SECONDS", default=600)

# Second factors (`accounts.factors`), and who must have one: `nobody`, `staff`, `all` or `group:NAME`.
MFA_REQUIRED_FOR = env.str("MFA_REQUIRED_FOR", default="") or ("nobody" if DEMO else "staff")
if not re.fullmatch(r"nobody|staff|all|group:.+", MFA_REQUIRED_FOR):
    raise ImproperlyConfigured(
        f"MFA_REQUIRED_FOR={MFA_REQUIRED_FOR!r}: write nobody, staff, all or group:NAME."
    )
# The first day of that policy, for a grace period. None: at once.
MFA_REQUIRED_FROM: date | None = None
if _first_day := env.str("MFA_REQUIRED_FROM", default=""):
    try:
        MFA_REQUIRED_FROM = date.fromisoformat(_first_day)
    except ValueError as exc:
        raise ImproperlyConfigured(
            f"MFA_REQUIRED_FROM={_first_day!r}: write a day such as 2026-12-24."
        ) from exc
MFA_ADAPTER = "accounts.factors.adapter.MFAAdapter"
MFA_FORMS = {
    "activate_totp": "accounts.pages.factor_forms.ActivateTOTPForm",
    "authenticate": "accounts.pages.factor_forms.AuthenticateForm",
    "reauthenticate": "accounts.pages.factor_forms.ReauthenticateForm",
}
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
# Steps of 30 s before and after the present one whose codes are accepted: clocks differ.
MFA_TOTP_TOLERANCE = 1

HEADLESS_TOKEN_STRATEGY = "api.signin.headless.TokenStrategy"  # noqa: S105 - a class
HEADLESS_SERVE_SPECIFICATION = False
