"""Ask for further fields of the profile at each door, and refuse what does not fit."""

import json
import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import translation

from accounts.moving.models import Departure
from accounts.pages import personal_data
from accounts.people import profile_fields
from accounts.people.models import User
from tests.kit.clients import CHROME, bearer, sign_in
from tests.kit.factories import UserFactory
from tests.kit.mails import code_in
from tests.kit.operators import page_of, panel

pytestmark = pytest.mark.django_db
DEFINED = [
    {
        "name": "company",
        "label": {"en": "Company", "ko": "회사"},
        "required": True,
        "max_length": 20,
    },
    {
        "name": "plan",
        "type": "choice",
        "label": {"en": "Plan", "ko": "요금제"},
        "ask": "sign_up",
        "choices": {
            "free": {"en": "Free", "ko": "무료"},
            "team": {"en": "Team", "ko": "팀"},
        },
    },
    {"name": "news", "type": "boolean", "label": {"en": "Send me news", "ko": "소식 받기"}},
]
PASSWORD = "correct horse battery"
SIGN_UP = {"email": "new@example.com", "password1": PASSWORD}
GOOD = {"company": "Acme", "plan": "team", "news": True}


@pytest.fixture(autouse=True)
def _fields(settings):
    settings.PROFILE_FIELDS = profile_fields.parse(json.dumps(DEFINED))
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"confirm_email": None}


@pytest.fixture
def visitor():
    return Client(headers={"user-agent": CHROME})


@pytest.fixture
def change(client, pair):
    """Return a function that sends `extras` to `/api/me/`."""

    def run(extras):
        body, headers = {"extras": extras}, bearer(pair["access"])
        return client.patch("/api/me/", body, content_type="application/json", headers=headers)

    return run


def test_the_sign_up_asks_and_stores(visitor):
    page = visitor.get("/accounts/signup/").text
    answer = visitor.post("/accounts/signup/", SIGN_UP | {"company": " Acme ", "plan": "team"})

    assert [page.count(f'name="{name}"') for name in ("company", "plan", "news")] == [1, 1, 0]
    assert "Company" in page
    assert answer.status_code == 302
    assert User.objects.get().extras == {"company": "Acme", "plan": "team"}


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({}, "This field is required."),
        ({"company": "\u200b"}, "Use text that people can see"),
        ({"company": "x" * 21}, "at most 20 characters"),
        ({"company": "Acme", "plan": "gold"}, "gold is not one of the available choices"),
    ],
)
def test_a_wrong_value_signs_nobody_up(visitor, values, error):
    answer = visitor.post("/accounts/signup/", SIGN_UP | values)

    assert error in answer.text
    assert not User.objects.exists()


def test_the_headless_sign_up_takes_the_same_fields(visitor):
    def sign_up(**values):
        body = {"email": "app@example.com", "password": PASSWORD} | values
        path = "/_allauth/app/v1/auth/signup"
        return visitor.post(path, body, content_type="application/json")

    refused = sign_up()
    accepted = sign_up(company="Acme", plan="free")

    assert (refused.status_code, refused.json()["errors"]) == (
        400,
        [{"message": "This field is required.", "code": "required", "param": "company"}],
    )
    assert accepted.status_code == 401  # the code of the mail comes next
    assert User.objects.get().extras == {"company": "Acme", "plan": "free"}


def test_the_first_proof_keeps_only_what_its_own_visitor_typed(visitor, deliver):
    stranger = Client(headers={"user-agent": CHROME})
    stranger.post("/accounts/signup/", SIGN_UP | {"company": "Stranger Inc", "plan": "team"})
    visitor.post("/accounts/signup/", SIGN_UP | {"company": "Acme"})
    visitor.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})

    user = User.objects.get()
    assert user.emailaddress_set.get().verified
    assert user.extras == {"company": "Acme", "plan": ""}


def test_the_owner_changes_the_fields_on_the_profile_page(visitor):
    user = UserFactory(extras={"company": "Old", "former": "kept"})
    sign_in(visitor, user)
    page = visitor.get("/accounts/profile/").text
    form = {"display_name": "Mia", "locale": "", "company": "New", "plan": "free", "news": "on"}
    visitor.post("/accounts/profile/", form)
    refused = visitor.post("/accounts/profile/", form | {"company": ""})

    user.refresh_from_db()
    assert 'value="Old"' in page
    assert user.extras == GOOD | {"company": "New", "plan": "free", "former": "kept"}
    assert "This field is required." in refused.text


def test_a_box_that_must_be_ticked_says_so_beside_it(visitor, settings):
    """A screen reader reads the error with the box, which names it (`aria-describedby`)."""
    settings.PROFILE_FIELDS = profile_fields.parse(json.dumps([DEFINED[2] | {"required": True}]))

    page = visitor.post("/accounts/signup/", SIGN_UP).text

    box = re.search(r'<input type="checkbox" name="news"[^>]*>', page)[0]
    assert 'aria-describedby="id_news_error"' in box
    assert '<ul class="errors" id="id_news_error"><li>This field is required.</li></ul>' in page


def test_nobody_chooses_by_not_choosing(visitor, settings):
    """A browser sends the first choice of a list, unless that is an empty one."""
    settings.PROFILE_FIELDS = profile_fields.parse(json.dumps([DEFINED[1] | {"required": True}]))
    user = UserFactory()
    sign_in(visitor, user)

    page = visitor.get("/accounts/profile/").text
    refused = visitor.post("/accounts/profile/", {"display_name": "", "locale": "", "plan": ""})

    assert '<select name="plan" required' in page
    assert '<option value="" selected>Choose</option>' in page
    assert "This field is required." in refused.text


def test_a_page_shows_no_value_of_a_former_definition(visitor, settings):
    """Otherwise a text ticks the box of a consent, and the next save of the name gives it."""
    settings.PROFILE_FIELDS = profile_fields.parse(
        json.dumps([DEFINED[2] | {"name": "company"}, DEFINED[1]])
    )
    user = UserFactory(extras={"company": "Acme", "plan": "gold"})
    sign_in(visitor, user)

    page = visitor.get("/accounts/profile/").text

    assert re.search(r'<input type="checkbox" name="company"[^>]*>', page)[0].count("checked") == 0
    assert '<option value="" selected>No answer</option>' in page


def test_the_api_shows_and_changes_them(client, change, pair, user):
    user.extras = {"company": "Acme", "former": "hidden"}
    user.save()

    shown = client.get("/api/me/", headers=bearer(pair["access"]))
    changed = change({"news": True})

    assert shown.json()["extras"] == {"company": "Acme"}
    assert changed.json()["extras"] == {"company": "Acme", "news": True}
    user.refresh_from_db()
    assert user.extras == {"company": "Acme", "news": True, "former": "hidden"}


@pytest.mark.parametrize(
    ("extras", "pointer", "code"),
    [
        ({"company": ""}, "/extras/company", "required"),
        ({"company": 7}, "/extras/company", "invalid"),
        ({"company": "x" * 21}, "/extras/company", "max_length"),
        ({"company": "\u202e"}, "/extras/company", "invisible"),
        ({"plan": "gold"}, "/extras/plan", "invalid_choice"),
        ({"news": "yes"}, "/extras/news", "invalid"),
        ({"other": "x"}, "/extras/other", "unknown_field"),
        (["company"], "/extras", "invalid"),
        (None, "/extras", "null"),
    ],
)
def test_the_api_refuses_a_wrong_value_and_names_it(change, user, extras, pointer, code):
    answer = change(extras)

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    user.refresh_from_db()
    assert user.extras == {}


def test_the_panel_shows_them_in_the_readers_language(user):
    user.extras = GOOD
    user.save()
    browser = panel("superuser")

    with translation.override("ko"):
        korean = browser.get(page_of(user), headers={"accept-language": "ko"}).text

    assert "<dt>회사</dt><dd>Acme</dd>" in korean
    assert "<dt>요금제</dt><dd>팀</dd>" in korean
    assert "<dt>소식 받기</dt><dd>예</dd>" in korean


def test_the_download_has_them(user):
    user.extras = GOOD
    user.save()

    assert json.loads("".join(personal_data.written(user)))["profile"]["extras"] == GOOD


def test_an_export_brings_them_into_another_site(user, tmp_path, settings):
    user.extras = GOOD | {"former": "x"}
    user.save()
    file = tmp_path / "users.jsonl"
    call_command("export_users", str(file))
    key = user.pk
    user.delete()
    Departure.objects.all().delete()
    report = tmp_path / "report.csv"
    call_command(
        *("import_users", "--from", "munjigi", str(file), "--report", str(report)),
        stdout=StringIO(),
        stderr=StringIO(),
    )

    assert User.objects.get(pk=key).extras == GOOD
    assert "The field former of the profile." in report.read_text()
