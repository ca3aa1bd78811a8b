"""Test the requests of a cell, and the check of its first answer."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from bench import loads
from bench.loads import Load, WrongAnswerError

TOKENS = "user0@example.com\tpass word"


class Echo(BaseHTTPRequestHandler):
    """Answer 200 with the method, path, headers and body of the request."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        line = f"{self.command} {self.path} {self.headers['X-Forwarded-For']} {body}"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(line.encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def echo():
    server = HTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_load_tells_wrk_all_of_its_request(tmp_path):
    load = loads.post("/login", "logins", '{"name":"{1}","password":"{2}"}', is_once=True)

    assert load.environment(tmp_path / "logins") == {
        "BENCH_TOKENS": str(tmp_path / "logins"),
        "BENCH_METHOD": "POST",
        "BENCH_HEADERS": "Content-Type: application/json",
        "BENCH_BODY": '{"name":"{1}","password":"{2}"}',
        "BENCH_ONCE": "1",
        "BENCH_STATUS": "200",
    }


@pytest.mark.parametrize(
    ("load", "header"),
    [
        (loads.bearer("/me"), ("Authorization", "Bearer {1}")),
        (loads.cookie("/me", "sessionid"), ("Cookie", "sessionid={1}")),
        (loads.refresh("/refresh/"), ("Content-Type", "application/json")),
        (loads.post("/login", "logins", "name={1}"), loads.FORM),
    ],
)
def test_each_kind_of_load_has_its_header(load, header):
    assert load.headers == (header,)


def test_the_first_request_carries_the_columns_of_its_line(echo):
    load = Load(
        "/login",
        "logins",
        method="POST",
        headers=(("X-Forwarded-For", "{ip}"),),
        body='{"name":"{1}","password":"{2}"}',
        has=('POST /login 10.255.0.1 {"name":"user0@example.com","password":"pass word"}',),
    )

    load.check(echo, TOKENS)


def test_the_first_answer_with_another_text_is_wrong(echo):
    load = loads.post("/login", "logins", "{}", has=("access",))

    with pytest.raises(WrongAnswerError) as caught:
        load.check(echo, TOKENS)

    assert str(caught.value) == (
        "POST /login answered 200, not 200 without access: 'POST /login None {}'"
    )


@pytest.mark.parametrize(("status", "is_wrong"), [(401, False), (200, True), (500, True)])
def test_an_answer_must_have_the_status_of_its_cell(status, is_wrong):
    load = loads.bearer("/session", status=401)

    if is_wrong:
        with pytest.raises(
            WrongAnswerError, match=f"GET /session answered {status}, not 401: 'no'"
        ):
            load.compare(status, "no")
    else:
        load.compare(status, "no")
