"""Test where tests and their shared code are, and how tests are named."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FILES = sorted(path for path in TESTS.rglob("*.py"))


def lines_with(pattern: str) -> list[str]:
    return [
        f"{path.relative_to(TESTS)}: {line}"
        for path in FILES
        for line in re.findall(pattern, path.read_text(), re.MULTILINE)
    ]


def test_nobody_imports_a_conftest():
    assert lines_with(r"^\s*(?:from|import) .*\bconftest\b.*") == []


def test_nobody_imports_a_test_module():
    assert lines_with(r"^\s*(?:from|import) tests\b.*\btest_\w+.*") == []


@pytest.mark.parametrize("name", ["sign_in", "pair", "wait_until"])
def test_a_shared_helper_is_defined_once(name):
    assert len(lines_with(rf"^\s*def {name}\(")) == 1


def test_names_of_tests_are_short():
    assert [line for line in lines_with(r"^\s*def test_\w+") if len(line.split()[-1]) > 70] == []


SITE = TESTS.parent


def raw_html_in(pattern: str, suffix: str, *folders: str) -> list[str]:
    files = [file for folder in folders for file in (SITE / folder).rglob(f"*{suffix}")]
    assert files
    return [
        f"{file.relative_to(SITE)}: {found}"
        for file in files
        for found in re.findall(pattern, file.read_text())
    ]


def test_no_script_of_the_site_writes_html():
    pattern = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\("

    assert raw_html_in(pattern, ".js", "accounts/static", "demo/spa") == []


def test_no_text_of_a_user_is_marked_as_safe():
    """Help texts are ours."""
    assert raw_html_in(r"mark_safe", ".py", "accounts", "api", "config") == []
    assert raw_html_in(r"\S+\|safe\b|autoescape off", ".html", "templates") == [
        "templates/snippets/field.html: field.help_text|safe"
    ]
