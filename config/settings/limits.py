"""Set up the rate limits. A variable is `amount/seconds`: at most this amount of events in this time.

`accounts.store.counters.limit` finds a limit by its short name.
"""

from django.core.exceptions import ImproperlyConfigured

from config.settings.base import env


def limit(variable: str, default: str) -> tuple[int, int]:
    value = env.str(variable, default="") or default
    amount, _, seconds = value.partition("/")
    if not (amount.isdecimal() and seconds.isdecimal() and int(amount) and int(seconds)):
        raise ImproperlyConfigured(
            f"{variable}={value!r}: write amount/seconds, both at least 1, such as {default}."
        )
    return int(amount), int(seconds)


LIMITS = {
    # Wrong passwords. A right one is not counted.
    "sign_in_account": limit("LIMIT_SIGN_IN_ACCOUNT", "5/300"),
    "sign_in_account_day": limit("LIMIT_SIGN_IN_ACCOUNT_DAY", "100/86400"),
    "sign_in_device": limit("LIMIT_SIGN_IN_DEVICE", "5/300"),
    "sign_in_network": limit("LIMIT_SIGN_IN_NETWORK", "100/300"),
    # Mails that one network asked for, and that nobody used.
    "sign_up": limit("LIMIT_SIGN_UP", "60/60"),
    "reset": limit("LIMIT_RESET", "60/60"),
    "code": limit("LIMIT_CODE", "60/60"),
    # Requests from one network: forms of sign-ups and of mailed links, also refused ones; challenges.
    "form": limit("LIMIT_FORM", "600/60"),
    "passkey_start": limit("LIMIT_PASSKEY_START", "600/60"),
    # Attempts by a provider that did not succeed: of one browser, of one network.
    "social_browser": limit("LIMIT_SOCIAL_BROWSER", "30/60"),
    "social_start": limit("LIMIT_SOCIAL_START", "600/60"),
    # Refusals: of one network; `refresh_token`: of one refresh token that we signed.
    "social": limit("LIMIT_SOCIAL", "30/60"),
    "refresh": limit("LIMIT_REFRESH", "120/60"),
    "refresh_token": limit("LIMIT_REFRESH_TOKEN", "20/60"),
    "introspect": limit("LIMIT_INTROSPECT", "600/60"),
    "passkey": limit("LIMIT_PASSKEY", "60/60"),
    "report": limit("LIMIT_REPORT", "600/60"),
    # Wrong tries of one mailed code.
    "code_tries": limit("LIMIT_CODE_TRIES", "5/600"),
    # Wrong codes of a second factor, for one account.
    "factor": limit("LIMIT_FACTOR", "5/300"),
    "factor_day": limit("LIMIT_FACTOR_DAY", "30/86400"),
    # Mails to one email address.
    "reset_address": limit("LIMIT_RESET_ADDRESS", "5/60"),
    "code_address": limit("LIMIT_CODE_ADDRESS", "3/60"),
    "resend": limit("LIMIT_RESEND", "1/10"),
    # Requests of one account.
    "change_password": limit("LIMIT_CHANGE_PASSWORD", "5/60"),
    "change_email": limit("LIMIT_CHANGE_EMAIL", "10/60"),
    "reauthenticate": limit("LIMIT_REAUTHENTICATE", "10/60"),
}


def _rate(name: str, per: str) -> str:
    amount, seconds = LIMITS[name]
    return f"{amount}/{seconds}s/{per}"


# The limits that allauth counts. `accounts.signins.guesses` counts wrong passwords,
# `accounts.pages.mail_requests` the mails that a network asks for.
ACCOUNT_RATE_LIMITS = {
    "login": None,
    "login_failed": None,
    "signup": _rate("form", "ip"),
    "reset_password": _rate("reset_address", "key"),
    "reset_password_from_key": _rate("form", "ip"),
    "change_password": _rate("change_password", "user"),
    "manage_email": _rate("change_email", "user"),
    "reauthenticate": _rate("reauthenticate", "user"),
    "request_login_code": _rate("code_address", "key"),
    "confirm_email": _rate("resend", "key"),
}
