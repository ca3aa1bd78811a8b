"""Describe the client of a request: its address and a short name of its device."""

import pytest
from django.test import RequestFactory
from django.utils.translation import override

from accounts import client_info
from accounts.request import client_of
from tests.kit import embedded
from tests.kit.clients import CHROME

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("user_agent", "name", "is_mobile"),
    [
        (CHROME, "Chrome · Windows", False),
        (IPHONE, "Safari · iOS", True),
        ("curl/8.1", "curl", False),
        ("MyApp/1.0 (build 7)", "MyApp/1.0", False),
        ("x" * 600, "Unknown device", False),
        ("https://keep.evil.example/secure x", "Unknown device", False),
        ("evil.example/1.0", "Unknown device", False),
        ("evil.example", "Unknown device", False),
        ("evil.example/3 CFNetwork/1410 Darwin/22.6", "evil example · iOS", True),
        ("Call-1588-0000/1.0", "Unknown device", False),
        ("MyApp/evil.example", "Unknown device", False),
        ("MyApp/1.evil.example", "Unknown device", False),
        ("MyApp/1.0\nevil.example", "Unknown device", False),
        ("", "Unknown device", False),
        (" ", "Unknown device", False),
    ],
)
def test_a_device_has_a_short_name(user_agent, name, is_mobile):
    assert client_info.device_name(user_agent) == name
    assert client_info.is_mobile(user_agent) is is_mobile


@pytest.mark.parametrize(
    ("user_agent", "app", "system"),
    [
        (embedded.KAKAOTALK_ANDROID, "KakaoTalk", "Android"),
        (embedded.KAKAOTALK_IPHONE, "KakaoTalk", "iOS"),
        (embedded.KAKAOTALK_IPHONE.replace("KAKAOTALK ", "KAKAOTALK/"), "KakaoTalk", "iOS"),
        (embedded.NAVER_ANDROID, "Naver", "Android"),
        (embedded.NAVER_IPHONE, "Naver", "iOS"),
        (embedded.INSTAGRAM_ANDROID, "Instagram", "Android"),
        (embedded.INSTAGRAM_IPHONE, "Instagram", "iOS"),
        (embedded.FACEBOOK_ANDROID, "Facebook", "Android"),
        (embedded.FACEBOOK_IPHONE, "Facebook", "iOS"),
        (embedded.MESSENGER_IPHONE, "Messenger", "iOS"),
        (embedded.LINE_ANDROID, "LINE", "Android"),
        (embedded.LINE_IPHONE, "LINE", "iOS"),
    ],
)
def test_a_browser_inside_an_app_has_the_name_of_the_app(user_agent, app, system):
    assert client_info.embedding_app(user_agent) == app
    assert client_info.device_name(user_agent) == f"{app} · {system}"
    assert client_info.is_mobile(user_agent)
    assert client_info.is_android(user_agent) is (system == "Android")


def test_the_name_of_an_app_is_translated():
    with override("ko"):
        assert client_info.device_name(embedded.KAKAOTALK_IPHONE) == "카카오톡 · iOS"
        assert client_info.device_name(embedded.NAVER_ANDROID) == "네이버 · Android"


@pytest.mark.parametrize(
    "user_agent",
    [
        CHROME,
        IPHONE,
        "NaverBot/1.0 (compatible; Yeti/1.1; +http://naver.me/spd)",
        "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Chrome/114 Whale/1.0 Mobile Safari/537.36",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "kakaotalk-scrap/1.0; +https://devtalk.kakao.com/t/scrap/33984",
        "Baseline/1.0",
        "",
    ],
)
def test_a_browser_or_a_robot_is_inside_no_app(user_agent):
    assert client_info.embedding_app(user_agent) == ""


@pytest.mark.parametrize(
    "user_agent", ["a\x00b", "é\udcff", "\n" * 600, "()" * 300, "Mozilla/" * 80]
)
def test_a_hostile_user_agent_is_stored_short_and_clean(user_agent):
    request = RequestFactory().get("/", HTTP_USER_AGENT=user_agent)

    client = client_of(request)

    assert len(client.user_agent) <= 512
    assert "\x00" not in client.user_agent
    assert len(client_info.device_name(client.user_agent)) < 80


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_the_address_comes_from_the_connection(address):
    request = RequestFactory().get(
        "/", REMOTE_ADDR=address, headers={"x-forwarded-for": "198.51.100.1"}
    )

    assert client_of(request).ip == address


@pytest.mark.parametrize("address", ["", None])
def test_a_missing_address_is_stored_as_none(address):
    request = RequestFactory().get("/")
    request.META["REMOTE_ADDR"] = address

    assert client_of(request).ip is None


def test_one_customers_64_bits_of_ipv6_are_one_network():
    ips = ["2001:db8:1:2::3", "2001:db8:1:2:ffff::9", "2001:db8:1:3::3", "192.0.2.1", None]

    networks = [client_info.ClientInfo(ip=ip).network for ip in ips]

    assert networks == [
        "2001:db8:1:2::/64",
        "2001:db8:1:2::/64",
        "2001:db8:1:3::/64",
        "192.0.2.1",
        "unknown",
    ]
