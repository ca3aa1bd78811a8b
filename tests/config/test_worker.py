"""Test the worker's chores and the command that makes credentials for a service."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from accounts.outbox import jobs
from api import clients
from config.database import POOL
from config.management.commands import worker


def test_each_thread_of_the_worker_gets_a_database_connection():
    threads = sum(jobs.lanes().values()) + len(["chores", "main"])

    assert {"half_sign_in", "mail", "unlink", "webhook"} <= jobs.lanes().keys()
    assert threads <= POOL["max_size"]


@pytest.mark.parametrize("error", [OperationalError("away"), ValueError("a bug")])
@pytest.mark.django_db
def test_a_failing_chore_does_not_stop_the_worker(error):
    def chore():
        raise error

    worker._do(worker.Tick(1, chore))


def test_each_chore_has_its_interval():
    assert [tick.every_seconds for tick in worker.TICKS] == [
        1,
        *[60] * 4,
        10,
        60,
        600,
        *[3600] * 11,
    ]


def test_a_new_services_secret_is_shown_once_and_stored_hashed(settings):
    out = StringIO()
    call_command("api_client", "billing", stdout=out)
    given, entry = out.getvalue().splitlines()
    secret = given.split("billing:")[1].split()[0]
    name, hashed = entry.split()[-1].split("=")

    settings.API_CLIENTS = {name: hashed}

    assert clients.digest(secret) == hashed
    assert secret not in entry


@pytest.mark.parametrize("name", ["a=b", "a,b", "", "a b"])
def test_a_service_name_with_a_separator_is_refused(name):
    with pytest.raises(CommandError):
        call_command("api_client", name)
