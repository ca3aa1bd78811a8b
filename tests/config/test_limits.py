"""Each limit is a variable; a value that isn't one is refused with a sentence."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.settings import limits


def test_a_limit_is_an_amount_and_seconds(monkeypatch):
    monkeypatch.setenv("LIMIT_X", "7/60")

    assert limits.limit("LIMIT_X", "5/300") == (7, 60)


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_value_the_default_holds(monkeypatch, value):
    if value is not None:
        monkeypatch.setenv("LIMIT_X", value)

    assert limits.limit("LIMIT_X", "5/300") == (5, 300)


@pytest.mark.parametrize(
    "value", ["5", "5/", "/5", "5/m", "0/60", "5/0", "-1/60", "5/60/ip", "²/1"]
)
def test_another_value_is_refused_with_an_example(monkeypatch, value):
    monkeypatch.setenv("LIMIT_X", value)

    with pytest.raises(ImproperlyConfigured) as refused:
        limits.limit("LIMIT_X", "5/300")

    assert str(refused.value) == (
        f"LIMIT_X={value!r}: write amount/seconds, both at least 1, such as 5/300."
    )
