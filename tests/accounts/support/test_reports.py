"""Operators see who reported what, and close reports with a note."""

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import Denied, EventType
from accounts.operators import roles
from accounts.reports.models import Report
from tests.kit.clients import CHROME
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.operators import WHY, operator, panel, panel_of
from tests.kit.proofs import let_proofs_age

LIST = "/admin/accounts/report/"


def enter(user):
    browser = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return browser


def report(user=None):
    trail.record(EventType.ACTIVITY_DENIED, user=user or UserFactory(), reason=Denied.SIGN_IN)
    return Report.objects.latest("created_at")


@pytest.fixture
def admin(db):
    return enter(UserFactory(admin=True))


@pytest.fixture
def staff(db):
    """Return a staff member who may deal with reports."""
    member = UserFactory(staff=True)
    rights = Permission.objects.filter(codename__in=["view_report", "change_report"])
    member.user_permissions.set(rights)
    return enter(member)


def act(browser, action, *rows, reason=WHY):
    form = {"action": action, "_selected_action": [str(row.pk) for row in rows], "reason": reason}
    return browser.post(LIST, form, follow=True)


def test_the_list_says_who_reported_what_and_its_state(admin):
    row = report()
    page = admin.get(LIST)

    for text in (row.user.email, "A sign-in", "Open"):
        assert text in page.text


def test_a_report_is_closed_with_a_note_and_opened_again(staff):
    row = report()
    form = {"note": "Called the owner back.", "is_closed": "on"}
    staff.post(f"{LIST}{row.pk}/change/", form)

    row.refresh_from_db()
    assert (row.is_open, row.note) == (False, "Called the owner back.")
    assert row.closed_by.is_staff
    event = AuditEvent.objects.get(type="report.closed")
    assert (event.user, event.actor) == (row.user, row.closed_by)

    staff.post(f"{LIST}{row.pk}/change/", {"note": "It goes on."})
    row.refresh_from_db()
    assert (row.is_open, row.closed_by, row.note) == (True, None, "It goes on.")
    assert AuditEvent.objects.filter(type="report.reopened").count() == 1


def test_many_reports_are_closed_at_once(admin):
    rows = [report(), report()]
    page = act(admin, "close", *rows)
    again = act(admin, "close", *rows)

    assert "2 reports were closed." in page.text
    assert "0 reports were closed." in again.text
    assert AuditEvent.objects.filter(type="report.closed").count() == 2
    assert "2 reports were opened again." in act(admin, "reopen", *rows).text


def test_the_state_filters_the_list(admin):
    first, second = report(), report()
    act(admin, "close", first)

    assert second.user.email in admin.get(f"{LIST}?state=open").text
    assert first.user.email not in admin.get(f"{LIST}?state=open").text
    assert first.user.email in admin.get(f"{LIST}?state=closed").text


def test_the_page_of_a_report_leads_to_account_and_event(admin):
    row = report()
    page = admin.get(f"{LIST}{row.pk}/change/").text

    assert f"/admin/accounts/user/{row.user_id}/change/" in page
    assert f"/admin/accounts/auditevent/{row.event_id}/change/" in page


@pytest.mark.parametrize("path", ["add/", "{pk}/delete/"])
def test_nobody_adds_or_deletes_a_report(admin, path):
    row = report()

    assert admin.post(f"{LIST}{path.format(pk=row.pk)}", {"post": "yes"}).status_code == 403
    assert Report.objects.count() == 1


def test_staff_close_no_report_of_a_superuser(staff):
    row = report(UserFactory(admin=True))
    act(staff, "close", row)
    staff.post(f"{LIST}{row.pk}/change/", {"note": "x", "is_closed": "on"})

    row.refresh_from_db()
    assert (row.is_open, row.note) == (True, "")


@pytest.mark.parametrize("whose", ["administrator", "own"])
@pytest.mark.parametrize("door", ["list", "page"])
def test_support_closes_no_report_of_a_higher_or_the_own_account(db, door, whose):
    me = operator(roles.SUPPORT)
    row = report(me if whose == "own" else operator(roles.ADMINISTRATOR))
    browser = panel_of(me)
    if door == "list":
        act(browser, "close", row)
    else:
        browser.post(f"{LIST}{row.pk}/change/", {"note": WHY, "is_closed": "on"})

    row.refresh_from_db()
    assert (row.is_open, row.note) == (True, "")


def test_support_opens_no_such_report_again(admin):
    row = report(operator(roles.ADMINISTRATOR))
    act(admin, "close", row)
    act(panel(roles.SUPPORT), "reopen", row)

    row.refresh_from_db()
    assert not row.is_open


@pytest.mark.parametrize("note", ["", "   ", "\u200b", "x" * 201])
@pytest.mark.parametrize("door", ["list", "page"])
def test_a_report_is_not_closed_without_a_note(staff, door, note):
    row = report()
    if door == "list":
        answer = act(staff, "close", row, reason=note)
    else:
        answer = staff.post(f"{LIST}{row.pk}/change/", {"note": note, "is_closed": "on"})

    row.refresh_from_db()
    assert answer.status_code == 200
    assert row.is_open


def test_the_note_of_many_reports_is_on_record_and_loses_none(staff):
    plain, noted = report(), report()
    Report.objects.filter(pk=noted.pk).update(note="Called back.")
    act(staff, "close", plain, noted)

    plain.refresh_from_db()
    noted.refresh_from_db()
    assert (plain.note, noted.note) == (WHY, "Called back.")
    events = AuditEvent.objects.filter(type="report.closed")
    assert [event.note for event in events] == [WHY, WHY]


def test_without_the_right_nobody_sees_reports(db):
    browser = enter(UserFactory(staff=True))

    assert browser.get(LIST).status_code == 403


def test_closing_needs_a_fresh_proof(admin):
    row = report()
    let_proofs_age()
    act(admin, "close", row)

    row.refresh_from_db()
    assert row.is_open


@pytest.mark.slow
def test_a_thousand_reports_cost_as_many_statements_as_three(admin, user):
    [report() for _ in range(3)]
    with CaptureQueriesContext(connection) as few:
        admin.get(LIST)
    first = Report.objects.first()
    Report.objects.bulk_create(
        Report(user=user, about=first.about, event_id=first.event_id) for _ in range(1000)
    )
    with CaptureQueriesContext(connection) as many:
        page = admin.get(LIST)

    assert page.text.count('class="action-select"') == 40
    assert len(many) == len(few)
    assert not any("COUNT(" in each["sql"] for each in many.captured_queries)


def test_reports_go_with_their_account(db):
    row = report()
    row.user.delete()

    assert not Report.objects.exists()
