"""Show the pages that ask for further fields of a profile, on a site that has some (`PROFILE_FIELDS`)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.gallery import album, camera, wording
from tests.gallery.camera import LANGUAGES
from tests.gallery.people import COMPANY
from tests.gallery.scene import OURS, STOCK, Scene
from tests.gallery.stage import Stage
from tests.gallery.tabs import SETTINGS, tab
from tests.kit import demo_site
from tests.kit.demo_site import Site
from tests.kit.rings import starts_processes

pytestmark = pytest.mark.gallery
FIELDS = [
    {"name": "company", "label": {"en": "Company", "ko": "회사"}, "ask": "sign_up"},
    {
        "name": "plan",
        "type": "choice",
        "required": True,
        "label": {"en": "Plan", "ko": "요금제"},
        "choices": {
            "free": {"en": "Free, for up to three people", "ko": "무료, 세 명까지"},
            "team": {"en": "Team", "ko": "팀"},
        },
    },
    {
        "name": "terms",
        "type": "boolean",
        "required": True,
        "label": {
            "en": "I have read the terms for companies, and agree to them",
            "ko": "기업용 이용 약관을 읽었으며 이에 동의합니다",
        },
    },
    {"name": "news", "type": "boolean", "label": {"en": "Send me news", "ko": "소식 받기"}},
]


@pytest.fixture(scope="module")
@starts_processes
def asking() -> Iterator[Site]:
    fields = json.dumps(FIELDS)
    with demo_site.running(**SETTINGS, PROFILE_FIELDS=fields) as site:
        extras = {"company": COMPANY, "plan": "team", "terms": True, "news": False}
        email = site.accounts["staff"]["email"]
        site.run(
            "from accounts.people.models import User;"
            f"User.objects.filter(email={email!r}).update(extras={extras!r})"
        )
        yield site


def _enter(stage: Stage, role: str) -> None:
    account = stage.site.accounts[role]
    stage.enter_afresh(account["email"], account["password"])


def _sign_up(stage: Stage) -> None:
    stage.go("/accounts/signup/")


def _sign_up_refused(stage: Stage) -> None:
    _sign_up(stage)
    stage.send(email="new@example.com", company=" ")


def _sign_up_by_passkey(stage: Stage) -> None:
    stage.go("/accounts/signup/passkey/")


def _profile_empty(stage: Stage) -> None:
    _enter(stage, "visitor")
    stage.go("/accounts/profile/")


def _profile_full(stage: Stage) -> None:
    _enter(stage, "staff")
    stage.go("/accounts/profile/")


def _user(stage: Stage) -> None:
    _enter(stage, "admin")
    stage.go(f"/admin/accounts/user/?q={stage.site.accounts['staff']['email']}")
    stage.press("#result_list tbody th a")


def _act(stage: Stage) -> None:
    _user(stage)
    stage.press("a[href$='/act/change-profile/']")


def _act_refused(stage: Stage) -> None:
    _act(stage)
    stage.page.locator("[name=terms]").uncheck()
    stage.press("input[type=submit].default")


SCENES = [
    Scene(f"fields-{name}", "", play, maker=maker)
    for name, play, maker in (
        ("sign-up", _sign_up, OURS),
        ("sign-up-refused", _sign_up_refused, OURS),
        ("sign-up-by-passkey", _sign_up_by_passkey, OURS),
        ("profile-empty", _profile_empty, OURS),
        ("profile-full", _profile_full, OURS),
        ("admin-user", _user, STOCK),
        ("admin-act", _act, STOCK),
        ("admin-act-refused", _act_refused, STOCK),
    )
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_page_that_asks_for_more(
    scene: Scene, asking: Site, chromium: Browser, packages: Path, pictures: Path
):
    found, texts = [], {}
    for language in LANGUAGES:
        with tab(chromium, language, packages) as page:
            watch = camera.Watch(page)
            scene.play(Stage(page, asking, language))
            chosen = camera.shots(scene, language, all_of_them=True)
            found += camera.shoot(page, scene, chosen, pictures)
            texts[language] = page.evaluate("gallery.texts()")
        found += watch.faults
    found += wording.untranslated(texts["ko"], texts["en"])
    album.note(pictures, scene, found)

    assert not found, "\n".join(found)
