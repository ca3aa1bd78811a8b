"""The lists of reports, resets, invitations and deliveries find a row by what an operator has at hand."""

import re
from operator import attrgetter
from uuid import uuid4

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from accounts.factors.models import FactorReset
from accounts.invitations.models import Invitation
from accounts.reports.models import Report
from accounts.webhooks.models import WebhookDelivery
from tests.kit import listed
from tests.kit.clients import CHROME, open_browser
from tests.kit.factories import UserFactory

pytestmark = pytest.mark.django_db
TERMS = {
    Report: ["pk", "user_id", "sid", "user.email"],
    FactorReset: ["pk", "user_id", "user.email", "asked_by.email"],
    Invitation: ["pk", "email"],
    WebhookDelivery: ["pk", "message_id", "user_id", "sid"],
}
NOBODY = "11111111-1111-4111-8111-111111111111"


def found(model, text):
    browser = Client(headers={"user-agent": CHROME})
    open_browser(browser, UserFactory(admin=True))
    page = browser.get(f"/admin/accounts/{model.__name__.lower()}/", {"q": str(text)})
    assert page.status_code == 200
    return re.findall(
        r'<th class="field-[^"]*"><a href="/admin/accounts/\w+/([^/]+)/change/', page.text
    )


@pytest.mark.parametrize(
    ("model", "term"), [(model, term) for model, terms in TERMS.items() for term in terms]
)
def test_a_search_finds_the_row_and_no_other(model, term):
    row, _other = (listed.row_of(model, time=timezone.now()) for _ in range(2))
    for each in ("sid", "user_id") if model is WebhookDelivery else ("sid",):
        if hasattr(row, each):
            model.objects.filter(pk=row.pk).update(**{each: uuid4()})
    row.refresh_from_db()

    assert found(model, attrgetter(term)(row)) == [str(row.pk)]


def test_an_invitation_is_found_by_its_beginning_in_capitals():
    row = listed.row_of(Invitation, time=timezone.now())

    assert found(Invitation, row.email[:64].upper()) == [str(row.pk)]


@pytest.mark.parametrize("model", TERMS)
@pytest.mark.parametrize("text", ["xyzzy", NOBODY, "msg_", "198.51.100.7"])
def test_another_text_finds_nothing(model, text):
    listed.row_of(model, time=timezone.now())

    assert found(model, text) == []


@pytest.mark.parametrize(("query", "count"), [("", 2), ("type=user.deleted", 1), ("type=xyzzy", 0)])
def test_deliveries_are_filtered_by_event(query, count):
    listed.row_of(WebhookDelivery, time=timezone.now())
    deleted = listed.row_of(WebhookDelivery, time=timezone.now())
    WebhookDelivery.objects.filter(pk=deleted.pk).update(type="user.deleted")
    browser = Client(headers={"user-agent": CHROME})
    open_browser(browser, UserFactory(admin=True))

    page = browser.get(f"/admin/accounts/webhookdelivery/?{query}")

    assert page.text.count('<th class="field-') == count


LISTS = [
    model._meta.model_name for model in admin.site._registry if model._meta.app_label == "accounts"
]


@pytest.mark.parametrize("name", LISTS)
def test_every_list_takes_a_text_in_its_address(name):
    """Also a list without a search box: the address may be an old one, or typed."""
    browser = Client(headers={"user-agent": CHROME})
    open_browser(browser, UserFactory(admin=True))

    answer = browser.get(f"/admin/accounts/{name}/", {"q": "한 x"}, follow=True)

    assert answer.status_code == 200


@pytest.mark.parametrize(("language", "title"), [("en", "Audit events"), ("ko", "감사 기록")])
def test_the_title_of_a_list_is_its_name(language, title):
    browser = Client(headers={"user-agent": CHROME, "accept-language": language})
    open_browser(browser, UserFactory(admin=True))

    page = browser.get("/admin/accounts/auditevent/").text

    assert f"<h1>{title}</h1>" in page
