"""Take the pictures of one scene, and note every fault that they show."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

from playwright.sync_api import ConsoleMessage, Page, Response

from tests.gallery.scene import OURS, Scene

PHONE, DESKTOP = (360, 740), (1280, 800)
NARROWEST = 320
"""WCAG 2.2, 1.4.10: the width at which nothing may scroll sideways."""
SIZES = {"phone": PHONE, "desktop": DESKTOP}
THEMES = ("light", "dark")
LANGUAGES = ("ko", "en")
AXED = {0, 3, 5, 6}
"""Each pair of a language, a theme and a size is among these combinations (`Shot.number`)."""
NOT_OURS = [".search-label-icon"]
"""A widget of Django's admin, whose icon has a label that its element may not have."""
AXE = """(exclude) => axe.run({ exclude }, {
    resultTypes: ["violations"], preload: false, rules: { "target-size": { enabled: true } },
})"""


@dataclass(frozen=True)
class Shot:
    """One picture. Its file's name says what it shows."""

    scene: str
    language: str
    theme: str
    size: str
    has_axe: bool = True

    @property
    def number(self) -> int:
        """Return the number of this combination, from 0 to 7. That of the opposite is 7 less it."""
        places = LANGUAGES.index(self.language), THEMES.index(self.theme), [*SIZES].index(self.size)
        return 4 * places[0] + 2 * places[1] + places[2]

    @property
    def file(self) -> str:
        return f"{self.scene}.{self.language}.{self.theme}.{self.size}.png"


def shots(scene: Scene, language: str, *, all_of_them: bool) -> list[Shot]:
    """Choose the pictures: every combination, or one and its opposite, by the name of the scene.

    axe is slow. It runs on half of all combinations (`AXED`), or on both of the two. In CI (`CI=true`) each
    scene has two pictures; `make gallery` takes them all.
    """
    every = [Shot(scene.name, language, theme, size) for size in SIZES for theme in THEMES]
    if all_of_them and not os.environ.get("CI"):
        return [replace(shot, has_axe=shot.number in AXED) for shot in every]
    one = crc32(scene.name.encode()) % 8
    return [shot for shot in every if shot.number in {one, 7 - one}]


class Watch:
    """Note what Chromium reports of a page: answers, and errors of scripts and of the policy."""

    def __init__(self, page: Page) -> None:
        self.faults: list[str] = []
        self.status = 0
        page.on("response", self._note_answer)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("console", self._note)

    def _note_answer(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self.status = response.status

    def _note(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        # An error page is loaded with its status, which Chromium reports about the page itself.
        if "Failed to load resource" in message.text and "/static/" not in message.location["url"]:
            return
        self.faults.append(f"console: {message.text}")


def shoot(page: Page, scene: Scene, chosen: list[Shot], directory: Path) -> list[str]:
    """Take these pictures of the page as it stands. Returns the faults."""
    faults = []
    # The phone first: that is where the page was loaded.
    for shot in chosen:
        width, height = SIZES[shot.size]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=shot.theme)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=directory / shot.file, full_page=True)
        found = page.evaluate("gallery.sideways()")
        if shot.has_axe:
            found += _axe(page)
        if shot.size == "phone" and scene.maker == OURS:
            found += [f"too small: {each}" for each in page.evaluate("gallery.small()")]
        faults += [f"{shot.language} {shot.theme} {shot.size}: {each}" for each in found]
    page.set_viewport_size({"width": NARROWEST, "height": PHONE[1]})
    faults += [f"{NARROWEST} px: {each}" for each in page.evaluate("gallery.sideways()")]
    page.keyboard.press("Tab")
    faults += [f"no visible focus: {each}" for each in page.evaluate("gallery.unseenFocus()")]
    return faults


def _axe(page: Page) -> list[str]:
    return [
        f"axe {violation['id']}: {node['html'][:160]}"
        + (f" ({node['any'][0]['message'][:160]})" if node["any"] else "")
        for violation in page.evaluate(AXE, NOT_OURS)["violations"]
        for node in violation["nodes"]
    ]
