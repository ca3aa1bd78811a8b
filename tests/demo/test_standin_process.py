import signal
import socket

import pytest
import requests


@pytest.mark.parametrize(
    "path", ["/token", "/revoke", "/consent", "/o/oauth2/v2/auth", "/v1/userinfo", "/nowhere"]
)
@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"%ff=%00", b"a&" * 100, b"{}", b"x" * 300_000])
@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]
)
def test_malformed_input_is_a_client_error(google, path, body, content_type):
    for method in ("POST", "PUT"):
        response = requests.request(
            method, google.url + path, data=body, headers={"Content-Type": content_type}, timeout=20
        )
        assert 400 <= response.status_code < 500


@pytest.mark.parametrize(
    "head",
    [
        b"GET /o/oauth2/v2/auth?client_id=%ff&state=%C0%80 HTTP/1.1",
        b"GET /o/oauth2/v2/auth?client_id=\xff\xfe HTTP/1.1",
        b"GET /%ff%00 HTTP/1.1",
        b"POST /token HTTP/1.1\r\nContent-Length: many",
        b"POST /token HTTP/1.1\r\nContent-Length: -1",
        b"POST /token HTTP/1.1\r\nTransfer-Encoding: chunked",
        b"POST /token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: Basic \xff%%",
        b"GET /v1/userinfo HTTP/1.1\r\nAuthorization: Bearer \xff\x00",
    ],
)
def test_malformed_head_is_a_client_error(google, head):
    with socket.create_connection(
        ("127.0.0.1", int(google.url.rpartition(":")[2])), timeout=20
    ) as connection:
        connection.sendall(head + b"\r\nHost: localhost\r\n\r\n")
        status = int(connection.makefile("rb").readline().split()[1])

    assert 400 <= status < 500


@pytest.mark.parametrize("demo", ["", "0", "true"])
def test_refuses_to_start_outside_a_demo(launch, client_options, demo):
    process, line = launch("demo.google", *client_options, demo=demo)

    assert (line, process.wait(timeout=20)) == ("", 2)
    assert "set DEMO=1" in process.stderr.read()


def test_a_port_in_use_is_reported_in_one_line(launch, google, client_options):
    process, line = launch("demo.google", "--port", google.url.rpartition(":")[2], *client_options)

    assert (line, process.wait(timeout=20)) == ("", 1)
    assert len(process.stderr.read().splitlines()) == 1


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_stops_at_once_during_a_request(stop_status, client_options, by):
    assert stop_status("demo.google", *client_options, by=by) == 0
