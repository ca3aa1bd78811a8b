"""Show every page in Chromium, take its pictures, and find what is wrong with it."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import Browser

from tests.gallery import album, camera, every, wording
from tests.gallery.camera import LANGUAGES
from tests.gallery.scene import Scene
from tests.gallery.stage import Stage
from tests.gallery.tabs import tab
from tests.kit.demo_site import Site

pytestmark = pytest.mark.gallery


@pytest.mark.parametrize("scene", every.all_scenes(), ids=lambda scene: scene.name)
def test_page(scene: Scene, site: Site, chromium: Browser, packages: Path, pictures: Path):
    found = []
    texts = {}
    for language in LANGUAGES:
        with tab(chromium, language, packages) as page:
            watch = camera.Watch(page)
            scene.play(Stage(page, site, language))
            assert (route_of(page.url, site), watch.status) == (scene.route, scene.status)
            chosen = camera.shots(scene, language, all_of_them=every.is_first(scene))
            found += camera.shoot(page, scene, chosen, pictures)
            texts[language] = page.evaluate("gallery.texts()")
            shown = page.evaluate("document.documentElement.lang")
        found += watch.faults
        if shown != language:
            found.append(f"the page for {language} says lang={shown}")
    found += wording.untranslated(texts["ko"], texts["en"])
    album.note(pictures, scene, found)

    assert not found, "\n".join(found)


def route_of(url: str, site: Site) -> str:
    """Return the name of the page that the browser has arrived at. '' if it isn't the site's."""
    if not url.startswith(f"{site.url}/"):
        return ""
    try:
        return resolve(urlsplit(url).path, "tests.gallery.site_urls").view_name
    except Resolver404:
        return ""
