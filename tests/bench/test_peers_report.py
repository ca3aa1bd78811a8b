"""Test the second table: its figures, and what it says where there is none."""

from bench.measuring import Sample
from bench.peers import report
from bench.peers.report import Column


def runs(*rates, cpu=100, bad=0):
    return [Sample(rate=one, p50=1, p99=2, cpu=cpu, bad=bad, requests=one * 2) for one in rates]


def columns():
    return [
        Column(
            "ours", {"me-bearer": runs(300, 100, 200), "sign-out": runs(50), "refresh": runs(80)}
        ),
        Column("slower", {"me-bearer": runs(100, cpu=300)}),
        Column("faster", {"me-bearer": runs(400, cpu=50), "kept": runs(40)}),
        Column("broken", {"sign-out": runs(100, bad=3)}, failed={"me-bearer": "it answered 500"}),
        Column("missing", absent="npm is missing. On Debian: apt-get install nodejs npm"),
    ]


def test_the_figures_are_medians_and_a_failed_row_has_none():
    table = list(report.figures(columns()))

    assert table == [
        "| | app | req/s median (min-max) | p50 ms | p99 ms | server CPU µs/request |",
        "|---|---|---|---|---|---|",
        "| Refresh: a new pair, the old refresh token ends | ours | 80 (80-80) | 1.00 | 2.00 | 100 |",
        "| A new access token, nothing rotates | faster | 40 (40-40) | 1.00 | 2.00 | 100 |",
        "| Who am I, by Bearer | ours | 200 (100-300) | 1.00 | 2.00 | 100 |",
        "| Who am I, by Bearer | slower | 100 (100-100) | 1.00 | 2.00 | 300 |",
        "| Who am I, by Bearer | faster | 400 (400-400) | 1.00 | 2.00 | 50 |",
        "| Who am I, by Bearer | broken | failed | - | - | - |",
        "| Sign out | ours | 50 (50-50) | 1.00 | 2.00 | 100 |",
        "| Sign out | broken | failed | - | - | - |",
    ]


def test_the_ratios_say_where_ours_is_behind_and_what_is_not_offered():
    table = list(report.ratios(columns()))

    assert table == [
        "| ours ÷ peer | slower | faster | broken | missing |",
        "|---|---|---|---|---|",
        "| Sign in with a password | - | - | - | not measured |",
        "| Refresh: a new pair, the old refresh token ends | - | - | - | not measured |",
        "| A new access token, nothing rotates | - | 2.00 (1.00) | - | not measured |",
        "| Who am I, by Bearer | 2.00 (3.00) | 0.50 (0.50) **behind** | failed | not measured |",
        "| Who am I, by session cookie | - | - | - | not measured |",
        "| Is this token good? | - | - | - | not measured |",
        "| Sign out | - | - | failed | not measured |",
    ]


def test_each_failure_has_its_reason():
    assert list(report.failures(columns())) == [
        "broken, Who am I, by Bearer: failed, it answered 500",
        "broken, Sign out: failed, 3 of 200 answers were errors",
        "missing was not measured: npm is missing. On Debian: apt-get install nodejs npm",
    ]


def test_a_row_without_any_answer_failed():
    ours = Column("ours", {"login": runs(0, 0)})

    assert list(report.failures([ours])) == ["ours, Sign in with a password: failed, no answer"]
