"""The worker sends to no private address, however the address is written."""

from ipaddress import ip_network

import pytest

from accounts.webhooks import addresses
from accounts.webhooks.addresses import Reason, RefusedError

PUBLIC = "93.184.215.14"


def found(*addresses_of_name):
    return lambda host, port: list(addresses_of_name)


def refusal_of(url, look_up=addresses.look_up):
    with pytest.raises(RefusedError) as refused:
        addresses.resolve(addresses.parse(url), look_up=look_up)
    return refused.value.reason


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "0.0.0.0", "169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.1.1"),  # noqa: S104 - no server binds it
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[::127.0.0.1]"),
        *("[fe80::1]", "[fc00::1]", "[fec0::1]", "[ff02::1]", "[64:ff9b::127.0.0.1]"),
        *("[2002:7f00:1::]", "[2001:db8::1]", "[64:ff9b:1::1]"),
        *("192.0.0.192", "168.63.129.16", "[3fff::1]", "[::ffff:168.63.129.16]"),
        *("[64:ff9b::168.63.129.16]", "[2002:a83f:8110::]"),
        *("localhost", "localhost.", "LOCALHOST", "127.0.0.1."),
    ],
)
def test_an_address_that_is_not_public_is_refused(host):
    assert refusal_of(f"https://{host}/") is Reason.PRIVATE


@pytest.mark.parametrize(
    "host",
    [
        *("2130706433", "0x7f.1", "0x7f000001", "127.1", "0177.0.0.1", "127.0.0.01"),
        *(
            "1.2.3.4.5",
            "a.0x",
            "[fe80::1%25eth0]",
            "ho st",
            "host\\.evil",
            "exa\tmple.com",
            "-a.com",
        ),
        *("", "①②⑦.0.0.1", "a..b", "a" * 64 + ".com"),
    ],
)
def test_a_host_that_others_read_differently_is_refused(host):
    assert refusal_of(f"https://{host}/", found(PUBLIC)) is Reason.NOT_A_URL


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://user@app.example.com/", Reason.CREDENTIALS),
        ("https://user:password@app.example.com/", Reason.CREDENTIALS),
        ("https://@app.example.com/", Reason.CREDENTIALS),
        ("https://app.example.com/#a", Reason.NOT_A_URL),
        ("https:///hooks", Reason.NOT_A_URL),
        ("https://[::1/", Reason.NOT_A_URL),
        ("https://app.example.com:99999/", Reason.NOT_A_URL),
        ("https://app.example.com/" + "a" * 500, Reason.NOT_A_URL),
        ("https://app.example.com/\r\nX: 1", Reason.NOT_A_URL),
        ("http://app.example.com/", Reason.SCHEME),
        ("ftp://app.example.com/", Reason.SCHEME),
        ("file:///etc/passwd", Reason.SCHEME),
        ("gopher://app.example.com/", Reason.SCHEME),
        ("//app.example.com/", Reason.SCHEME),
        ("https://app.example.com:22/", Reason.PORT),
        ("https://app.example.com:25/", Reason.PORT),
        ("https://app.example.com:0/", Reason.PORT),
    ],
)
def test_a_url_that_is_not_plain_https_is_refused(url, reason):
    assert refusal_of(url, found(PUBLIC)) is reason


@pytest.mark.parametrize("private", ["127.0.0.1", "10.1.2.3", "::1", "::ffff:10.0.0.1"])
def test_a_name_with_a_public_and_a_private_address_is_refused(private):
    url = "https://app.example.com/"

    assert refusal_of(url, found(PUBLIC, private)) is Reason.PRIVATE
    assert refusal_of(url, found(private, PUBLIC)) is Reason.PRIVATE


def test_a_name_without_an_address_is_refused():
    assert refusal_of("https://app.example.com/", found()) is Reason.UNKNOWN


@pytest.mark.parametrize(
    ("url", "netloc", "path"),
    [
        ("https://app.example.com", "app.example.com", "/"),
        ("https://App.example.com:443/a?b=c", "app.example.com", "/a?b=c"),
        ("https://app.example.com.:8443/", "app.example.com:8443", "/"),
        (f"https://{PUBLIC}/", PUBLIC, "/"),
        ("https://[2606:2800:21f:cb07::1]/", "[2606:2800:21f:cb07::1]", "/"),
    ],
)
def test_a_public_https_address_is_accepted(url, netloc, path):
    target = addresses.parse(url)

    assert (target.netloc, target.path) == (netloc, path)
    assert addresses.resolve(target, look_up=found(PUBLIC, "2606:2800:21f:cb07::1"))


def test_an_allowed_network_may_use_http_and_others_may_not(settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = [ip_network("10.1.0.0/16")]

    for url in ("http://app.internal:8080/", "https://app.internal/"):
        assert addresses.resolve(addresses.parse(url), look_up=found("10.1.2.3"))
    assert refusal_of("http://app.internal/", found("10.2.0.1")) is Reason.PRIVATE
    assert refusal_of("http://app.internal/", found("10.1.2.3", PUBLIC)) is Reason.SCHEME
    assert refusal_of("https://app.internal/", found("10.1.2.3", "::1")) is Reason.PRIVATE


def test_a_mapped_address_of_an_allowed_network_is_allowed(settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = [ip_network("10.1.0.0/16")]
    target = addresses.parse("https://app.internal/")

    assert addresses.resolve(target, look_up=found("::ffff:10.1.2.3"))
