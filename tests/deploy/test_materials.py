"""Test the scripts about locked packages: the bill of materials, and the look-up of known vulnerabilities."""

import importlib.util
import json
import re
import subprocess
import sys

import pytest

from tests.kit.dockerfile import ROOT

LOCK = (ROOT / "requirements.lock").read_text()


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


audit, sbom = script("audit"), script("sbom")


def test_the_bill_has_every_locked_package_and_checksum():
    bill = sbom.document(LOCK)

    assert [(each["name"], each["version"]) for each in bill["components"]] == [
        tuple(re.split("==|[ ;]", line.rstrip(" \\"))[:2])
        for line in LOCK.splitlines()
        if "==" in line and line[0] not in " #"
    ]
    checksums = [one["content"] for each in bill["components"] for one in each["hashes"]]
    assert checksums == re.findall("sha256:([0-9a-f]{64})", LOCK)
    assert all(each["hashes"] for each in bill["components"])


def test_a_component_has_the_members_of_cyclonedx():
    lock = 'a-b==1.0 ; sys_platform == "x" \\\n    --hash=sha256:' + "0" * 64 + "\n    # via c\n"

    assert sbom.components(lock) == [
        {
            "type": "library",
            "bom-ref": "pkg:pypi/a-b@1.0",
            "name": "a-b",
            "version": "1.0",
            "purl": "pkg:pypi/a-b@1.0",
            "hashes": [{"alg": "SHA-256", "content": "0" * 64}],
        }
    ]


@pytest.mark.servers
def test_the_command_prints_json():
    done = subprocess.run(
        [sys.executable, ROOT / ".ci/sbom.py"], capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout) == sbom.document(LOCK)


GOOD = {"name": "good", "version": "1.0", "vulns": []}
BAD = {
    "name": "bad",
    "version": "2.0",
    "vulns": [{"id": "CVE-1", "fix_versions": ["2.1", "3.0"]}, {"id": "CVE-2", "fix_versions": []}],
}
UNKNOWN = {"name": "odd", "skip_reason": "odd was not found"}


@pytest.fixture
def audited(monkeypatch, capsys):
    """Return the exit code and the output of the audit if pip-audit finds these packages."""

    def run(packages, *, probe=(GOOD,), required=""):
        answers = iter([list(probe), list(packages)])
        monkeypatch.setattr(audit, "look_up", lambda files, seconds: next(answers))
        monkeypatch.setenv("AUDIT_REQUIRE", required)
        return audit.main(), capsys.readouterr().out

    return run


def test_packages_without_advisories_pass(audited):
    assert audited([GOOD, GOOD]) == (0, "2 locked packages, 0 failures\n")


def test_a_known_vulnerability_fails_the_audit(audited):
    assert audited([GOOD, BAD]) == (
        1,
        (
            "bad 2.0: CVE-1, fixed in 2.1, 3.0\n"
            "bad 2.0: CVE-2, fixed in no release\n"
            "2 locked packages, 2 failures\n"
        ),
    )


def test_a_package_that_was_not_looked_up_fails_the_audit(audited):
    assert audited([GOOD, UNKNOWN])[0] == 1
    assert audited([])[0] == 1


@pytest.mark.parametrize(("required", "code"), [("", 0), ("1", 1)])
def test_without_the_database_the_audit_says_that_it_is_skipped(audited, required, code):
    expected = (code, "SKIPPED the audit: no advisory database can be reached.\n")

    assert audited([], probe=[], required=required) == expected
    assert audited([], probe=[UNKNOWN], required=required) == expected
