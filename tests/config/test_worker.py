"""The worker's chores: done when due, postponed by whatever fails, never the end of the thread."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from api import clients
from config.management.commands import worker


@pytest.mark.parametrize("error", [OperationalError("away"), ValueError("a bug")])
@pytest.mark.django_db
def test_a_chore_that_fails_is_survived(error):
    def chore():
        raise error

    worker._do(worker.Tick(1, chore))


def test_keys_and_sign_ins_are_looked_after():
    assert [tick.every_seconds for tick in worker.TICKS] == [60, 3600]


def test_credentials_of_a_service_are_drawn_and_hashed(settings):
    out = StringIO()
    call_command("api_client", "billing", stdout=out)
    given, entry = out.getvalue().splitlines()
    secret = given.split("billing:")[1].split()[0]
    name, hashed = entry.split()[-1].split("=")

    settings.API_CLIENTS = {name: hashed}

    assert clients.digest(secret) == hashed
    assert secret not in entry


@pytest.mark.parametrize("name", ["a=b", "a,b", "", "a b"])
def test_a_name_that_would_break_the_variable_is_refused(name):
    with pytest.raises(CommandError):
        call_command("api_client", name)
