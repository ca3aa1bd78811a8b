"""Read durations that an operator types: as the `type` of an argument of a command."""

from argparse import ArgumentTypeError
from datetime import timedelta

MAX_DAYS = 3650
"""Ten years. A longer time is a slip, and far longer ones are no dates."""


def days(text: str) -> timedelta:
    """Return so many days. Raises `ArgumentTypeError`."""
    return timedelta(days=_number(text, most=MAX_DAYS, unit="days"))


def hours(text: str) -> timedelta:
    """Return so many hours. Raises `ArgumentTypeError`."""
    return timedelta(hours=_number(text, most=MAX_DAYS * 24, unit="hours"))


def _number(text: str, *, most: int, unit: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:10]) <= most:
        raise ArgumentTypeError(f"give a number of {unit} from 1 to {most}")
    return int(text)
