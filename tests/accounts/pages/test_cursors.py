"""The pages of devices and of activity: cursors, and the same number of statements for each page."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.signins.models import AuthSession
from tests.kit.factories import AuditEventFactory, AuthSessionFactory

PAGES = ("/accounts/sessions/", "/accounts/activity/")
ROWS = {"/accounts/sessions/": r'<li class="row[ "]', "/accounts/activity/": r'<li class="event '}
EXPIRES = timedelta(days=90)


def link_in(page, rel):
    found = re.search(rf'rel="{rel}" href="([^"]+)"', page.text)
    return found and unescape(found[1])


def walk(browser, path, rel="next", query=""):
    """Return this page and all pages behind its links."""
    pages = [browser.get(path + query)]
    while (query := link_in(pages[-1], rel)) and len(pages) < 100:
        pages.append(browser.get(path + query))
    return pages


def fill(user, path, count):
    """Add rows: some of them at the same time, as a batch of ends makes them."""
    now = timezone.now()
    times = [now - timedelta(minutes=number // 3) for number in range(count)]
    if path == "/accounts/sessions/":
        AuthSession.objects.bulk_create(
            AuthSession(user=user, kind="browser", last_seen_at=time, expires_at=now + EXPIRES)
            for time in times
        )
    else:
        AuditEvent.objects.bulk_create(
            AuditEvent(user=user, created_at=time, type="session.proved") for time in times
        )


def ids_in(page, path):
    if path == "/accounts/sessions/":
        return [each.pk for each in page.context["sessions"]]
    return [each.pk for each in page.context["events"]]


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_through_all_rows_and_back(signed_in, user, path):
    fill(user, path, 70)
    older = walk(signed_in, path)
    first = link_in(older[-1], "prev")
    newer = [older[-1], *walk(signed_in, path, "prev", first)]

    listed = [pk for page in older for pk in ids_in(page, path)]
    assert len(listed) == len(set(listed)) == 71
    assert [ids_in(page, path) for page in reversed(newer)] == [
        ids_in(page, path) for page in older
    ]
    assert link_in(older[0], "prev") is None


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("which", ["first", "second", "last"])
def test_a_thousand_rows_cost_as_many_statements_as_few(signed_in, user, path, which):
    fill(user, path, 5)
    signed_in.get(path)
    with CaptureQueriesContext(connection) as few:
        signed_in.get(path)
    fill(user, path, 1000)
    pages = walk(signed_in, path)
    query = {"first": "", "second": link_in(pages[0], "next"), "last": link_in(pages[-2], "next")}

    with CaptureQueriesContext(connection) as many:
        page = signed_in.get(path + query[which])

    assert len(many) <= len(few)
    assert 0 < len(re.findall(ROWS[path], page.text)) <= 26
    assert not any("OFFSET" in each["sql"] for each in many.captured_queries)


def test_this_device_comes_first_and_only_on_the_first_page(signed_in, user):
    mine = AuthSession.objects.get()
    fill(user, PAGES[0], 30)
    AuthSession.objects.exclude(pk=mine.pk).update(last_seen_at=timezone.now() + EXPIRES)
    first, second = walk(signed_in, PAGES[0])

    assert ids_in(first, PAGES[0])[0] == mine.pk
    assert mine.pk not in ids_in(second, PAGES[0])
    assert "Sign out all other devices" in second.text


def test_rows_that_come_meanwhile_shift_nothing(signed_in, user):
    fill(user, "/accounts/activity/", 60)
    first = signed_in.get("/accounts/activity/")
    AuditEventFactory.create_batch(5, user=user)
    second = signed_in.get("/accounts/activity/" + link_in(first, "next"))

    assert not {*ids_in(first, PAGES[1])} & {*ids_in(second, PAGES[1])}


def test_no_rows_of_others_are_listed(signed_in, user):
    other = AuthSessionFactory()
    AuditEventFactory(user=other.user)
    far = "?after=2999-01-01T00:00:00Z~"

    assert other.pk not in ids_in(signed_in.get(PAGES[0] + f"{far}{other.pk}"), PAGES[0])
    assert len(ids_in(signed_in.get(PAGES[1] + f"{far}999999999"), PAGES[1])) == 1


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "~", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z~x", "2026-01-01T00:00:00~1"),
        *("2026-13-01T00:00:00Z~1", "0001-01-01T00:00:00+14:00~1", "2026-01-01T00:00:00Z~\x00"),
    ],
)
@pytest.mark.parametrize("name", ["after", "before"])
def test_a_made_up_cursor_is_not_found(signed_in, path, cursor, name):
    assert signed_in.get(path, {name: cursor}).status_code == 404


def test_an_id_that_no_row_can_have_is_no_error(signed_in):
    page = signed_in.get("/accounts/activity/", {"after": f"2026-01-01T00:00:00Z~{10**30}"})

    assert page.status_code == 200


def test_a_page_beyond_the_last_row_is_empty(signed_in, user):
    AuthSessionFactory(user=user)
    cursor = {"after": f"2001-01-01T00:00:00Z~{AuthSession.objects.first().pk}"}

    assert "Sign out all other devices" in signed_in.get("/accounts/sessions/", cursor).text
