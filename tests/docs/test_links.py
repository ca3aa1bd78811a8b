"""Test that the documents name only links, headings, files and rooms that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "bench/*.md", "demo/*.md")
    for path in ROOT.glob(pattern)
)
GUIDES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md", "bench/README.md"]
NAMING_FILES = sorted(
    str(path.relative_to(ROOT)) for pattern in GUIDES for path in ROOT.glob(pattern)
)
FOLDERS = "accounts|api|bench|config|demo|deploy|docs|doctor|locale|templates|tests"
NOT_ROOMS = {"management", "migrations", "views"}
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")


def text_of(document: Path) -> str:
    return re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors_of(document: Path) -> set[str]:
    """Return the anchors that GitHub makes for the headings."""
    headings = re.findall(r"^#+ (.+)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_to_a_file_and_a_heading(name):
    document = ROOT / name
    for link in LINK.findall(text_of(document)):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target), link


@pytest.mark.parametrize("name", NAMING_FILES)
def test_every_file_and_room_that_a_guide_names_exists(name):
    named = re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", text_of(ROOT / name))

    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_architecture_names_every_room_of_accounts_and_api():
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {
        f"{app}/{init.parent.name}/"
        for app in ("accounts", "api")
        for init in (ROOT / app).glob("*/__init__.py")
        if init.parent.name not in NOT_ROOMS
    }

    assert {room for room in rooms if f"| `{room}` |" not in text} == set()


def test_the_readme_explains_every_variable_of_the_example():
    variables = re.findall(
        r"^([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE
    )
    table = (ROOT / "README.md").read_text().partition("## Settings")[2]

    assert [name for name in variables if f"`{name}`" not in table] == []
