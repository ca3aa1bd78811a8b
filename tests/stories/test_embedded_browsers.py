"""The sign-in page inside KakaoTalk, Naver, Instagram and others, where Google refuses to work."""

import html
import re

import pytest
from django.test import Client

from tests.kit import embedded
from tests.kit.clients import CHROME, sign_in
from tests.kit.factories import UserFactory

pytestmark = pytest.mark.django_db
NEXT = "/accounts/login/?next=/accounts/profile/%3Fa%3D1%26b%3D2"
ADDRESS = f"http://localhost:8000{NEXT}"
APPS = {
    "KakaoTalk": (embedded.KAKAOTALK_ANDROID, embedded.KAKAOTALK_IPHONE),
    "Naver": (embedded.NAVER_ANDROID, embedded.NAVER_IPHONE),
    "Instagram": (embedded.INSTAGRAM_ANDROID, embedded.INSTAGRAM_IPHONE),
    "Facebook": (embedded.FACEBOOK_ANDROID, embedded.FACEBOOK_IPHONE),
    "LINE": (embedded.LINE_ANDROID, embedded.LINE_IPHONE),
}


@pytest.fixture(autouse=True)
def site_url(settings):
    settings.SITE_URL = "http://localhost:8000"


def page_in(user_agent, path=NEXT, language="en", browser=None):
    headers = {"user-agent": user_agent, "accept-language": language}
    return html.unescape((browser or Client()).get(path, headers=headers).text)


def buttons(page):
    return re.findall(r'<button class="provider (\w+)"', page)


def link_out(page):
    found = re.findall(r'<a class="button quiet wide" href="([^"]+)">', page)
    return found[0] if found else ""


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("path", [NEXT, "/accounts/signup/"])
def test_google_is_replaced_by_a_way_to_the_browser(app, path):
    for user_agent in APPS[app]:
        page = page_in(user_agent, path)

        assert f"Google does not work inside {app}. Open this page in your browser." in page
        assert buttons(page) == ["kakao", "naver"]
        assert f'value="http://localhost:8000{path}" readonly' in page


def test_on_android_a_link_opens_the_default_browser():
    for android, _ in APPS.values():
        assert link_out(page_in(android)) == (
            f"intent://localhost:8000{NEXT}#Intent;scheme=http;action=android.intent.action.VIEW;"
            "category=android.intent.category.BROWSABLE;end"
        )


def test_on_an_iphone_only_kakaotalk_has_a_link():
    links = {app: link_out(page_in(iphone)) for app, (_, iphone) in APPS.items()}

    assert links.pop("KakaoTalk") == (
        "kakaotalk://web/openExternal?url=http%3A%2F%2Flocalhost%3A8000%2Faccounts%2Flogin%2F%3F"
        "next%3D%2Faccounts%2Fprofile%2F%253Fa%253D1%2526b%253D2"
    )
    assert set(links.values()) == {""}
    assert "Copy this address:" in page_in(embedded.NAVER_IPHONE)


OTHERS = [
    embedded.BAND_ANDROID,
    embedded.DAUM_IPHONE,
    embedded.THREADS_IPHONE,
    embedded.NAMELESS_ANDROID,
]


@pytest.mark.parametrize("user_agent", OTHERS)
def test_an_app_without_a_known_name_has_a_way_out(user_agent):
    page = page_in(user_agent)

    assert "Google does not work inside this app. Open this page in your browser." in page
    assert buttons(page) == ["kakao", "naver"]
    assert link_out(page).startswith("intent://") is ("Android" in user_agent)
    assert f'value="{ADDRESS}" readonly' in page


@pytest.mark.parametrize("user_agent", [CHROME, embedded.HOME_SCREEN_IPHONE, *embedded.BROWSERS])
def test_a_browser_shows_googles_button(user_agent):
    page = page_in(user_agent)

    assert buttons(page) == ["google", "kakao", "naver"]
    assert "way-out" not in page


def test_the_words_are_korean_too():
    page = page_in(embedded.KAKAOTALK_ANDROID, language="ko")

    assert "카카오톡 안에서는 Google 로그인을 쓸 수 없습니다." in page
    assert "브라우저에서 열기" in page


def test_the_page_of_connections_says_it_as_well(visitor):
    user = UserFactory()
    sign_in(visitor, user)

    page = page_in(embedded.INSTAGRAM_IPHONE, "/accounts/3rdparty/", browser=visitor)

    assert "Google does not work inside Instagram." in page
    assert buttons(page) == ["kakao", "naver"]


@pytest.mark.parametrize("path", ['/accounts/login/?next="><script>', "/accounts/login/?#Intent;x"])
def test_an_odd_address_stays_inside_the_link(path):
    raw = Client().get(path, headers={"user-agent": embedded.LINE_ANDROID}).text

    assert "<script>" not in raw
    assert len(re.findall(r'href="intent://[^"]+#Intent;scheme=http;[^"#]+;end"', raw)) == 1


def test_signed_in_devices_name_the_app(visitor):
    user = UserFactory()
    visitor.defaults["HTTP_USER_AGENT"] = embedded.NAVER_IPHONE
    sign_in(visitor, user)

    page = visitor.get("/accounts/sessions/", headers={"accept-language": "ko"}).text

    assert "네이버 · iOS" in page
