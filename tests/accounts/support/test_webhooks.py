"""Operators manage endpoints of webhooks in the panel; the secret is shown once."""

import html
import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import EventType
from accounts.outbox.models import Job
from accounts.webhooks import delivery, endpoints
from accounts.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.kit.clients import CHROME
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.proofs import let_proofs_age
from tests.kit.webhooks import FAR, endpoint

LIST = "/admin/accounts/webhookendpoint/"
DELIVERIES = "/admin/accounts/webhookdelivery/"
FORM = {"url": "https://93.184.215.14/hooks", "events": ["session.revoked", "user.deleted"]}


def enter(user):
    browser = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return browser


@pytest.fixture
def admin(db):
    return enter(UserFactory(admin=True))


def secret_in(page):
    return html.unescape(re.search(r'<code id="secret">(.+?)</code>', page.text)[1])


def act(browser, path, action, *rows):
    return browser.post(
        path, {"action": action, "_selected_action": [str(row.pk) for row in rows]}, follow=True
    )


def test_an_endpoint_is_added_by_checkboxes_and_its_secret_is_shown_once(admin):
    form = admin.get(f"{LIST}add/")
    shown = admin.post(f"{LIST}add/", FORM)
    again = admin.get(f"{LIST}{WebhookEndpoint.objects.get().pk}/change/")

    row = WebhookEndpoint.objects.get()
    assert form.text.count('type="checkbox" name="events"') == 17
    assert secret_in(shown) == row.secrets()[0]
    assert "no-store" in shown["Cache-Control"]
    assert row.secrets()[0] not in again.text
    assert row.events == FORM["events"]
    assert AuditEvent.objects.get(type=EventType.WEBHOOK_ADDED).actor.is_superuser


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://localhost./", "http://93.184.215.14/", "https://a@b.com/"],
)
def test_a_refused_address_is_not_saved(admin, url):
    page = admin.post(f"{LIST}add/", FORM | {"url": url})

    assert "errorlist" in page.text
    assert not WebhookEndpoint.objects.exists()


def test_an_endpoint_without_events_is_refused(admin):
    admin.post(f"{LIST}add/", FORM | {"events": []})
    admin.post(f"{LIST}add/", FORM | {"events": ["nothing.happened"]})

    assert not WebhookEndpoint.objects.exists()


def test_a_change_keeps_the_secret_and_leaves_an_event(admin):
    row, secret = endpoint()
    admin.post(f"{LIST}{row.pk}/change/", FORM | {"has_personal_data": "on"})

    row.refresh_from_db()
    assert (row.url, row.has_personal_data, row.secrets()) == (FORM["url"], True, [secret])
    assert AuditEvent.objects.filter(type=EventType.WEBHOOK_CHANGED).count() == 1


@pytest.mark.parametrize("at_once", [False, True])
def test_a_secret_is_renewed(admin, at_once):
    row, former = endpoint()
    path = f"{LIST}{row.pk}/rotate/"
    asked = admin.get(path)
    shown = admin.post(path, {"at_once": "on"} if at_once else {})

    row.refresh_from_db()
    assert "at_once" in asked.text
    assert secret_in(shown) == row.secrets()[0] != former
    assert (former in row.secrets()) is not at_once


def test_endpoints_are_stopped_started_tested_and_deleted(admin):
    row, _ = endpoint()

    act(admin, LIST, "stop", row)
    row.refresh_from_db()
    assert not row.is_active
    assert "Stopped by an administrator" in admin.get(LIST).text
    act(admin, LIST, "send_test", row)
    assert not WebhookDelivery.objects.exists()
    act(admin, LIST, "start", row)
    act(admin, LIST, "send_test", row)
    assert WebhookDelivery.objects.get().type == "webhook.test"
    admin.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})

    assert not WebhookEndpoint.objects.exists()
    types = AuditEvent.objects.filter(type__startswith="webhook.").values_list("type", flat=True)
    assert sorted(types) == [
        *("webhook.added", "webhook.removed", "webhook.started", "webhook.stopped")
    ]


def test_several_endpoints_are_deleted(admin):
    rows = [endpoint()[0], endpoint()[0]]
    admin.post(
        LIST,
        {
            "action": "delete_selected",
            "_selected_action": [str(row.pk) for row in rows],
            "post": "yes",
        },
    )

    assert not WebhookEndpoint.objects.exists()
    assert AuditEvent.objects.filter(type=EventType.WEBHOOK_REMOVED).count() == 2


def test_a_delivery_is_shown_and_replayed(admin):
    row, _ = endpoint()
    sent, job = delivery.send_test(row)
    job.delete()
    WebhookDelivery.objects.update(status="failed")

    page = admin.get(f"{DELIVERIES}{sent.pk}/change/")
    listed = admin.get(DELIVERIES)
    act(admin, DELIVERIES, "replay", sent)

    assert sent.message_id in page.text
    assert FAR in listed.text
    assert WebhookDelivery.objects.get().status == "waiting"
    assert Job.objects.get().kind == "webhook"


def test_an_old_proof_changes_no_endpoint(admin):
    row, former = endpoint()
    let_proofs_age()

    for path in (f"{LIST}add/", f"{LIST}{row.pk}/change/", f"{LIST}{row.pk}/rotate/"):
        assert admin.post(path, FORM).status_code == 302

    row.refresh_from_db()
    assert (row.url, row.secrets()) == (FAR, [former])
    assert WebhookEndpoint.objects.count() == 1


def test_support_without_the_right_sees_and_changes_nothing(db):
    member = UserFactory(staff=True)
    browser = enter(member)
    row, former = endpoint()

    for path in (LIST, f"{LIST}add/", f"{LIST}{row.pk}/rotate/", DELIVERIES):
        assert browser.get(path).status_code == 403
        assert browser.post(path, FORM).status_code == 403

    row.refresh_from_db()
    assert row.secrets() == [former]


def test_a_reader_may_not_replay_or_renew(db):
    member = UserFactory(staff=True)
    codenames = ["view_webhookendpoint", "view_webhookdelivery"]
    member.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    browser = enter(member)
    row, former = endpoint()
    endpoints.stop(row, reason="webhook_operator")

    assert browser.get(LIST).status_code == 200
    assert browser.post(f"{LIST}{row.pk}/rotate/").status_code == 403
    act(browser, LIST, "start", row)

    row.refresh_from_db()
    assert (row.is_active, row.secrets()) == (False, [former])
