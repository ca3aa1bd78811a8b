"""Test the files of tokens that the seed programs write."""

from bench import loads
from bench.seeding import Plan


def test_each_round_has_its_own_tokens_for_one_use(tmp_path):
    plan = Plan(tmp_path, users=2, files=2, refreshes=3)
    load = loads.refresh("/refresh/")

    plan.write_once("refresh", (f"token{n}" for n in range(plan.total("refresh"))))

    assert plan.total("refresh") == 7
    assert plan.first(load) == "token0"
    assert plan.file_for(load, 0).read_text().splitlines() == ["token1", "token2", "token3"]
    assert plan.file_for(load, 1).read_text().splitlines() == ["token4", "token5", "token6"]


def test_all_rounds_share_the_tokens_for_many_uses(tmp_path):
    plan = Plan(tmp_path, users=2, files=2, refreshes=3)
    load = loads.bearer("/me")

    plan.write("access", ["first", "second"])

    assert plan.first(load) == "first"
    assert plan.file_for(load, 0) == plan.file_for(load, 1) == tmp_path / "access"


def test_a_plan_survives_the_command_line(tmp_path, monkeypatch):
    plan = Plan(tmp_path, users=2, files=2, refreshes=3, sign_outs=4)
    monkeypatch.setattr("sys.argv", ["seed", *plan.arguments])

    assert Plan.from_arguments() == plan
