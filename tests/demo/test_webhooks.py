"""The demo's receiver verifies, keeps and shows events, under DEMO=1 and on this machine only."""

import time

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.outbox import jobs
from accounts.webhooks import delivery, signing
from accounts.webhooks.models import WebhookDelivery, WebhookEndpoint
from demo import webhooks
from demo.management.commands import seed_demo
from tests.kit.webhooks import LOOPBACK

BODY = '{"type":"session.revoked","data":{"sub":"<script>alert(1)</script>"}}'
SECRET = signing.fresh_secret()


@pytest.fixture
def receive(settings, tmp_path, db):
    settings.DEMO = True
    settings.ROOT_URLCONF = "demo.urls"
    settings.VAR_DIR = tmp_path
    webhooks.keep_secret(SECRET)

    def run(name="msg_1", *, secret=SECRET, at=None, **options):
        at = at or int(time.time())
        headers = signing.headers(
            name, timestamp=at, body=BODY.encode(), keys=["whsec_AAAA", secret]
        )
        return Client(enforce_csrf_checks=True).post(
            "/demo/webhooks/receive/",
            BODY,
            content_type="application/json",
            headers=headers,
            **options,
        )

    return run


def test_a_signed_event_is_shown_once_and_as_text(receive, client):
    assert [receive().status_code for _ in range(2)] == [204, 204]

    page = client.get("/demo/webhooks/").text
    assert page.count("msg_1") == 1
    assert "session.revoked" in page
    assert "<script>alert" not in page


def test_another_event_is_refused(receive, client):
    for answer in (
        receive(secret=signing.fresh_secret()),
        receive(at=int(time.time()) - 600),
        receive("../../escape"),
        client.post("/demo/webhooks/receive/", BODY, content_type="application/json"),
    ):
        assert answer.status_code == 401

    assert "session.revoked" not in client.get("/demo/webhooks/").text


def test_without_a_demo_or_from_elsewhere_there_is_nothing(receive, client, settings):
    assert client.get("/demo/webhooks/", REMOTE_ADDR="192.0.2.1").status_code == 404
    assert receive(REMOTE_ADDR="192.0.2.1").status_code == 404
    settings.DEMO = False
    assert client.get("/demo/webhooks/").status_code == 404
    assert receive().status_code == 404


def test_only_some_events_are_kept(receive, monkeypatch):
    monkeypatch.setattr(webhooks, "KEPT", 3)
    for number in range(5):
        receive(f"msg_{number}")

    assert len(list(webhooks.folder().glob("*.json"))) == 3


@pytest.mark.django_db(transaction=True)
def test_the_seeded_endpoint_reaches_the_receiver(receive, live_server, settings, client):
    settings.SITE_URL = live_server.url
    settings.WEBHOOK_PRIVATE_NETWORKS = LOOPBACK
    call_command(seed_demo.Command(), "--json")
    call_command(seed_demo.Command(), "--json")

    row = WebhookEndpoint.objects.get()
    delivery.send_test(row)
    for job in list(jobs.due("webhook")):
        jobs.run(job.pk)

    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"delivered"}
    assert "webhook.test" in client.get("/demo/webhooks/").text
