"""Send odd requests as bytes to a real server: the gate answers each of them as Django does.

The other tests make the environ by hand. Here Granian makes it, from what a stranger writes on the wire.
A request with `TO_DJANGO` passes by the gate.
"""

import re
import socket

import pytest

from tests.kit.factories import PASSWORD
from tests.kit.rings import starts_processes
from tests.kit.servers import CREATE_USER, Cluster

# Run all on one worker, because the server that they share starts slowly.
pytestmark = pytest.mark.xdist_group("over granian")
EMAIL = "wire@example.com"
TO_DJANGO = b"Accept-Language: en" + b"," * 200 + b"\r\n"
ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
READING = [b"/api/me/", b"/api/verify", b"/api/verify/services"]


class Wire:
    """A server, and the credentials of somebody who is signed in there."""

    def __init__(self, cluster):
        [self.port] = cluster.ports
        cluster.manage("shell", "-c", CREATE_USER.format(emails=[EMAIL], password=PASSWORD))
        credentials = {"email": EMAIL, "password": PASSWORD}
        _, pair = cluster.call(0, "POST", "/api/token/", credentials)
        self.access = pair["access"].encode()
        self.session = cluster.sign_in_by_page(0, EMAIL, PASSWORD).encode()

    def send(self, text: bytes) -> tuple[bytes, list[bytes], bytes]:
        """Return the status line, the headers, sorted, and the body, without what differs each time."""
        text = text.replace(b"{access}", self.access).replace(b"{session}", self.session)
        text = text.replace(b"{host}", b"localhost:%d" % self.port)
        with socket.create_connection(("127.0.0.1", self.port), 20) as connection:
            connection.sendall(text)
            answer = b""
            while part := connection.recv(65_536):
                answer += part
        head, _, body = ID.sub(b"<id>", answer).partition(b"\r\n\r\n")
        status, *headers = head.split(b"\r\n")
        plain = sorted(each.lower() for each in headers if not each.lower().startswith(b"date"))
        return status, plain, body

    def check(self, line: bytes, headers: bytes, body: bytes, *, status: int) -> None:
        """Fail unless gate and Django give the same answer, with this status."""
        ours = b"Host: {host}\r\nConnection: close\r\n" + headers
        by_site = self.send(line + b"\r\n" + ours + b"\r\n" + body)
        by_django = self.send(line + b"\r\n" + TO_DJANGO + ours + b"\r\n" + body)

        assert by_site == by_django
        assert by_site[0].split()[1] == b"%d" % status


@pytest.fixture(scope="module")
@starts_processes
def wire(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wire")
    cluster = Cluster(directory, f"sqlite:///{directory / 'db.sqlite3'}", 1)
    try:
        cluster.start()
        yield Wire(cluster)
    finally:
        cluster.stop()


BEARER = b"Authorization: Bearer {access}\r\n"
COOKIE = b"Cookie: session={session}\r\n"
GOOD = {
    "a token": BEARER,
    "a token in another case": b"AUTHORIZATION: bEaReR {access}\r\n",
    "spaces after a token": b"Authorization: Bearer {access}   \r\n",
    "a cookie": COOKIE,
    "another header of cookies before": b"Cookie: a=b\r\n" + COOKIE,
    "another header of cookies after": COOKIE + b"Cookie: a=b\r\n",
    "a good cookie after a bad one": b"Cookie: session=x\r\n" + COOKIE,
    "a good cookie after a bad one in one header": b"Cookie: session=x; session={session}\r\n",
    "a huge cookie": b"Cookie: a=" + b"x" * 50_000 + b"; session={session}\r\n",
    "many headers": BEARER + b"".join(b"X-%d: y\r\n" % number for number in range(80)),
    "a length of nothing": BEARER + b"Content-Length: 0\r\n",
    "a long length of nothing": BEARER + b"Content-Length: 000\r\n",
    "two equal lengths": BEARER + b"Content-Length: 0\r\nContent-Length: 0\r\n",
    "an expectation": BEARER + b"Expect: 100-continue\r\n",
    "an upgrade": BEARER + b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
    "conditions": BEARER + b"If-None-Match: *\r\nRange: bytes=0-1\r\n",
    "words of proxies": BEARER
    + b"X-Forwarded-Proto: http\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-For: 192.0.2.1\r\n"
    + b"Forwarded: host=evil.example\r\nX-Original-URL: /admin/\r\nX-Rewrite-URL: /admin/\r\n",
    "names of the environ": BEARER
    + b"Script-Name: /x\r\nPath-Info: /y\r\nRemote-Addr: 192.0.2.1\r\n",
    "another method": BEARER + b"X-HTTP-Method-Override: DELETE\r\n",
    "two origins": BEARER + b"Origin: https://evil.example\r\nOrigin: http://{host}\r\n",
    "a type that Python's parser can't read": BEARER + b"Content-Type: a/b; x*=unknown''y\r\n",
    "two ids": BEARER + b"X-Request-ID: aaaaaaaa\r\nX-Request-ID: bbbbbbbb\r\n",
}
BAD = {
    "two tokens": BEARER + b"Authorization: Bearer x\r\n",
    "two tokens, the good one last": b"Authorization: Bearer x\r\n" + BEARER,
    "the same token twice": BEARER * 2,
    "a tab": b"Authorization: Bearer\t{access}\r\n",
    "Latin-1 after a token": b"Authorization: Bearer {access}\xe9\r\n",
    "a bad cookie after a good one": COOKIE + b"Cookie: session=x\r\n",
    "a cookie that only looks like ours": b"Cookie: \xe2\x80\x80session={session}\r\n",
    "a token for a proxy": b"Proxy-Authorization: Bearer {access}\r\n",
    "a header that only looks like it": b"Authorization_X: Bearer {access}\r\n",
    "a session in a header": b"X-Session-Token: {session}\r\n",
}


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize("headers", GOOD.values(), ids=GOOD)
def test_odd_headers_of_somebody(wire, path, headers):
    status = 200 if path == b"/api/me/" else 204

    wire.check(b"GET " + path + b" HTTP/1.1", headers, b"", status=status)


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize("headers", BAD.values(), ids=BAD)
def test_odd_headers_of_nobody(wire, path, headers):
    wire.check(b"GET " + path + b" HTTP/1.1", headers, b"", status=401)


@pytest.mark.parametrize("other", ["ad=한글", "이름=x", "a=1; b=é; c=2"])
def test_a_cookie_that_granian_cannot_read_leads_to_a_page_that_says_so(wire, other):
    """Without it the visitor seems to be signed out, and no sign-in helps."""
    ours = b"Host: {host}\r\nConnection: close\r\nUser-Agent: Mozilla/5.0\r\n"
    ours += b"Cookie: session={session}; "
    head = b"GET /accounts/ HTTP/1.1\r\n" + ours + other.encode() + b"\r\n\r\n"

    status, _headers, page = wire.send(head)

    assert status == b"HTTP/1.1 400 Bad Request"
    assert b"Your browser sent a cookie that this site can&#x27;t read" in page


LINES = {
    "HTTP/1.0": (b"GET /api/me/ HTTP/1.0", 200),
    "a whole address": (b"GET http://{host}/api/me/ HTTP/1.1", 200),
    "a whole address of another": (b"GET http://evil.example/api/me/ HTTP/1.1", 200),
    "escaped letters": (b"GET /%61pi/m%65/ HTTP/1.1", 200),
    "an empty query": (b"GET /api/me/? HTTP/1.1", 200),
    "two slashes": (b"GET //api/me/ HTTP/1.1", 404),
    "a dot": (b"GET /./api/me/ HTTP/1.1", 404),
    "two dots": (b"GET /x/../api/me/ HTTP/1.1", 404),
    "a semicolon": (b"GET /api/me/;x=1 HTTP/1.1", 404),
    "an escaped end of line": (b"GET /api/me/%0d%0aX:y HTTP/1.1", 404),
    "an escaped NUL": (b"GET /api/me/%00 HTTP/1.1", 404),
    "a wrong escape": (b"GET /api/me/%zz HTTP/1.1", 404),
    "other letters": ("GET /api/me/한 HTTP/1.1".encode(), 404),
    "no last slash": (b"GET /api/me HTTP/1.1", 301),
    "small letters": (b"get /api/me/ HTTP/1.1", 200),
    "HEAD": (b"HEAD /api/me/ HTTP/1.1", 200),
    "OPTIONS": (b"OPTIONS /api/me/ HTTP/1.1", 200),
    "another method": (b"PROPFIND /api/me/ HTTP/1.1", 405),
}


@pytest.mark.parametrize(("line", "status"), LINES.values(), ids=LINES)
def test_an_odd_request_line(wire, line, status):
    wire.check(line, BEARER, b"", status=status)


JSON = b"Content-Type: application/json\r\n"
BODY = b'{"token": "{access}"}'
CHUNKS = b"Transfer-Encoding: chunked\r\n"


@pytest.fixture
def body(wire):
    return BODY.replace(b"{access}", wire.access)


@pytest.mark.parametrize("way", ["a length", "chunks", "HTTP/1.0", "zeros before the length"])
def test_a_body_comes_in_each_way(wire, body, way):
    length = b"Content-Length: %d\r\n" % len(body)
    headers = {"chunks": CHUNKS, "zeros before the length": length.replace(b": ", b": 000")}
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    version = b"HTTP/1.0" if way == "HTTP/1.0" else b"HTTP/1.1"

    wire.check(
        b"POST /api/token/verify/ " + version,
        JSON + headers.get(way, length),
        chunks if way == "chunks" else body,
        status=200,
    )


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda body: body + b"  \n", 200),
        (lambda body: body.replace(b'"token"', b'"\\u0074oken"'), 200),
        (lambda body: body[:-1] + b', "\\u0074oken": "x"}', 400),
        (lambda body: b"\xef\xbb\xbf" + body, 400),
        (lambda body: body.decode().encode("utf-16"), 400),
        (lambda body: body + b"\x00", 400),
        (lambda body: body[:9], 400),
        (lambda body: b"", 400),
    ],
    ids=["spaces", "escaped", "twice", "a mark", "UTF-16", "a NUL", "cut off", "nothing"],
)
def test_an_odd_body(wire, body, change, status):
    body = change(body)
    length = b"Content-Length: %d\r\n" % len(body)

    wire.check(b"POST /api/token/verify/ HTTP/1.1", JSON + length, body, status=status)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (JSON + b"Content-Type: text/plain\r\n", 200),
        (b"Content-Type: text/plain\r\n" + JSON, 415),
        (b"Content-Type:   application/json  \r\n", 200),
        (b"Content-Type: application/json;\r\n", 200),
        (JSON + b"Content-Encoding: gzip\r\n", 200),
        (JSON + b"X-Token-Delivery: cookie\r\nX-Token-Delivery: body\r\n", 200),
        (JSON + COOKIE, 200),
    ],
)
def test_odd_headers_of_a_body(wire, body, headers, status):
    headers += b"Content-Length: %d\r\n" % len(body)

    wire.check(b"POST /api/token/verify/ HTTP/1.1", headers, body, status=status)
