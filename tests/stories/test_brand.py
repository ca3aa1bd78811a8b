"""Give the site another team's brand: nothing of ours is left on a page, in a mail or in a header."""

import re

import pytest

from tests.kit.processes import ROOT
from tests.kit.rings import starts_processes

OURS = re.compile(r"munjigi|문지기", re.IGNORECASE)
BRAND = {
    "SITE_NAME": "Acme ID",
    "BRAND_COLOR": "#7a1fa2",
    "BRAND_LOGO": "logo.svg",
    "TERMS_URL": "https://acme.example/terms",
    "PRIVACY_URL": "https://acme.example/privacy",
}
WALK = """
import json
from django.core.management import call_command
from django.urls import NoReverseMatch, reverse
from tests.gallery import every
from tests.kit.factories import UserFactory, PASSWORD
call_command("migrate", verbosity=0)
user = UserFactory(admin=True)
client = Client()
client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
answers = {}
def see(who, browser, path, language):
    answer = browser.get(path, headers={"accept-language": language})
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    shown = str(dict(answer.headers)) + body.decode()
    answers[f"{who} {language} {path}"] = [answer.status_code, shown]
for name in sorted(every.pages("config.urls") - {""}):
    try:
        path = reverse(name)
    except NoReverseMatch:
        continue
    for language in ("en", "ko"):
        see("stranger", Client(), path, language)
        see("owner", client, path, language)
for path in ("/api/docs/", "/api/schema/", "/nothing/", "/api/nothing/", "/.well-known/jwks.json",
             "/accounts/2fa/passkeys/options/sign_in/", "/_allauth/app/v1/config"):
    see("stranger", Client(), path, "en")
"""
MAILS = """
from pathlib import Path
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation
from config import banner
from accounts.webhooks import delivery
from accounts.breaches import service
from accounts.pages import personal_data
from accounts.factors.adapter import MFAAdapter
from accounts.factors.passkeys import options
from django.contrib import admin
answers = {}
root = settings.BASE_DIR / "templates"
context = {"user_agent": "x", "device": "x", "code": "1", "url": "/", "label": "x", "site_url": "https://x", "token": "t", "path": "/"}
NAMES = "when user_agent device ip place email provider factor site_name reset_path account".split()
context |= dict.fromkeys(NAMES, "x") | {"left": 3, "failures": 3}
for path in sorted(root.glob("**/email/*_*.*")):
    name = str(path.relative_to(root))
    for language in ("en", "ko"):
        with translation.override(language):
            answers[f"{name} {language}"] = render_to_string(name, context)
answers["sender"] = settings.DEFAULT_FROM_EMAIL
answers["subject"] = settings.ACCOUNT_EMAIL_SUBJECT_PREFIX
answers["user agents"] = delivery.USER_AGENT + " " + service.HEADERS["User-Agent"]
answers["file"] = personal_data.FILE_NAME
answers["totp"] = MFAAdapter().get_totp_issuer()
answers["admin"] = admin.site.site_header + admin.site.site_title
"""
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8"/></svg>'
)


@pytest.fixture
def brand_dir(tmp_path):
    for folder in ("static", "templates/account", "templates/account/email"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / "static" / "logo.svg").write_text(LOGO)
    (tmp_path / "templates/account/login.html").write_text(
        '{% extends "account/login.html" %}{% block content %}<p>Acme says hello.</p>'
        "{{ block.super }}{% endblock %}"
    )
    (tmp_path / "templates/account/email/login_code_subject.txt").write_text("Your Acme code\n")
    return tmp_path


@starts_processes
def test_no_page_of_another_brand_names_us(site_under, brand_dir, tmp_path):
    database = f"sqlite:///{tmp_path}/db.sqlite3"  # other threads read it, too
    answers = site_under(WALK, BRAND_DIR=str(brand_dir), DATABASE_URL=database, **BRAND)

    assert len(answers) > 120
    assert {path for path, (status, _) in answers.items() if status >= 500} == set()
    assert {path for path, (_, shown) in answers.items() if OURS.search(shown)} == set()
    page = answers["stranger en /accounts/signup/"][1]
    assert "Acme ID" in page
    assert '<img class="brand-logo" src="/static/logo.svg"' in page
    assert '<a href="https://acme.example/terms">terms of use</a>' in page
    assert page.count("https://acme.example/privacy") == 2  # beside the form, and in the footer
    assert re.search(r'<link rel="stylesheet" href="/brand/[0-9a-f]{12}\.css">', page)
    assert "style=" not in page
    assert "<title>Acme ID API</title>" in answers["stranger en /api/docs/"][1]
    assert "Acme ID" in answers["owner en /admin/"][1]


@starts_processes
def test_no_mail_and_no_header_of_another_brand_names_us(site_under, brand_dir):
    answers = site_under(MAILS, BRAND_DIR=str(brand_dir), **BRAND)

    assert len(answers) > 100
    assert {name for name, text in answers.items() if OURS.search(text)} == set()
    assert answers["sender"] == "Acme ID <no-reply@localhost>"
    assert answers["subject"] == "[Acme ID] "
    assert answers["user agents"] == "Acme-ID-Webhooks/1 acme-id"
    assert answers["totp"] == "Acme ID"
    html = answers["account/email/login_code_message.html en"]
    assert "#0d6b63" not in html
    assert "#7a1fa2" in html


@starts_processes
def test_an_overridden_template_survives(site_under, brand_dir):
    code = """
from django.template.loader import render_to_string
answers = {"page": Client().get("/accounts/login/").text,
           "subject": render_to_string("account/email/login_code_subject.txt")}
"""
    answers = site_under(
        f'from django.core.management import call_command\ncall_command("migrate", verbosity=0)\n{code}',
        BRAND_DIR=str(brand_dir),
        **BRAND,
    )

    assert "<p>Acme says hello.</p>" in answers["page"]
    assert 'name="password"' in answers["page"]  # of the page below it
    assert answers["subject"] == "Your Acme code\n"


@starts_processes
def test_collectstatic_takes_the_files_of_the_brand(site_under, brand_dir, tmp_path):
    (brand_dir / "static" / "accounts").mkdir()
    (brand_dir / "static" / "accounts" / "favicon.svg").write_text("<svg>ours</svg>")
    answers = site_under(
        """
from django.conf import settings
from django.core.management import call_command
call_command("collectstatic", interactive=False, verbosity=0)
root = settings.STATIC_ROOT
answers = [(root / "logo.svg").exists(), (root / "accounts/favicon.svg").read_text()]
""",
        BRAND_DIR=str(brand_dir),
        VAR_DIR=str(tmp_path / "var"),
        **BRAND,
    )

    assert answers == [True, "<svg>ours</svg>"]


@starts_processes
def test_the_style_sheet_is_kept_only_under_its_own_version(site_under):
    answers = site_under(
        """
from accounts import brand
client = Client()
good = client.get(f"/brand/{brand.version()}.css")
old = client.get("/brand/0123456789ab.css")
answers = [good["Content-Type"], good["Cache-Control"], old.status_code, old["Cache-Control"], good.text]
""",
        BRAND_COLOR="#7a1fa2",
    )

    assert answers[:4] == ["text/css", "public, max-age=31536000, immutable", 200, "no-store"]
    assert answers[4].startswith(":root{--brand:light-dark(#7a1fa2,")


def test_without_a_brand_there_is_no_style_sheet(client):
    assert client.get("/brand/0123456789ab.css").status_code == 404


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BRAND_COLOR", "red; } body { display: none"),
        ("BRAND_COLOR_DARK", "#0d6b63"),
        ("BRAND_LOGO", "https://elsewhere.example/logo.svg"),
        ("BRAND_DIR", "nowhere"),
        ("TERMS_URL", "javascript:alert(1)"),
    ],
)
@starts_processes
def test_a_wrong_value_of_the_brand_stops_the_start(boot, variable, value):
    done = boot(**{variable: value})

    assert done.returncode != 0
    assert variable in done.stderr


def test_no_template_and_no_style_sheet_names_us():
    files = [*(ROOT / "templates").rglob("*.*"), *(ROOT / "accounts" / "static").rglob("*.*")]

    assert [each for each in files if each.is_file() and OURS.search(each.read_text())] == []
