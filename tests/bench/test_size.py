"""Test the table of few users and many, and the choice of its users."""

from accounts.support.crowd import FACTOR_EVERY
from bench import size
from bench.measuring import Sample
from bench.ours import sized


def samples(*p50, bad=0):
    return [Sample(rate=1, p50=one, p99=9, cpu=1, bad=bad) for one in p50]


def test_a_row_has_the_ratio_of_the_medians(monkeypatch):
    monkeypatch.setattr(size, "ROWS", {"me": None, "page": None})
    monkeypatch.setattr(size.os, "getloadavg", lambda: (1.25, 0, 0))
    found = {
        ("me", 1000): samples(2, 9, 1),
        ("me", 5000): samples(3, 3, 30),
        ("page", 1000): samples(2),
        ("page", 5000): samples(2, bad=1),
    }

    assert size.table(found, 5000) == [
        "p50 in ms, medians; load average 1.2",
        "",
        "| | 1,000 users | 5,000 users | ratio (aim ≤ 1.1) |",
        "| --- | ---: | ---: | ---: |",
        "| me | 2.00 | 3.00 | 1.50 |",
        "| page | | | a request failed |",
    ]


def test_the_users_lie_far_apart_and_have_no_factor():
    few, many = sized.spread(1000), sized.spread(1_000_000)

    assert len(few) == 875
    assert (len(many), many[0], many[1], many[-1]) == (1000, 0, 1000, 999_000)
    assert not [number for number in few if number % FACTOR_EVERY == 1]
