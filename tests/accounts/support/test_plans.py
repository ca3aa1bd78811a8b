"""PostgreSQL finds each page, filter and search of the panel's long lists by an index.

`EXPLAIN` tells, on 20,000 users, sign-ins and events, with the planner as it is.
"""

import re
from datetime import timedelta
from io import StringIO
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.invitations.models import Invitation
from accounts.reports.models import Report
from accounts.signins.models import AuthSession
from accounts.support import crowd
from accounts.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.kit.clients import CHROME, open_browser
from tests.kit.factories import UserFactory
from tests.kit.fixtures.database import empty

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no trigrams"),
]
USERS, EVENTS = 20_000, 20_000
LARGE = [
    *("accounts_user", "accounts_authsession", "accounts_auditevent"),
    *("accounts_report", "accounts_webhookdelivery", "accounts_invitation"),
]
EMAIL, SOMEBODY = crowd.email_of(4711), crowd.user_id(4711)
LISTS = [  # WEEK stands for the time a week ago
    *(
        "user/",
        "user/?is_staff__exact=1",
        "user/?is_superuser__exact=1",
        "user/?is_active__exact=0",
    ),
    *("user/?is_active__exact=1", "user/?second_step=yes", "user/?second_step=no"),
    *("user/?erase_at__isempty=0", "user/?date_joined__gte=WEEK", "user/?q=lim4991"),
    *("user/?q=NA.LIM499", "user/?q=임하나", "user/?q=xyzzy", f"user/?q={SOMEBODY}"),
    *("authsession/", "authsession/?kind__exact=token", "authsession/?kind__exact=browser"),
    *("authsession/?revoked_reason__exact=admin", "authsession/?revoked_reason__exact=unfinished"),
    *(
        "authsession/?created_at__gte=WEEK",
        "authsession/?q=198.18.7.7",
        f"authsession/?q={EMAIL}",
    ),
    *(f"authsession/?q={crowd.sid_of(7)}", f"authsession/?q={SOMEBODY}"),
    *("auditevent/", "auditevent/?type__exact=login.failed", "auditevent/?type__exact=user.erased"),
    *("auditevent/?reason=wrong_code", "auditevent/?reason=cloned_passkey"),
    "auditevent/?type__exact=login.succeeded&reason=wrong_password",
    "auditevent/?type__exact=login.failed&reason=unknown_user&created_at__gte=WEEK",
    *("auditevent/?created_at__gte=WEEK", f"auditevent/?q={EMAIL}", "auditevent/?q=typo77"),
    *("auditevent/?q=198.18.7.7", f"auditevent/?q={crowd.request_id_of(3)}"),
    *(f"auditevent/?user__id__exact={SOMEBODY}", f"auditevent/?q={crowd.sid_of(7)}"),
    *("report/", "report/?state=open", "report/?about__exact=factor", f"report/?q={EMAIL}"),
    *(f"report/?q={SOMEBODY}", "report/?created_at__gte=WEEK"),
    *(
        "webhookdelivery/",
        "webhookdelivery/?status__exact=failed",
        f"webhookdelivery/?q={SOMEBODY}",
    ),
    *("webhookdelivery/?type=user.deleted", "webhookdelivery/?occurred_at__gte=WEEK"),
    *("invitation/", f"invitation/?q={EMAIL}"),
]


@pytest.fixture(scope="module")
def crowded(django_db_setup, django_db_blocker):
    """Fill the database for all tests of this module."""
    with django_db_blocker.unblock():
        counts = [f"--users={USERS}", f"--sign-ins={USERS}", f"--events={EVENTS}"]
        call_command("seed_crowd", *counts, stdout=StringIO())
        add_rows()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        yield
        empty()


def add_rows():
    """Add reports, deliveries and invitations of the crowd."""
    now = timezone.now()
    times = [now - timedelta(minutes=number) for number in range(USERS)]
    endpoint = WebhookEndpoint.objects.create(url="https://hooks.example.com/")
    Report.objects.bulk_create(
        Report(
            user_id=crowd.user_id(number),
            about="factor" if number == 77 else "sign_in",
            sid=crowd.sid_of(number),
            event_id=number,
            created_at=time,
            closed_at=None if number % 1000 == 0 else time,
        )
        for number, time in enumerate(times)
    )
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            endpoint=endpoint,
            type="user.deleted" if number == 77 else "session.opened",
            user_id=crowd.user_id(number),
            sid=crowd.sid_of(number),
            occurred_at=time,
            status="failed" if number == 77 else "delivered",
        )
        for number, time in enumerate(times)
    )
    Invitation.objects.bulk_create(
        Invitation(
            email=crowd.email_of(number),
            digest=f"{number:064x}",
            created_at=time,
            expires_at=time,
            accepted_at=time,
        )
        for number, time in enumerate(times)
    )


@pytest.fixture
def panel(crowded, db):
    """Return an administrator's browser."""
    browser = Client(headers={"user-agent": CHROME})
    open_browser(browser, UserFactory(admin=True))
    return browser


def statements(panel, path):
    with CaptureQueriesContext(connection) as captured:
        response = panel.get(path)
    assert response.status_code == 200
    return [
        query["sql"]
        for query in captured.captured_queries
        if query["sql"].startswith("SELECT")
        and any(f'FROM "{name}"' in query["sql"] for name in LARGE)
    ]


def plan_of(sql):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("EXPLAIN (COSTS OFF) " + sql.replace("%", "%%"), [])
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.parametrize("path", LISTS)
def test_an_index_serves_a_list(panel, path):
    week = (timezone.now() - timedelta(days=7)).strftime("%Y-%m-%d %H:%M:%S%%2B00:00")
    found = statements(panel, f"/admin/accounts/{path.replace('WEEK', week)}")

    plans = {sql: plan_of(sql) for sql in found}

    assert plans
    for sql, plan in plans.items():
        assert "COUNT(" not in sql
        assert not re.findall(rf"Seq Scan on ({'|'.join(LARGE)})\b", plan), f"{sql}\n{plan}"


@pytest.mark.parametrize(
    "model",
    ["user", "authsession", "auditevent", "report", "webhookdelivery", "invitation"],
)
def test_a_later_page_is_found_without_sorting(panel, model):
    path = f"/admin/accounts/{model}/"
    first = panel.get(path).text
    [older] = re.findall(r'href="(\?[^"]*)" rel="next"', first)
    assert parse_qs(urlsplit(older).query)["p"]

    plans = [plan_of(sql) for sql in statements(panel, path + older) if "LIMIT 41" in sql]

    assert len(plans) == 1
    assert "Sort" not in plans[0]
    assert "Index Cond" in plans[0]


def test_the_list_of_sign_ins_is_whole_without_counting(panel):
    """Walk all pages of one reason: each row once, in order."""
    path, seen = "/admin/accounts/authsession/?revoked_reason__exact=admin", []
    url = path
    while url:
        page = panel.get(url).text
        seen += re.findall(r'value="([0-9a-f-]{36})" class="action-select"', page)
        found = re.findall(r'href="(\?[^"]*)" rel="next"', page)
        url = path.partition("?")[0] + found[0].replace("&amp;", "&") if found else ""

    rows = AuthSession.objects.filter(revoked_reason="admin").order_by("-created_at", "-id")
    assert seen == [str(pk) for pk in rows.values_list("pk", flat=True)]
