"""Each list costs the same number of statements with one row and with fifty."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit.vocabulary import EventType
from accounts.people.models import User
from tests.kit import listed
from tests.kit.clients import CHROME, open_browser
from tests.kit.factories import AuditEventFactory, AuthSessionFactory, UserFactory

pytestmark = pytest.mark.django_db
EMAIL = "mina@example.com"
OWN = ["/accounts/activity/", "/api/activity/?limit=100"]
PANEL = [
    "/admin/",
    "/admin/accounts/auditevent/",
    f"/admin/accounts/auditevent/?q={EMAIL}",
    "/admin/accounts/user/{}/change/",
    "/admin/search/?q=mina@",
    "/admin/search/?q=198.51.100.7",
]
TYPES = list(EventType)


def browser_of(user):
    browser = Client(headers={"user-agent": CHROME})
    open_browser(browser, user)
    return browser


def add_events(user, number):
    """Add events of all types: each with an actor of its own, each third actor deleted afterwards."""
    for place in range(number):
        actor = UserFactory()
        AuditEventFactory(
            user=user,
            actor=actor,
            type=TYPES[place % len(TYPES)],
            identifier=EMAIL,
            ip="198.51.100.7",
            user_agent=CHROME,
            sid=AuthSessionFactory(user=user).pk,
            amr=["pwd"],
            reason="wrong_code",
        )
        if place % 3 == 0:
            actor.delete()


def cost_of(browser, path):
    with CaptureQueriesContext(connection) as captured:
        page = browser.get(path)
    assert page.status_code == 200
    return len(captured), page


@pytest.mark.parametrize("path", [*OWN, *PANEL])
def test_fifty_events_cost_as_many_statements_as_one(path):
    owner = UserFactory(email=EMAIL)
    browser = browser_of(owner if path in OWN else UserFactory(admin=True))
    path = path.format(owner.pk)
    add_events(owner, 1)
    cost_of(browser, path)  # fills the caches of the process
    one, _ = cost_of(browser, path)
    add_events(owner, 49)
    fifty, page = cost_of(browser, path)

    assert page.text.count("198.51.100.7") >= 20 or path == "/admin/"
    assert fifty == one


@pytest.mark.parametrize("model", listed.MAKERS)
def test_fifty_rows_of_a_list_cost_as_many_statements_as_one(model):
    browser, path = (
        browser_of(UserFactory(admin=True)),
        f"/admin/accounts/{model.__name__.lower()}/",
    )
    listed.row_of(model, time=timezone.now())
    cost_of(browser, path)
    one, _ = cost_of(browser, path)
    for _ in range(49):
        listed.row_of(model, time=timezone.now())
    fifty, page = cost_of(browser, path)

    assert page.text.count('<th class="field-') == 40
    assert fifty == one


def test_events_of_deleted_people_cost_no_statement_of_their_own():
    browser, path = browser_of(UserFactory(admin=True)), "/admin/accounts/auditevent/"
    cost_of(browser, path)
    before, _ = cost_of(browser, path)
    for _ in range(10):
        event = AuditEventFactory(actor=UserFactory())
        User.objects.filter(pk__in=[event.user_id, event.actor_id]).delete()
    after, page = cost_of(browser, path)

    assert page.text.count('<th class="field-') > 10
    assert after == before
