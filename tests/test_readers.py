"""Test that every setting, mail, element and CSS class that we define has a reader."""

import re
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ["accounts", "api", "config", "demo", "doctor", "templates"]
READERS_OF_SETTINGS = [
    "django.conf.global_settings",
    "allauth.app_settings",
    "allauth.account.app_settings",
    "allauth.account.internal.userkit",
    "allauth.headless.app_settings",
    "allauth.mfa.app_settings",
    "allauth.socialaccount.app_settings",
    "corsheaders.conf",
    "drf_spectacular.settings",
    "rest_framework.settings",
    "whitenoise.middleware",
]
PREFIX = re.compile(r"^(ACCOUNT|ALLAUTH|HEADLESS|MFA|SOCIALACCOUNT)_")
"""Most of allauth's modules name their settings without this prefix."""


def text_of(folders, *endings):
    return "\n".join(
        path.read_text()
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in endings
    )


def settings_defined():
    text = text_of(["config/settings"], ".py")
    lines = re.findall(r"^((?:[A-Z][A-Z0-9_]*(?:: [^=\n]+)? = )+)", text, re.MULTILINE)
    return sorted({name for line in lines for name in re.findall(r"\b[A-Z][A-Z0-9_]+\b", line)})


def test_every_setting_is_read():
    libraries = "\n".join(Path(find_spec(name).origin).read_text() for name in READERS_OF_SETTINGS)
    known = set(re.findall(r"\w+", libraries))
    counts = Counter(re.findall(r"\w+", text_of(PRODUCT, ".py", ".html", ".txt")))

    def is_read(name):
        # The definition counts once. The settings may use a name themselves, as `COOKIE_PREFIX`.
        return counts[name] > 1 or bool({name, PREFIX.sub("", name)} & known)

    assert len(settings_defined()) > 100
    assert [name for name in settings_defined() if not is_read(name)] == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "templates/allauth/elements").glob("*.html")), ids=lambda path: path.stem
)
def test_every_element_is_used(path):
    assert re.search(rf"{{% element {path.stem}\b", text_of(["templates"], ".html"))


@pytest.mark.parametrize("app", ["account", "socialaccount"])
def test_allauth_or_our_code_sends_every_mail(app):
    allauth = Path(find_spec("allauth").origin).parent
    senders = text_of(["accounts"], ".py")
    senders += "\n".join(path.read_text() for path in allauth.rglob("*.py"))
    subjects = (ROOT / "templates" / app / "email").glob("*_subject.txt")
    mails = {path.name.removesuffix("_subject.txt") for path in subjects}

    assert mails
    assert {mail for mail in mails if f'"{app}/email/{mail}"' not in senders} == set()


@pytest.mark.parametrize(
    ("stylesheet", "users"),
    [
        ("accounts/static/accounts/style.css", ["accounts", "templates"]),
        ("demo/spa/style.css", ["demo/spa"]),
        ("demo/static/consent.css", ["demo"]),
    ],
)
def test_every_css_class_is_used(stylesheet, users):
    css = re.sub(r"/\*.*?\*/", "", (ROOT / stylesheet).read_text(), flags=re.DOTALL)
    selectors = re.sub(r"\{[^{}]*\}", "{}", css)
    classes = set(re.findall(r"\.([a-z][\w-]*)", selectors))
    words = set(re.findall(r"[\w-]+", text_of(users, ".html", ".js", ".py")))

    assert len(classes) > 5
    assert classes - words == set()
