"""Durations that an operator types: a slip is named, whatever its size."""

from argparse import ArgumentTypeError
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from accounts.management import durations


def test_days_and_hours_are_read():
    assert durations.days("3") == timedelta(days=3)
    assert durations.days("3650") == timedelta(days=3650)
    assert durations.hours("24") == timedelta(hours=24)


SLIPS = ["0", "-1", "1.5", "", "many", "3651", "9" * 5000, "nan", "inf", "1e9", "\uff13", " 3"]


@pytest.mark.parametrize("text", SLIPS, ids=range(len(SLIPS)))
def test_anything_else_is_named(text):
    with pytest.raises(ArgumentTypeError, match="give a number of days from 1 to 3650"):
        durations.days(text)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "arguments",
    [
        ("invite", "a@example.com", "--expires", "999999999999"),
        ("api_keys", "add", "orders", "--expires", "999999999999"),
        ("webhooks", "replay", "--endpoint", "x", "--hours", "999999999999"),
    ],
)
def test_a_command_refuses_a_time_that_is_no_date(arguments):
    """Each was a stack trace: no such date exists."""
    with pytest.raises(CommandError, match="give a number of"):
        call_command(*arguments)
