"""Give accounts second factors, and make their codes."""

import time

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, generate_totp_secret, hotp_value

from accounts.client_info import ClientInfo
from accounts.factors.passkeys import answers, options
from accounts.factors.passkeys import enrolment as passkeys
from accounts.factors.recovery_codes import enrolment as recovery_codes
from accounts.factors.totp import enrolment as totp
from tests.kit.passkeys import SoftAuthenticator

PERIOD = 30


def enrol_app(user):
    """Add an authenticator app to the account, and return its secret."""
    secret = generate_totp_secret()
    totp.add(user, secret, step=0)
    return secret


def enrol(user):
    """Add an app and recovery codes. Returns the app's secret and the codes."""
    secret = enrol_app(user)
    return secret, recovery_codes.add(user)[1]


def enrol_passkey(user, device=None, *, is_passkey=True, **said):
    """Add a passkey to the account, and return the device that has it: a phone, unless given."""
    device = device or SoftAuthenticator()
    credential = device.create(options.creation(user, is_passkey=is_passkey), **said)
    new = answers.register(credential, user)
    passkeys.add(user, new, name="", client=ClientInfo(user_agent="Firefox/128.0"))
    return device


def app_code(secret, steps=0):
    """Return the code that the app shows now, or `steps` half minutes later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD + steps))


def wrong_code(secret):
    """Return a code that the app shows neither now nor in the minutes around."""
    near = {app_code(secret, steps) for steps in range(-5, 6)}
    return next(code for code in ("000000", "000001", "000002") if code not in near)


def row_of(user, kind="totp"):
    return Authenticator.objects.get(user=user, type=kind)
