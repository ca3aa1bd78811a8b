"""The end of a soak names each count that is wrong. `make soak` runs the whole of it."""

from dataclasses import replace

import pytest

from tests.cluster.changers import Changers
from tests.cluster.reckoning import Memory, Reckoning
from tests.cluster.soak import main

pytestmark = pytest.mark.slow

GOOD = Reckoning(
    told=10,
    unsure=2,
    rows=11,
    events=11,
    ended=4,
    back=0,
    lost=0,
    rotations=3,
    rotations_lost=0,
    jobs=0,
    chain="",
    failed=0,
    wiped=0,
    wrong=0,
    memory=[Memory("site-0", 100_000_000, 103_000_000)],
    facts={"minutes": "5.0"},
)
WRONG = {
    ("back", 1): "1 ended sign-ins work again",
    ("lost", 2): "2 sign-ins are lost",
    ("rotations_lost", 1): "1 rotations are lost",
    ("jobs", 3): "3 jobs are left in the outbox",
    ("failed", 1): "1 requests failed",
    ("wiped", 1): "1 session cookies were emptied",
    ("wrong", 1): "1 good tokens or cookies were refused",
    ("events", 10): "11 rows of sign-ins, but 10 events",
    ("told", 12): "11 rows of sign-ins, but 12 told and 2 unsure",
    ("unsure", 0): "11 rows of sign-ins, but 10 told and 0 unsure",
    ("chain", "row 7"): "the audit log is broken: row 7",
    ("ended", 0): "there was no ended sign-in",
    ("rotations", 0): "there was no rotation",
}


def test_right_counts_are_no_fault():
    assert GOOD.faults == []
    assert "| site-0 | 100.0 MB | 103.0 MB | +3.0 % |" in GOOD.report()
    assert GOOD.report().endswith("\n\nEvery count agrees.\n")


@pytest.mark.parametrize(("changed", "fault"), WRONG.items(), ids=WRONG.values())
def test_a_wrong_count_is_a_fault(changed, fault):
    found = replace(GOOD, **dict([changed]))

    assert found.faults == [fault]
    assert found.report().endswith(f"\n\n- {fault}\n")


@pytest.mark.parametrize("minutes", ["0", "-1", "1441"])
def test_a_soak_is_bounded(minutes, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["soak", "--minutes", minutes])

    with pytest.raises(SystemExit) as caught:
        main()

    assert caught.value.code == 2
    assert "--minutes: more than 0 and at most 1440" in capsys.readouterr().err


def test_changers_end_when_nobodys_password_is_known():
    changers = Changers(1, None, numbers=range(0))
    changers.start()

    changers.join(10)

    assert not changers.is_alive()
