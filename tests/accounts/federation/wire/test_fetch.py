"""Calls to providers: bounded in time, size and number, and sent nowhere but where they belong."""

import pytest

from accounts.federation.errors import ProviderError, ProviderUnavailableError
from accounts.federation.wire import fetch
from tests.kit.pieces import server

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 0.5)


def test_a_good_answer_is_its_object():
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
def test_bytes_that_drip_are_not_waited_for(impatient, start):
    """Each one comes well inside the time that a single read may take: wherever they drip."""
    drips = [b"X"] * 600 if start != GOOD[:-2] else [b" "] * 600
    long = start.replace(b"Content-Length: 2", b"Content-Length: 600")
    with server(long, *drips, every=0.1) as (url, _), pytest.raises(ProviderUnavailableError):
        fetch.get(url)


def test_silence_is_not_waited_for(impatient):
    with server(b"", every=60) as (url, _), pytest.raises(ProviderUnavailableError):
        fetch.get(url)


def test_a_closed_port_is_an_unavailable_provider():
    with pytest.raises(ProviderUnavailableError):
        fetch.get("http://127.0.0.1:9/")


def test_a_body_that_ends_early_is_no_answer():
    with (
        server(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}") as (url, _),
        pytest.raises(ProviderUnavailableError),
    ):
        fetch.get(url)


def test_a_body_of_no_end_is_cut_off():
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    with (
        server(head, *[b" " * 60_000] * 500) as (url, _),
        pytest.raises(ProviderError, match="too large"),
    ):
        fetch.get(url)


def test_a_packed_body_is_not_unpacked():
    """A kilobyte of gzip may hold a megabyte."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n"
    with server(head + b"\x1f\x8b\x08") as (url, _), pytest.raises(ProviderError, match="JSON"):
        fetch.get(url)


def test_a_redirect_is_not_followed():
    """It would carry the token, or the secret, to wherever it leads."""
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
def test_these_are_bearer_tokens(token):
    assert fetch.is_bearer(token)


@pytest.mark.parametrize("token", ["", "=", "a b", "a\n", "a\r\nX: 1", "가", "a" * 4097, "a=b"])
def test_these_are_not(token):
    assert not fetch.is_bearer(token)
