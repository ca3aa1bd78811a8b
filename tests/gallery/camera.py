"""Take the pictures of one scene, and note every fault that they show."""

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page, Response

from tests.gallery.scene import OURS, Scene

PHONE, DESKTOP = (360, 740), (1280, 800)
NARROWEST = 320
"""WCAG 2.2, 1.4.10: the width at which nothing may scroll sideways."""
SIZES = {"phone": PHONE, "desktop": DESKTOP}
THEMES = ("light", "dark")
LANGUAGES = ("ko", "en")
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

    @property
    def is_every_second(self) -> bool:
        """Half of all: each pair of a language, a theme and a size is among them."""
        places = LANGUAGES.index(self.language), THEMES.index(self.theme), [*SIZES].index(self.size)
        return sum(places) % 2 == 0

    @property
    def file(self) -> str:
        return f"{self.scene}.{self.language}.{self.theme}.{self.size}.png"


def shots(scene: Scene, language: str, *, all_of_them: bool) -> list[Shot]:
    """Choose the pictures: every combination, or every second one."""
    every = [Shot(scene.name, language, theme, size) for size in SIZES for theme in THEMES]
    return [shot for shot in every if all_of_them or shot.is_every_second]


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
        if shot.is_every_second:  # the other half has other words only, and axe is slow
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
