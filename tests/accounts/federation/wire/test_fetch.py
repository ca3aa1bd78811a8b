"""Call providers with limits on time, size and number, and without following redirects."""

import socket
import ssl
import threading

import pytest

from accounts.federation.errors import ProviderError, ProviderUnavailableError
from accounts.federation.wire import fetch
from tests.kit import certificates
from tests.kit.pieces import server

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 0.5)


def test_get_returns_the_object_of_a_good_answer():
    with server(GOOD) as (url, asked):
        assert fetch.get(url, bearer="abc") == {}

    assert "Authorization: Bearer abc\r\n" in asked[0]
    assert "Accept-Encoding: identity\r\n" in asked[0]


def test_a_form_is_posted():
    with server(GOOD) as (url, asked):
        fetch.post(url, {"code": "a b&c"})

    assert asked[0].startswith("POST / ")
    assert asked[0].endswith("\r\n\r\ncode=a+b%26c")


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", GOOD[:-2]])
def test_a_dripping_answer_ends_at_the_deadline(impatient, start):
    """Each byte arrives within the time-out of a single read, in the head or in the body."""
    drips = [b"X"] * 600 if start != GOOD[:-2] else [b" "] * 600
    long = start.replace(b"Content-Length: 2", b"Content-Length: 600")
    with server(long, *drips, every=0.1) as (url, _), pytest.raises(ProviderUnavailableError):
        fetch.get(url)


def test_a_silent_server_ends_at_the_deadline(impatient):
    with server(b"", every=60) as (url, _), pytest.raises(ProviderUnavailableError):
        fetch.get(url)


def test_a_closed_port_is_an_unavailable_provider():
    with pytest.raises(ProviderUnavailableError):
        fetch.get("http://127.0.0.1:9/")


def test_a_provider_with_an_untrusted_certificate_gets_no_request(tmp_path):
    """The handshake fails before the code or the client secret is sent."""
    certificate = certificates.make(tmp_path / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("privkey.pem"))
    received = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answering = threading.Thread(target=_answer, args=(listening, context, received))
        answering.start()
        url = f"https://localhost:{listening.getsockname()[1]}/token"
        with pytest.raises(ProviderUnavailableError):
            fetch.post(url, {"code": "a code"})
        answering.join()

    assert received == ["refused"]


def _answer(listening, context, received):
    """Accept one connection, and note the request, or that the client refused the certificate."""
    raw, _ = listening.accept()
    with raw:
        try:
            received.append(context.wrap_socket(raw, server_side=True).recv(4096))
        except (ssl.SSLError, ConnectionError):
            received.append("refused")


def test_a_body_that_ends_early_is_refused():
    with (
        server(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}") as (url, _),
        pytest.raises(ProviderUnavailableError),
    ):
        fetch.get(url)


def test_an_endless_body_is_refused():
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    with (
        server(head, *[b" " * 60_000] * 500) as (url, _),
        pytest.raises(ProviderError, match="too large"),
    ):
        fetch.get(url)


def test_a_compressed_body_is_not_decompressed():
    """A kilobyte of gzip may hold a megabyte."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n"
    with server(head + b"\x1f\x8b\x08") as (url, _), pytest.raises(ProviderError, match="JSON"):
        fetch.get(url)


def test_a_redirect_is_not_followed():
    """A redirect would send the token or the secret to another address."""
    with server(GOOD) as (elsewhere, asked):
        head = f"HTTP/1.1 307 Moved\r\nLocation: {elsewhere}\r\nContent-Length: 2\r\n\r\n{{}}"
        with server(head.encode()) as (url, _), pytest.raises(ProviderError, match="answered 307"):
            fetch.post(url, {"client_secret": "s"})

    assert asked == []


def test_a_netrc_changes_no_credential(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))

    with server(GOOD) as (url, asked):
        fetch.get(url, bearer="abc")

    assert "Authorization: Bearer abc\r\n" in asked[0]
    assert "Basic" not in asked[0]


@pytest.mark.parametrize("token", ["abc", "a-b._~+/c==", "a" * 4096])
def test_a_valid_bearer_token_is_accepted(token):
    assert fetch.is_bearer(token)


@pytest.mark.parametrize("token", ["", "=", "a b", "a\n", "a\r\nX: 1", "가", "a" * 4097, "a=b"])
def test_an_invalid_bearer_token_is_refused(token):
    assert not fetch.is_bearer(token)
