"""Show pages under another team's brand: its colours are readable on each, and our checks hold."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.gallery import album, camera
from tests.gallery.camera import LANGUAGES
from tests.gallery.scene import STOCK, Scene
from tests.gallery.stage import Stage
from tests.gallery.tabs import SETTINGS, tab
from tests.kit import demo_site
from tests.kit.demo_site import Site
from tests.kit.rings import starts_processes

pytestmark = pytest.mark.gallery
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15" fill="#7a1fa2"/>
<path d="M9 22 16 9l7 13" fill="none" stroke="#fff" stroke-width="3"/></svg>"""
BRAND = {
    "SITE_NAME": "Acme ID",
    "BRAND_COLOR": "#7a1fa2",
    "BRAND_LOGO": "logo.svg",
    "TERMS_URL": "https://acme.example/terms",
    "PRIVACY_URL": "https://acme.example/privacy",
}


@pytest.fixture(scope="module", params=["open", "invitation"])
@starts_processes
def branded(request, tmp_path_factory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("brand")
    (folder / "static").mkdir()
    (folder / "static" / "logo.svg").write_text(LOGO)
    more = BRAND | {"BRAND_DIR": str(folder), "SIGN_UP": request.param}
    with demo_site.running(**SETTINGS, **more) as site:
        yield site


def _at(name: str, path: str, *, role: str = "", maker: str = "ours") -> Scene:
    def play(stage: Stage) -> None:
        if role:
            account = stage.site.accounts[role]
            stage.enter_afresh(account["email"], account["password"])
        stage.go(path)

    return Scene(f"brand-{name}", "", play, maker=maker)


SCENES = [
    _at("sign-in", "/accounts/login/"),
    _at("sign-up", "/accounts/signup/"),
    _at("overview", "/accounts/", role="visitor"),
    _at("admin", "/admin/", role="admin", maker=STOCK),
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_page_of_another_brand(
    scene: Scene, branded: Site, chromium: Browser, packages: Path, pictures: Path
):
    found = []
    mode = branded.env["SIGN_UP"]
    shown = Scene(f"{scene.name}-{mode}", scene.route, scene.play, maker=scene.maker)
    for language in LANGUAGES:
        with tab(chromium, language, packages) as page:
            watch = camera.Watch(page)
            shown.play(Stage(page, branded, language))
            chosen = camera.shots(shown, language, all_of_them=False)
            found += camera.shoot(page, shown, chosen, pictures)
            assert "Munjigi" not in page.content()
        found += watch.faults
    album.note(pictures, shown, found)

    assert not found, "\n".join(found)
