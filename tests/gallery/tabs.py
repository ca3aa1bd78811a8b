"""Open the browser of one scene."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.gallery.camera import PHONE
from tests.kit.demo_site import PAGE_MILLISECONDS

CHECKS = Path(__file__).with_name("checks.js")
LOCALES = {"ko": "ko-KR", "en": "en-US"}
SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.gallery.site_settings", "STATIC_HASHED": "1"}
"""The environment of the gallery's sites: their static files are those of production."""


@contextmanager
def tab(chromium: Browser, language: str, packages: Path) -> Iterator[Page]:
    """A browser of its own, on a phone, with axe and our checks in every page."""
    width, height = PHONE
    context = chromium.new_context(
        locale=LOCALES[language],
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
    )
    context.set_default_timeout(PAGE_MILLISECONDS)
    context.add_init_script(path=packages / "axe-core" / "axe.min.js")
    context.add_init_script(path=CHECKS)
    try:
        yield context.new_page()
    finally:
        context.close()
