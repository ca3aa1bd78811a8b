"""Test the doctor's lines about retention and metrics."""

import pytest

from doctor import care
from tests.kit import sites
from tests.kit.ports import free_ports
from tests.kit.sites import Page

METRICS = """# HELP munjigi_processes Running processes.
munjigi_processes{role="worker"} 1.0
munjigi_processes{role="site"} 2.0
"""


def seen(finding):
    return finding.level.value, finding.found


def test_retention_is_reported(settings):
    settings.AUDIT_RETENTION_MONTHS, settings.UNVERIFIED_ACCOUNT_DAYS = 0, 30
    settings.DORMANT_ACCOUNT_DAYS, settings.MFA_TRUSTED_BROWSER_DAYS = 365, 30

    assert care.kept().found.split("; ") == [
        "sign-ins: 30 days after their end",
        "trusted-browsers: 30 days of trust",
        "webhook-deliveries: 7 days after the event",
        "mail-records: 30 days after the mail",
        "invitations: 30 days after their end",
        "spent-tokens: a day after their expiry",
        "bulk-runs: 30 days after the choice",
        "event-counts: 400 days after the hour",
        "audit-events: kept",
        "unverified-accounts: 30 days after the sign-up",
        "dormant-accounts: 365 days after the last sign-in, then 30 days after a mail",
    ]


def test_too_few_days_are_an_error(settings):
    settings.DORMANT_ACCOUNT_DAYS = 30

    level, found = seen(care.kept())

    assert level == "error"
    assert "not longer than a sign-in may last (90 days)" in found


def test_metrics_that_are_off_are_skipped():
    assert seen(care.metrics(seconds=5)) == ("skipped", "off: METRICS_PORT is 0")


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0"])  # noqa: S104 - a setting
def test_the_processes_behind_the_port_are_counted(settings, host):
    with sites.site({"/metrics": Page(body=METRICS)}) as origin:
        settings.METRICS_HOST, settings.METRICS_PORT = host, int(origin.rpartition(":")[2])
        level, found = seen(care.metrics(seconds=5))

    assert level == "ok"
    assert found.endswith(": 1 worker, 2 site")


def test_a_port_without_an_answer_is_an_error(settings):
    settings.METRICS_PORT = free_ports()

    assert seen(care.metrics(seconds=5))[0] == "error"


def test_another_program_at_the_port_is_a_warning(settings):
    with sites.site({"/metrics": Page(body="hello")}) as origin:
        settings.METRICS_HOST, settings.METRICS_PORT = "localhost", int(origin.rpartition(":")[2])

        assert seen(care.metrics(seconds=5))[0] == "warning"


def test_a_public_address_is_an_error(settings):
    settings.METRICS_HOST, settings.METRICS_PORT = "8.8.8.8", 9100

    assert "public address" in care.metrics(seconds=5).found
