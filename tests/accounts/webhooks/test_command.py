"""Manage endpoints from the command line: the secret is printed once, and `--dry-run` changes nothing."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.audit.models import AuditEvent
from accounts.outbox.models import Job
from accounts.webhooks import delivery
from accounts.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.kit.pieces import server
from tests.kit.webhooks import ACCEPTED, LOOPBACK, REFUSED, endpoint, verified

URL = "https://93.184.215.14/hooks"


def run(*words):
    out = StringIO()
    call_command("webhooks", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def row(db):
    return endpoint()[0]


def test_add_prints_the_secret_once(db):
    printed = run("add", URL, "--event", "user.deleted", "--event", "session.revoked")

    row = WebhookEndpoint.objects.get()
    [secret] = row.secrets()
    assert secret in printed
    assert secret not in run("list")
    assert row.events == ["user.deleted", "session.revoked"]
    assert not row.has_personal_data


def test_add_refuses_a_private_address_and_no_event(db):
    for words in (("https://localhost./", "--all-events"), (URL,), (URL, "--event", "a.b")):
        with pytest.raises(CommandError):
            run("add", *words)

    assert not WebhookEndpoint.objects.exists()


def test_list_shows_the_state_and_the_events(row):
    run("stop", str(row.pk))

    printed = run("list")
    assert "stopped (webhook_operator)" in printed
    assert "session.revoked" in printed
    assert row.url in printed


@pytest.mark.parametrize("action", ["remove", "rotate", "stop"])
def test_a_dry_run_changes_nothing(row, action):
    before = WebhookEndpoint.objects.values().get()

    assert "Would" in run(action, str(row.pk)[:8], "--dry-run")

    assert WebhookEndpoint.objects.values().get() == before


def test_actions_change_the_endpoint_and_leave_events(row):
    [former] = row.secrets()
    fresh = run("rotate", str(row.pk)).split("once: ")[1].split()[0]
    row.refresh_from_db()
    assert row.secrets() == [fresh, former]
    run("rotate", str(row.pk), "--now")
    row.refresh_from_db()
    assert len(row.secrets()) == 1
    run("stop", str(row.pk))
    run("start", str(row.pk))
    run("remove", str(row.pk))

    assert not WebhookEndpoint.objects.exists()
    types = AuditEvent.objects.order_by("id").values_list("type", flat=True)
    assert list(types)[1:] == [
        *("webhook.secret_rotated", "webhook.secret_rotated"),
        *("webhook.stopped", "webhook.started", "webhook.removed"),
    ]


def test_an_unknown_or_ambiguous_id_is_refused(row):
    for beginning in ("", "nothing"):
        with pytest.raises(CommandError):
            run("stop", beginning)
    with pytest.raises(CommandError):
        run("start", str(row.pk))


def test_test_delivers_at_once(settings, db):
    settings.WEBHOOK_PRIVATE_NETWORKS = LOOPBACK
    with server(ACCEPTED) as (url, requests):
        row, secret = endpoint(url)
        assert "answered 204" in run("test", str(row.pk))
        assert verified(requests[0], secret)["type"] == "webhook.test"
    with server(REFUSED) as (url, _):
        WebhookEndpoint.objects.update(url=url)
        with pytest.raises(CommandError, match="answered 500: oops"):
            run("test", str(row.pk))


def test_replay_delivers_again_what_failed(row):
    sent = [delivery.send_test(row)[0] for _ in range(3)]
    Job.objects.all().delete()
    WebhookDelivery.objects.filter(pk__in=[sent[0].pk, sent[1].pk]).update(status="failed")
    WebhookDelivery.objects.filter(pk=sent[2].pk).update(status="delivered")

    assert "Would deliver 2" in run("replay", "--endpoint", str(row.pk), "--dry-run")
    assert not Job.objects.exists()
    assert "1 events wait" in run("replay", sent[2].message_id)
    assert "2 events wait" in run("replay", "--endpoint", str(row.pk))
    assert Job.objects.count() == 3
    for words in ((), ("msg_nothing",), (sent[0].message_id,)):
        with pytest.raises(CommandError):
            run("replay", *words)
