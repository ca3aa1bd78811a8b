"""One call: one look-up, one checked address, no redirect, a limit of time and bytes."""

import contextlib
import socket
import ssl
import threading
import time

import pytest

from accounts import outward
from accounts.webhooks import sending
from accounts.webhooks.addresses import Reason, RefusedError
from tests.kit import certificates
from tests.kit.pieces import server
from tests.kit.waiting import wait_until
from tests.kit.webhooks import ACCEPTED, LOOPBACK


@pytest.fixture(autouse=True)
def loopback(settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = LOOPBACK


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(sending, "TOTAL_SECONDS", 0.5)


def named(url):
    """Return the address with a name that only a stub of a look-up knows."""
    return url.replace("127.0.0.1", "app.internal")


def threads():
    return [each for each in threading.enumerate() if each.name == "webhook"]


def test_a_name_is_looked_up_once_and_is_the_host():
    asked = []

    def look_up(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with server(ACCEPTED) as (url, requests):
        answer = sending.post(f"{named(url)}a?b=c", b"{}", headers={"X-A": "1"}, look_up=look_up)

    assert answer.status == 204
    assert asked == ["app.internal"]
    assert requests[0].startswith("POST /a?b=c HTTP/1.1\r\n")
    assert f"Host: {named(url).split('/')[2]}\r\n" in requests[0]
    assert "X-A: 1\r\n" in requests[0]
    assert requests[0].count("Host: ") == 1


def test_a_changed_answer_of_the_dns_is_checked_again():
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    with server(ACCEPTED) as (url, requests):
        sending.post(named(url), b"", headers={}, look_up=lambda host, port: answers[0])
        with pytest.raises(RefusedError):
            sending.post(named(url), b"", headers={}, look_up=lambda host, port: answers[1])

    assert len(requests) == 1


def test_the_next_address_is_tried_if_the_first_refuses():
    with server(ACCEPTED) as (url, requests):
        answer = sending.post(
            named(url), b"", headers={}, look_up=lambda host, port: ["::1", "127.0.0.1"]
        )

    assert answer.status == 204
    assert len(requests) == 1


def test_a_connection_that_opens_too_late_is_not_used(impatient, monkeypatch):
    """A receiver that drips its headers could hold the thread for ever: nobody would break the socket."""
    is_over = threading.Event()

    class Late(sending.HTTPConnection):
        def connect(self):
            is_over.wait(10)
            super().connect()

    monkeypatch.setattr(sending, "HTTPConnection", Late)
    with server(ACCEPTED) as (url, requests):
        with pytest.raises(sending.TimedOutError):
            sending.post(url, b"{}", headers={})
        is_over.set()
        wait_until(lambda: not threads())

    assert not "".join(requests)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Moved", "308 Moved"])
def test_a_redirect_is_not_followed(status):
    with server(ACCEPTED) as (elsewhere, asked):
        there = elsewhere.replace("127.0.0.1", "localhost")
        head = f"HTTP/1.1 {status}\r\nLocation: {there}\r\nContent-Length: 0\r\n\r\n"
        with server(head.encode()) as (url, _):
            answer = sending.post(url, b"{}", headers={})

    assert answer.status == int(status[:3])
    assert asked == []


def test_no_proxy_of_the_environment_is_used(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    with server(ACCEPTED) as (url, _):
        assert sending.post(url, b"", headers={}).status == 204


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_dripping_receiver_ends_and_holds_no_thread(impatient, start):
    began = time.monotonic()
    with server(start, *[b"X"] * 600, every=0.1) as (url, _):
        with pytest.raises(sending.TimedOutError):
            sending.post(url, b"", headers={})
        assert time.monotonic() - began < 4  # all drops take a minute
        wait_until(lambda: not threads(), "the thread of the call ends", seconds=5)


def test_a_silent_receiver_ends_at_the_deadline(impatient):
    with server(b"", every=60) as (url, _):
        with pytest.raises(sending.TimedOutError):
            sending.post(url, b"", headers={})
        wait_until(lambda: not threads(), "the thread of the call ends", seconds=5)


def test_a_dripping_handshake_ends_and_holds_no_thread(impatient):
    """A receiver sends the bytes of a TLS record one by one, before anything is verified."""

    def drip(listener):
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"\x16\x03\x03\x40\x00")
            for _ in range(100):
                connection.sendall(b"\x02")
                time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        dripping = threading.Thread(target=drip, args=[listener], daemon=True)
        dripping.start()
        with pytest.raises(sending.TimedOutError):
            sending.post(f"https://127.0.0.1:{listener.getsockname()[1]}/", b"", headers={})
        wait_until(lambda: not threads(), "the thread of the call ends", seconds=5)
        dripping.join(5)


def test_a_slow_look_up_ends_at_the_deadline(impatient):
    released = threading.Event()

    with pytest.raises(sending.TimedOutError):
        sending.post(
            "http://app.internal/",
            b"",
            headers={},
            look_up=lambda host, port: released.wait(20) and [],
        )
    released.set()


def test_a_huge_answer_is_refused():
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    with (
        server(head, *[b" " * 60_000] * 50) as (url, _),
        pytest.raises(sending.SendError, match="too large"),
    ):
        sending.post(url, b"", headers={})


def test_a_compressed_answer_is_not_decompressed():
    packed = b"\x1f\x8b\x08" + b"0" * 100
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    with server(head.encode() + packed) as (url, requests):
        answer = sending.post(url, b"", headers={})

    assert answer.body == packed
    assert len(answer.body) < outward.MAX_BYTES
    assert "Accept-Encoding: identity\r\n" in requests[0]


def test_a_closed_port_and_garbage_are_failures():
    with pytest.raises(sending.SendError):
        sending.post("http://127.0.0.1:9999/", b"", headers={})
    with server(b"garbage\r\n\r\n") as (url, _), pytest.raises(sending.SendError):
        sending.post(url, b"", headers={})


def test_a_private_address_gets_no_connection(settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = []
    with server(ACCEPTED) as (url, requests):
        with pytest.raises(RefusedError) as refused:
            sending.post(url, b"", headers={})
        with pytest.raises(RefusedError):
            sending.post(named(url), b"", headers={}, look_up=lambda host, port: ["127.0.0.1"])

    assert refused.value.reason is Reason.PRIVATE
    assert requests == []


@pytest.fixture
def https(tmp_path):
    """Answer over TLS with a certificate for `localhost`. Yields the port and the certificate."""
    certificate = certificates.make(tmp_path / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("privkey.pem"))
    names = []
    context.sni_callback = lambda connection, name, _context: names.append(name)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            while True:
                try:
                    raw, _ = listener.accept()
                    with context.wrap_socket(raw, server_side=True) as connection:
                        connection.recv(65536)
                        connection.sendall(ACCEPTED)
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1], certificate, names
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def trusted(https, monkeypatch):
    context = ssl.create_default_context(cafile=https[1])
    monkeypatch.setattr(sending, "_trust", lambda: context)


def post_to(port, name):
    return sending.post(
        f"https://{name}:{port}/", b"", headers={}, look_up=lambda host, port: ["127.0.0.1"]
    )


def test_the_certificate_must_have_the_name_of_the_url(https, trusted):
    port, _, names = https

    assert post_to(port, "localhost").status == 204
    assert names == ["localhost"]
    with pytest.raises(sending.SendError):
        post_to(port, "app.internal")


def test_an_unknown_certificate_is_refused(https):
    port, _, _ = https

    with pytest.raises(sending.SendError):
        post_to(port, "localhost")


def test_an_ipv6_address_is_connected_to():
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:

        def accept():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(ACCEPTED)

        threading.Thread(target=accept, daemon=True).start()
        port = listener.getsockname()[1]

        assert sending.post(f"http://[::1]:{port}/", b"", headers={}).status == 204
