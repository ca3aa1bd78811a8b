"""Each check finds the fault that it is for, and nothing on a sound page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from accounts.audit import vocabulary
from tests.gallery import wording
from tests.gallery.camera import PHONE

pytestmark = pytest.mark.gallery
SOUND = "<button style='width: 99px; height: 48px'>Go</button> <a href='#'>back</a>"


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    width, height = PHONE
    page = chromium.new_page(viewport={"width": width, "height": height})
    page.add_init_script(path=Path(__file__).with_name("checks.js"))
    page.goto("data:text/html,<html lang=en>")
    yield page
    page.close()


def found(page: Page, check: str, body: str) -> int:
    page.evaluate("(body) => { document.body.innerHTML = body; }", body)
    page.keyboard.press("Tab")
    return len(page.evaluate(f"gallery.{check}()"))


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        ("sideways", "<p style='width: 400px'>wide</p>"),
        ("small", "<button style='width: 99px; height: 40px'>Go</button>"),
        ("unseenFocus", "<button style='outline: none'>Go</button>"),
    ],
)
def test_a_check_finds_its_fault(page: Page, check: str, fault: str):
    assert found(page, check, SOUND) == 0
    assert found(page, check, SOUND + fault) == 1


def test_texts_are_those_that_a_person_reads_or_hears(page: Page):
    page.evaluate(
        "() => { document.body.innerHTML = `<p>seen</p><p hidden>not seen</p><code>code</code>"
        "<p lang=ko>한국어</p><img alt=heard>`; }"
    )

    assert page.evaluate("gallery.texts()") == ["", "seen", "heard"]


def test_an_event_type_is_no_text_of_a_language():
    types = list(vocabulary.EVENT_TYPES)

    assert wording.untranslated(types, types) == []


def test_a_text_in_the_other_language_is_found():
    korean, english = ["로그인", "Sign out", "Chrome · Linux"], ["Sign in", "Sign out", "이메일"]

    assert wording.untranslated(korean, [*english, "Chrome · Linux"]) == [
        "English on the Korean page: Sign out",
        "Korean on the English page: 이메일",
    ]
