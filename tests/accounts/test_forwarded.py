"""Every form of X-Forwarded-For is understood or ignored."""

import pytest

from accounts import forwarded

PEER = "10.0.0.9"


def ip(header, *, proxies=1, **meta):
    found = {"REMOTE_ADDR": PEER, "HTTP_X_FORWARDED_FOR": header} | meta
    return forwarded.client_ip(found, trusted_proxies=proxies)


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("198.51.100.1:4711", "198.51.100.1"),
        ("203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("203.0.113.9,198.51.100.1", "198.51.100.1"),
        ('"198.51.100.1:80"', "198.51.100.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ('"[2001:DB8::1]:443"', "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("unknown", PEER),
        ("_hidden", PEER),
        ("_SEVKISEK", PEER),
        ('"_gazonk:_port"', PEER),
        ("198.51.100.1, unknown", PEER),
        ("garbage", PEER),
        ("999.1.1.1", PEER),
        ("198.51.100.1,", PEER),
        (",", PEER),
        ("[", PEER),
        (" ", PEER),
        ("", PEER),
        ("x" * 10_000, PEER),
    ],
)
def test_every_form_is_read_or_ignored(header, address):
    assert ip(header) == address


def test_of_two_proxies_the_outer_one_saw_the_client():
    assert ip("203.0.113.9, 198.51.100.1, 10.0.0.1", proxies=2) == "198.51.100.1"


def test_with_fewer_entries_than_proxies_the_first_one_counts():
    assert ip("198.51.100.1", proxies=2) == "198.51.100.1"


def test_without_proxies_the_headers_are_the_callers_own_words():
    assert ip("198.51.100.1", proxies=0) == PEER


def test_the_header_forwarded_is_ignored():
    assert ip("", HTTP_FORWARDED='for="[2001:db8::1]"') == PEER


def test_a_unix_socket_has_no_address():
    assert ip("unknown", REMOTE_ADDR="") is None


@pytest.mark.parametrize("header", ["unknown", "_x", '"[2001:db8::1]:443"', "1, 2, 3", ","])
@pytest.mark.parametrize("proxies", [1, 3])
def test_no_door_is_shut_by_an_odd_header(client, db, settings, header, proxies):
    settings.TRUSTED_PROXY_COUNT = settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    credentials = {"login": "a@example.com", "password": "x"}

    page = client.post("/accounts/login/", credentials, headers={"x-forwarded-for": header})
    answer = client.post(
        "/api/token/",
        {"email": "a@example.com", "password": "x"},
        content_type="application/json",
        headers={"x-forwarded-for": header},
    )

    assert (page.status_code, answer.status_code) == (200, 401)
