"""Read the dashboard: the numbers, who may see it, what it costs, and what a bad range does."""

import html
import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit import chain
from accounts.support import figures
from config.management.commands import worker
from tests.kit.clients import CHROME, open_browser
from tests.kit.factories import AuditEventFactory, AuthSessionFactory, UserFactory
from tests.kit.factors import enrol_app

pytestmark = pytest.mark.django_db


def enter(**fields):
    browser = Client(headers={"user-agent": CHROME})
    user = UserFactory(**fields)
    open_browser(browser, user)
    return browser, user


@pytest.fixture
def admin():
    return enter(admin=True)[0]


def staff_with(*rights):
    browser, user = enter(staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return browser


def events(number, type_, *, ago=timedelta(0), **fields):
    fields["created_at"] = timezone.now() - ago
    AuditEventFactory.create_batch(number, type=type_, user=None, **fields)


def card(page, label):
    """Return the number of a card, and its address or None."""
    [found] = re.findall(rf"<dt>{label}</dt><dd>(.*?)</dd>", html.unescape(page.text))
    link = re.search(r'href="([^"]*)"', found)
    return re.sub(r"<small>.*|<[^>]*>", "", found).strip(), link and link.group(1)


def test_the_numbers_of_a_day_are_shown(admin):
    events(3, "login.failed", reason="wrong_password")
    events(1, "login.failed", reason="unknown_user")
    events(2, "user.signed_up")
    events(1, "activity.denied", reason="denied_sign_in")
    chain.seal()
    events(1, "login.failed", reason="wrong_password")
    events(9, "login.failed", ago=timedelta(hours=25))

    page = admin.get("/admin/")

    assert card(page, "Failed sign-ins")[0] == "5"
    assert card(page, "Sign-ups")[0] == "2"
    assert card(page, "Reports “it wasn't me”")[0] == "1"
    assert card(page, "Sign-ins")[0] == "1"  # the administrator's own
    [row] = re.findall(r"<tr>(?:(?!</tr>).)*Wrong password.*?</tr>", page.text)
    assert "<td>4</td><td>80 %</td>" in row


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("24h", "1"), ("7d", "2"), ("30d", "3"), ("", "1"), ("7D", "1"), ("9y", "1"), ("'\x00", "1")],
)
def test_a_range_is_chosen_by_a_link(admin, asked, expected):
    for days in (0, 5, 20, 40):
        events(1, "login.failed", ago=timedelta(days=days))

    page = admin.get("/admin/", {"range": asked})

    assert card(page, "Failed sign-ins")[0] == expected
    assert page.text.count('aria-current="page"') == 1
    assert page.text.count("<rect x=") == {"7d": 7, "30d": 30}.get(asked, 24) * (
        2
    )  # two charts have events


def test_a_number_leads_to_its_events(admin):
    events(2, "login.failed", reason="wrong_code", identifier="mina@example.com")
    events(1, "login.failed", reason="unknown_user", identifier="other@example.com")
    page = admin.get("/admin/")

    listed = admin.get(card(page, "Failed sign-ins")[1])
    [reason] = re.findall(r'href="([^"]*)">Wrong code</a>', html.unescape(page.text))
    of_reason = admin.get(reason)

    assert listed.text.count('class="field-identifier"') == 3
    assert of_reason.text.count('class="field-identifier"') == 2
    assert "other@example.com" not in of_reason.text


def test_shares_of_second_factors_count_enabled_accounts(admin):
    enrol_app(UserFactory())
    enrol_app(UserFactory(disabled=True))
    enrol_app(UserFactory(staff=True))
    figures.count_if_due()

    page = admin.get("/admin/")

    assert card(page, "Accounts with a second factor")[0] == "66 %"
    assert "2 of 3" in page.text
    assert card(page, "Staff with a second factor")[0] == "50 %"


def test_active_sign_ins_are_counted(admin):
    AuthSessionFactory.create_batch(3)
    AuthSessionFactory(revoked=True)
    AuthSessionFactory(expires_at=timezone.now())
    figures.count_if_due()

    assert card(admin.get("/admin/"), "Active sign-ins")[0] == "4"


def test_the_worker_counts_the_accounts_again_after_five_minutes(admin):
    figures.count_if_due()
    before = card(admin.get("/admin/"), "Active sign-ins")[0]
    AuthSessionFactory()
    figures.count_if_due()
    kept = card(admin.get("/admin/"), "Active sign-ins")[0]
    with time_machine.travel(timezone.now() + timedelta(seconds=figures.STATE_SECONDS)):
        figures.count_if_due()
    counted = card(admin.get("/admin/"), "Active sign-ins")[0]

    assert (before, kept, counted) == ("1", "1", "2")


def test_no_reader_waits_for_the_count_of_accounts(admin, django_assert_num_queries):
    with CaptureQueriesContext(connection) as captured:
        page = admin.get("/admin/")

    assert card(page, "Active sign-ins") == ("-", None)
    assert card(page, "Accounts with a second factor") == ("-", None)
    assert "The worker counts accounts and active sign-ins within some minutes." in page.text
    counted = [each["sql"] for each in captured if "COUNT(" in each["sql"]]
    assert not [sql for sql in counted if "accounts_user" in sql or "authsession" in sql]
    with django_assert_num_queries(3):
        figures.count_if_due()
    with django_assert_num_queries(0):
        figures.count_if_due()
    assert "as of" in admin.get("/admin/").text


def test_the_worker_counts_the_accounts():
    assert figures.count_if_due in [tick.chore for tick in worker.TICKS]


def test_a_method_counts_once_for_each_sign_in(admin):
    events(2, "login.succeeded", amr=["hwk", "pop", "user"])
    events(1, "login.succeeded", amr=["pwd", "mfa", "otp"])

    page = admin.get("/admin/")

    [row] = re.findall(r'<tr><th scope="row">Passkey</th>.*?</tr>', page.text)
    assert "<td>2</td><td>50 %</td>" in row
    assert "Confirmed on the device" not in page.text


@pytest.mark.parametrize("rights", [[], ["view_user", "view_authsession"]])
def test_without_the_right_to_read_events_there_is_the_plain_index(rights):
    page = staff_with(*rights).get("/admin/?range=7d")

    assert page.status_code == 200
    assert "Failed sign-ins" not in page.text
    assert 'class="cards"' not in page.text


def test_a_reader_of_events_gets_no_links_to_other_lists():
    page = staff_with("view_auditevent").get("/admin/")

    assert card(page, "Active sign-ins")[1] is None
    assert card(page, "Accounts with a second factor")[1] is None
    assert card(page, "Failed sign-ins")[1].startswith("/admin/accounts/auditevent/?type__exact=")


def test_the_number_of_statements_is_constant(admin, django_assert_num_queries):
    """The events take one statement; the others are the sign-in's and the index's."""
    figures.count_if_due()
    admin.get("/admin/")
    with django_assert_num_queries(6):
        admin.get("/admin/?range=30d")
    events(30, "login.failed", reason="wrong_password")
    events(30, "login.succeeded", ago=timedelta(days=20), amr=["pwd"])
    UserFactory.create_batch(20)
    AuthSessionFactory.create_batch(20)

    with django_assert_num_queries(6):
        admin.get("/admin/?range=30d")


def test_each_chart_has_a_name_a_description_and_a_table(admin):
    events(2, "login.failed", reason="wrong_password")

    text = admin.get("/admin/?range=7d").text

    charts = re.findall(r'<svg role="img" aria-labelledby="(\S+) (\S+)"', text)
    assert charts
    for title, description in charts:
        assert f'<title id="{title}">' in text
        assert f'<desc id="{description}">' in text
    assert text.count("<details>") == len(charts)
    assert text.count('<tr><th scope="row">') >= 7 * len(charts)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_dashboard_has_no_inline_style_or_script(admin, language):
    events(2, "login.failed", reason="wrong_password")

    text = admin.get("/admin/", headers={"accept-language": language}).text

    assert not re.search(r"\sstyle=|<style|\son\w+=", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)


def test_the_dashboard_speaks_korean(admin):
    events(1234, "login.failed", reason="wrong_password")

    page = admin.get("/admin/?range=30d", headers={"accept-language": "ko"})

    assert card(page, "로그인 실패")[0] == "1,234"
    assert re.search(r"\d+월 \d+일", page.text)


def test_days_are_those_of_the_readers_time_zone(admin, settings, monkeypatch):
    """0:30 in Seoul is still the day before in UTC."""
    settings.TIME_ZONE = "Asia/Seoul"
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    AuditEventFactory(type="login.failed", created_at=midnight - timedelta(days=1, hours=-0.5))

    text = admin.get("/admin/?range=7d").text

    day = midnight - timedelta(days=1)
    assert f"<title>{day:%B} {day.day}: 1</title>" in text
