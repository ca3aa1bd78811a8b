"""Page through the panel's long lists: each row once, in order, without counting."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import chain

import pytest
from django.contrib import admin as admin_site
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.audit.models import AuditEvent
from accounts.factors.models import FactorReset
from accounts.invitations.models import Invitation
from accounts.people.models import User
from accounts.reports.models import Report
from accounts.signins.models import AuthSession
from accounts.support.keyset import Cursor, KeysetList
from accounts.webhooks.models import WebhookDelivery
from tests.kit import listed
from tests.kit.clients import CHROME, open_browser
from tests.kit.factories import AuditEventFactory, UserFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
EVENTS = "/admin/accounts/auditevent/"
FEW = {"apikey", "group", "webhookendpoint"}
"""The lists of what operators make by hand and keep: Django's own pages are good enough."""


@pytest.fixture
def admin():
    browser = Client(headers={"user-agent": CHROME})
    open_browser(browser, UserFactory(admin=True, date_joined=NOON - timedelta(days=1)))
    AuditEvent.objects.all().delete()
    AuthSession.objects.update(created_at=NOON - timedelta(days=1))
    return browser


@pytest.fixture(autouse=True)
def short_pages(monkeypatch):
    monkeypatch.setattr(KeysetList, "list_per_page", 5)


def links(page):
    found = re.search(r'<nav class="pages".*?</nav>', page.text, re.DOTALL)
    nav = found.group() if found else ""
    return {
        text: unescape(url) for url, text in re.findall(r'<a href="([^"]*)"[^>]*>(\w+)</a>', nav)
    }


def rows(page):
    """Return the ids of the rows. The list of events has no boxes, so take the links."""
    return re.findall(
        r'<th class="field-[^"]*"><a href="/admin/accounts/\w+/([^/]+)/change/', page.text
    )


def walk(admin, path, way):
    """Follow the links of this name from a page on, and return each page's rows."""
    base, found = path.partition("?")[0], []
    while True:
        page = admin.get(path)
        found.append(rows(page))
        if way not in links(page):
            return found, path
        path = base + links(page)[way]


def fill(model, number):
    """Add rows, of which each three have the same time."""
    for place in range(number):
        listed.row_of(model, time=NOON + timedelta(microseconds=place // 3))


@pytest.mark.parametrize(
    ("model", "name", "field"),
    [
        (AuditEvent, "auditevent", "created_at"),
        (AuthSession, "authsession", "created_at"),
        (FactorReset, "factorreset", "created_at"),
        (Invitation, "invitation", "created_at"),
        (Report, "report", "created_at"),
        (User, "user", "date_joined"),
        (WebhookDelivery, "webhookdelivery", "occurred_at"),
    ],
)
def test_all_pages_together_have_each_row_once(admin, model, name, field):
    fill(model, 17)
    if model is not User:  # rows of some models have users
        User.objects.filter(date_joined__gte=NOON).update(date_joined=NOON - timedelta(days=1))
    expected = [
        str(pk) for pk in model.objects.order_by(f"-{field}", "-pk").values_list("pk", flat=True)
    ]

    older, last = walk(admin, f"/admin/accounts/{name}/", "Older")
    newer, _ = walk(admin, last, "Newer")

    assert list(chain.from_iterable(older)) == expected
    assert newer[-1] == expected[:5]
    assert set(chain.from_iterable(newer)) == set(expected)
    assert all(len(page) == 5 for page in older[:-1])


def test_each_list_of_rows_that_come_by_themselves_has_cursors():
    stock = {
        model._meta.model_name
        for model, found in admin_site.site._registry.items()
        if not isinstance(found, KeysetList)
    }

    assert stock == FEW


def test_a_page_stays_the_same_while_rows_are_added(admin):
    fill(AuditEvent, 12)
    second = EVENTS + links(admin.get(EVENTS))["Older"]
    before = rows(admin.get(second))

    AuditEventFactory.create_batch(3, user=None)

    assert rows(admin.get(second)) == before


def test_a_short_list_has_no_links(admin):
    fill(AuditEvent, 5)

    assert links(admin.get(EVENTS)) == {}


def test_the_newest_page_is_one_click_away(admin):
    fill(AuditEvent, 12)
    _, last = walk(admin, EVENTS, "Older")

    page = admin.get(EVENTS + links(admin.get(last))["Newest"])

    assert rows(page) == rows(admin.get(EVENTS))
    assert set(links(page)) == {"Older"}


def test_a_filter_begins_at_the_newest_row(admin):
    fill(AuditEvent, 12)
    page = admin.get(EVENTS + links(admin.get(EVENTS))["Older"])

    filters = re.findall(r'href="(\?[^"]*type__exact=login\.failed[^"]*)"', unescape(page.text))

    assert filters
    assert not any("p=" in url for url in filters)


def test_a_page_keeps_its_filter_and_search(admin):
    for _ in range(7):
        AuditEventFactory(user=None, type="login.failed", identifier="mina@example.com")
        AuditEventFactory(user=None, type="login.failed", identifier="other@example.com")

    found, _ = walk(admin, f"{EVENTS}?type__exact=login.failed&q=mina", "Older")

    assert [len(page) for page in found] == [5, 2]


@pytest.mark.parametrize(
    "cursor",
    [
        *("2", "o", "o.", "o..", "o.1.x", "o.x.1", "x.1.1", "\x00", "o.1.1.1", "o.\x00.1"),
        *("o." + "9" * 40 + ".1", "n.-" + "9" * 19 + ".1", "o.1." + "9" * 30, "o.٣.1"),
    ],
)
@pytest.mark.parametrize("name", ["auditevent", "user"])
def test_a_bad_cursor_shows_some_page(admin, cursor, name):
    fill(AuditEvent, 3)

    assert admin.get(f"/admin/accounts/{name}/", {"p": cursor}).status_code in {200, 400}


@pytest.mark.parametrize("query", ["?o=1", "?o=-1.2", "?all=", "?_facets=True", "?p=2"])
def test_no_parameter_makes_the_list_slow(admin, query):
    """Sorting by another column, showing all and counting each filter would read the whole table."""
    fill(AuditEvent, 12)
    expected = rows(admin.get(EVENTS))

    with CaptureQueriesContext(connection) as captured:
        page = admin.get(EVENTS + query)

    assert rows(page) == expected
    statements = [each["sql"] for each in captured.captured_queries]
    assert not any("COUNT(" in sql for sql in statements)
    [listed] = [sql for sql in statements if 'FROM "accounts_auditevent"' in sql]
    assert 'ORDER BY "accounts_auditevent"."created_at" DESC' in listed


def test_a_cursor_is_read_as_it_is_written(admin):
    event = AuditEventFactory(
        user=None, created_at=datetime(1969, 7, 20, 20, 17, 40, 5, tzinfo=UTC)
    )

    cursor = Cursor.at(event, "o", "created_at")

    assert Cursor.read(str(cursor), AuditEvent) == cursor
