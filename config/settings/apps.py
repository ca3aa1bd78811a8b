"""Name the mobile apps that use the site's passkeys: each side has to know the other."""

import re
from base64 import urlsafe_b64encode
from typing import NamedTuple

from django.core.exceptions import ImproperlyConfigured

from config.settings.base import env

BYTES = 32
"""Length of a SHA-256 fingerprint."""


class AndroidApp(NamedTuple):
    package: str
    fingerprint: str
    """The SHA-256 of the certificate that signs the app, as in AB:CD:…"""

    @property
    def origin(self) -> str:
        """Return the origin that Android puts in place of a web site's."""
        digest = bytes.fromhex(self.fingerprint.replace(":", ""))
        return f"android:apk-key-hash:{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def android_app(entry: str) -> AndroidApp:
    """Return the app of an entry such as `com.example.app=AB:CD:…`."""
    package, _, fingerprint = entry.partition("=")
    pairs = fingerprint.upper().split(":")
    is_digest = len(pairs) == BYTES and all(re.fullmatch("[0-9A-F]{2}", pair) for pair in pairs)
    if not re.fullmatch(r"\w+(\.\w+)+", package, re.ASCII) or not is_digest:
        raise ImproperlyConfigured(
            f"ANDROID_APPS has {entry!r}: write package=fingerprint, such as com.example.app=AB:CD:… "
            "with 32 pairs, as keytool and the Play Console show it."
        )
    return AndroidApp(package, ":".join(pairs))


def apple_app(entry: str) -> str:
    """Return the entry, an app's id such as `ABCDE12345.com.example.app`."""
    if not re.fullmatch(r"[A-Z0-9]{10}(\.[A-Za-z0-9-]+)+", entry):
        raise ImproperlyConfigured(
            f"APPLE_APPS has {entry!r}: write the team's id and the bundle's id, such as "
            "ABCDE12345.com.example.app."
        )
    return entry


ANDROID_APPS = [android_app(entry) for entry in env.list("ANDROID_APPS", default=[])]
APPLE_APPS: list[str] = [apple_app(entry) for entry in env.list("APPLE_APPS", default=[])]
