"""Test that dashboard, alert rules and document name the metrics that exist, and all of them."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from accounts import metrics
from accounts.metrics import Kind
from config.metrics import queues

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "deploy" / "metrics"
DOCUMENT = (ROOT / "docs" / "metrics.md").read_text()
NAME = re.compile(r"\bmunjigi_\w+")
ENDS = {
    Kind.COUNTER: ["_total"],
    Kind.DURATION: ["_bucket", "_count", "_sum"],
    Kind.STATE: [""],
    Kind.LEVEL: [""],
}
SERIES = {each.name + end: each.labels for each in metrics.ALL for end in ENDS[each.kind]} | {
    name: () if name == queues.DATABASE[0] else ("kind",) for name, _ in queues.ALL
}
FAMILIES = {
    each.name + (ENDS[each.kind][0] if each.kind is Kind.COUNTER else "") for each in metrics.ALL
}
FAMILIES |= {name for name, _ in queues.ALL}
RULES = yaml.safe_load((SHIPPED / "alerts.yaml").read_text())["groups"][0]["rules"]
PANELS = json.loads((SHIPPED / "dashboard.json").read_text())["panels"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [
    target["expr"] for panel in PANELS for target in panel["targets"]
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_and_label_in_use_exists(expression):
    names = NAME.findall(expression)

    assert names
    assert set(names) <= SERIES.keys()
    known = {"le", *(label for name in names for label in SERIES[name])}
    chosen = re.findall(r"(\w+)(?:=~|!~|!=|=)\"", expression)
    grouped = [
        label.strip()
        for labels in re.findall(r"by \(([^)]*)\)", expression)
        for label in labels.split(",")
    ]
    assert {*chosen, *grouped} <= known


def test_the_dashboard_shows_every_metric():
    shown = {name for panel in PANELS for t in panel["targets"] for name in NAME.findall(t["expr"])}

    assert {name for name in FAMILIES if not any(each.startswith(name) for each in shown)} == set()


def documented() -> dict[str, tuple[set[str], set[str]]]:
    """Return the labels and the alerts of each metric in the document."""
    rows = re.findall(r"^\| `(munjigi_\w+)` \|.*?\|.*?\|(.*)\|(.*)\|$", DOCUMENT, re.MULTILINE)
    return {
        name: (
            set(re.findall(r"(?:^|; )`(\w+)`", labels.strip())),
            set(re.findall(r"`(\w+)`", alerts)),
        )
        for name, labels, alerts in rows
    }


def test_the_document_lists_every_metric_with_its_labels():
    labels = {name: set(known) for name, (known, _) in documented().items()}
    expected = {each.name: set(each.labels) for each in metrics.ALL}
    expected = {
        name + ("_total" if name + "_total" in SERIES else ""): known
        for name, known in expected.items()
    }
    expected |= {name: {"kind"} for name, _ in queues.ALL} | {queues.DATABASE[0]: set()}

    assert labels == expected


def test_every_alert_serves_a_metric_and_has_a_first_step():
    names = {rule["alert"] for rule in RULES}
    by_metric = {alert for _, alerts in documented().values() for alert in alerts}
    _, steps = DOCUMENT.split("| Alert | First step |")

    assert by_metric == names
    assert set(re.findall(r"`(Munjigi\w+)`", steps)) == names


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_the_document_names_the_metrics_of_an_alert(rule):
    used = {re.sub("_(bucket|count|sum)$", "", name) for name in NAME.findall(rule["expr"])}
    serving = {name for name, (_, alerts) in documented().items() if rule["alert"] in alerts}

    assert serving & used
    assert rule["annotations"]["summary"]
    assert rule["labels"]["severity"] in {"page", "ticket"}


@pytest.fixture
def promtool() -> str:
    program = shutil.which("promtool")
    if program is None:
        if "promtool" in os.environ.get("TEST_REQUIRE", ""):
            pytest.fail("promtool isn't installed, and TEST_REQUIRE demands its tests.")
        pytest.skip("promtool isn't installed (apt-get install prometheus)")
    return program


@pytest.mark.servers
@pytest.mark.parametrize(
    "command",
    ["check rules alerts.yaml", "test rules alerts.test.yaml", "check config prometheus.yaml"],
)
def test_promtool_accepts_what_is_shipped(promtool, command):
    done = subprocess.run(
        [promtool, *command.split()], cwd=SHIPPED, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
