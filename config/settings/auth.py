"""Set up users, passwords and allauth."""

import re
from datetime import date, timedelta
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.addresses import origin
from config.settings.apps import ANDROID_APPS
from config.settings.base import (
    DEMO,
    FRONTEND_ORIGINS,
    SITE_HOST,
    SITE_NAME,
    SITE_URL,
    TRUSTED_PROXY_COUNT,
    env,
)

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.pages.backends.AuthenticationBackend"]
# auth.W004 wants `unique=True` on the e-mail; the model has UniqueConstraint(Lower("email")).
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
PASSWORD_HASHERS = [
    "accounts.people.hashers.Argon2idPasswordHasher",
    # Of other Django sites and other systems. A sign-in upgrades them.
    "accounts.people.hashers.RawArgon2PasswordHasher",
    "accounts.people.hashers.RawPBKDF2PasswordHasher",
    "accounts.people.hashers.RawPBKDF2SHA1PasswordHasher",
    "accounts.people.hashers.RawScryptPasswordHasher",
    "accounts.people.hashers.RawBCryptSHA256PasswordHasher",
    "accounts.people.hashers.RawBCryptPasswordHasher",
    "accounts.people.foreign_hashers.FirebaseScryptPasswordHasher",
    "accounts.people.foreign_hashers.PBKDF2BytesPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.people.validators.PasswordLengthValidator"},
    {
        "NAME": "accounts.people.validators.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "display_name")},
    },
    {"NAME": "accounts.people.validators.CommonPasswordValidator"},
    {
        "NAME": "accounts.people.validators.ContextWordValidator",
        "OPTIONS": {"words": [SITE_NAME, "munjigi", "문지기", SITE_HOST]},
    },
    {"NAME": "accounts.breaches.validator.BreachedPasswordValidator"},
]
# The former system, which is asked about passwords that have no hash here, and the secret of these requests.
LEGACY_SIGN_IN_URL = env.str("LEGACY_SIGN_IN_URL", default="")
LEGACY_SIGN_IN_SECRET = env.str("LEGACY_SIGN_IN_SECRET", default="")
# The source by which `import_users` brought the users of that system.
LEGACY_SIGN_IN_SOURCE = env.str("LEGACY_SIGN_IN_SOURCE", default="") or "cognito"
# Leaked passwords: the address of a service, such as https://api.pwnedpasswords.com, and a file. Both may be ''.
PASSWORD_BREACH_API = env.str("PASSWORD_BREACH_API", default="")
PASSWORD_BREACH_FILE = env.str("PASSWORD_BREACH_FILE", default="")
# A MaxMind database (.mmdb) of cities or countries. '' means that no place is shown.
GEOIP_FILE = env.str("GEOIP_FILE", default="")
# Seconds in which the link of a password reset works, and the link that invites a new user.
PASSWORD_RESET_TIMEOUT = env.int("PASSWORD_RESET_SECONDS", default=3600)
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
    "reset_password": "accounts.pages.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.pages.forms.ResetPasswordKeyForm",
    "set_password": "accounts.pages.forms.SetPasswordForm",
    "signup": "accounts.pages.forms.SignupForm",
    "user_token": "accounts.pages.forms.UserTokenForm",
}
# Who may make an account: everybody (`open`), the owner of an invited address (`invitation`), or nobody (`closed`).
SIGN_UP = env.str("SIGN_UP", default="") or "open"
if SIGN_UP not in {"open", "invitation", "closed"}:
    raise ImproperlyConfigured(f"SIGN_UP={SIGN_UP!r}: write open, invitation or closed.")
# The time in which the link of an invitation works.
INVITATION_LIFETIME = timedelta(days=env.int("INVITATION_DAYS", default=7))
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
# The days in which an account may sign in without, from its first sign-in under the policy. 0: none.
MFA_GRACE_DAYS = env.int("MFA_GRACE_DAYS", default=0)
# The seconds between an operator's request to remove somebody's factors and the removal.
MFA_RESET_DELAY_SECONDS = env.int("MFA_RESET_DELAY_SECONDS", default=24 * 3600)
# On: one operator proposes a superuser, and another superuser confirms it (`accounts.operators.superusers`).
SUPERUSER_NEEDS_TWO = env.bool("SUPERUSER_NEEDS_TWO", default=False)
# The days in which a browser that the owner trusts is asked for no second step. 0: no browser is trusted.
MFA_TRUSTED_BROWSER_DAYS = env.int("MFA_TRUSTED_BROWSER_DAYS", default=0)
MFA_ADAPTER = "accounts.factors.adapter.MFAAdapter"
MFA_FORMS = {
    "activate_totp": "accounts.pages.factor_forms.ActivateTOTPForm",
    "authenticate": "accounts.pages.factor_forms.AuthenticateForm",
    "reauthenticate": "accounts.pages.factor_forms.ReauthenticateForm",
}
# Passkeys belong to this domain: the host of the site, or a domain above it. Another one loses them all.
_host = urlsplit(SITE_URL).hostname or ""
WEBAUTHN_RP_ID = env.str("WEBAUTHN_RP_ID", default="") or _host
if _host != WEBAUTHN_RP_ID and not _host.endswith(f".{WEBAUTHN_RP_ID}"):
    raise ImproperlyConfigured(
        f"WEBAUTHN_RP_ID={WEBAUTHN_RP_ID!r}: write the host of SITE_URL ({_host}), or its end."
    )
# Where passkeys may be used: this site, its frontends and apps, and others that are listed.
WEBAUTHN_ORIGINS = [
    SITE_URL,
    *FRONTEND_ORIGINS,
    *(app.origin for app in ANDROID_APPS),
    *(origin(each) for each in env.list("WEBAUTHN_ORIGINS", default=[])),
]
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
# Steps of 30 s before and after the present one whose codes are accepted: clocks differ.
MFA_TOTP_TOLERANCE = 1

HEADLESS_TOKEN_STRATEGY = "api.signin.headless.TokenStrategy"  # noqa: S105 - a class
HEADLESS_SERVE_SPECIFICATION = False
