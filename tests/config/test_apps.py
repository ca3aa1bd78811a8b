"""Mobile apps are named in full, and Android's origin follows from the certificate."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.settings.apps import android_app, apple_app

PAIRS = ":".join(f"{number:02X}" for number in range(32))


def test_the_origin_of_an_android_app_is_the_hash_of_its_certificate():
    app = android_app(f"com.example.app={PAIRS.lower()}")

    assert (app.package, app.fingerprint) == ("com.example.app", PAIRS)
    assert app.origin == "android:apk-key-hash:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


@pytest.mark.parametrize(
    "entry",
    [
        *("com.example.app", "com.example.app=", f"={PAIRS}", f"app={PAIRS}"),
        *(f"com.example.app={PAIRS[:-3]}", f"com.example.app={PAIRS}:00"),
        *(f"com.example.app={PAIRS[:-2]}XY", f"com.example app={PAIRS}", f"com.예.app={PAIRS}"),
    ],
)
def test_another_android_app_is_refused(entry):
    with pytest.raises(ImproperlyConfigured, match="ANDROID_APPS has"):
        android_app(entry)


def test_an_apple_app_has_its_team():
    assert apple_app("ABCDE12345.com.example.app-1") == "ABCDE12345.com.example.app-1"


@pytest.mark.parametrize(
    "entry", ["com.example.app", "ABCDE12345", "abcde12345.com.example.app", "ABCDE12345.a b", ""]
)
def test_another_apple_app_is_refused(entry):
    with pytest.raises(ImproperlyConfigured, match="APPLE_APPS has"):
        apple_app(entry)
