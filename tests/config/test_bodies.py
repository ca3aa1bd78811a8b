"""Bodies without Content-Length are read as any other body, within the limit."""

import http.client
import io
import json

import pytest

from config import bodies
from tests.kit.factories import PASSWORD
from tests.kit.problems import problem
from tests.kit.rings import starts_processes
from tests.kit.servers import CREATE_USER, Cluster
from tests.kit.two_ways import Call, by_django

EMAIL = "chunked@example.com"


class Dripping(io.BytesIO):
    """A stream that returns less than what was asked for, as a socket does."""

    def read(self, size=-1):
        return super().read(min(size, 3) if size >= 0 else 3)


def environ(body, **more):
    return {
        "REQUEST_METHOD": "POST",
        "wsgi.input": Dripping(body),
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
    } | more


@pytest.mark.parametrize("size", [0, 1, 9, 10])
def test_a_chunked_body_gets_its_length(size):
    request = environ(b"x" * size)

    bodies.measure(request, max_bytes=10)

    assert request["CONTENT_LENGTH"] == str(size)
    assert request["wsgi.input"].read() == b"x" * size
    assert "HTTP_TRANSFER_ENCODING" not in request


def test_a_body_over_the_limit_is_read_no_further():
    stream = Dripping(b"x" * 1000)
    request = environ(b"", **{"wsgi.input": stream})

    bodies.measure(request, max_bytes=10)

    assert request["CONTENT_LENGTH"] == "11"
    assert stream.tell() == 11


@pytest.mark.parametrize(
    "more",
    [{"CONTENT_LENGTH": "3"}, {"REQUEST_METHOD": "GET"}, {"wsgi.input_terminated": False}],
    ids=str,
)
def test_other_bodies_are_left_alone(more):
    request = environ(b"abc", **more)
    before = dict(request)

    bodies.measure(request, max_bytes=10)

    assert request == before


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("application/json; charset=zlib", "application/json"),
        ("application/json; version=1; charset=zlib; a=b", "application/json; version=1; a=b"),
        (f"multipart/form-data; boundary={'b' * 70}", f"multipart/form-data; boundary={'b' * 70}"),
        ("application/json; charset =zlib", "application/json"),
        ("application/json; charset*=utf-8''zlib; a=b", "application/json; a=b"),
        ("application/json; charset*0=zl; charset*1*=ib", "application/json"),
        ("application/json; x*=unknown''y", "application/json"),
        ("application/json; x*=a; x*0=b", "application/json"),
        ('multipart/form-data; boundary="a*b"', 'multipart/form-data; boundary="a*b"'),
        ("application/json;" + "a;" * 30_000, "application/json"),
        ("a" * 60_000, "a" * bodies.MAX_TYPE),
        (";" * 60_000, ""),
    ],
    ids=lambda text: text[:35],
)
def test_a_type_loses_its_charset_and_a_long_one_all_parameters(sent, read):
    """Python's parser looks at the whole rest for each parameter, and raises errors for some with `*`."""
    request = {"CONTENT_TYPE": sent}

    bodies.read_as_utf8(request)

    assert request["CONTENT_TYPE"] == read


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/token/", "/accounts/login/", "/livez"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "parameters",
    [
        "charset =zlib",
        "charset*=utf-8''zlib",
        "charset*=utf-8''%00",
        "x*=unknown''y",
        "x*=a; x*0=b",
    ],
)
def test_no_parameter_of_a_type_causes_a_500(path, method, parameters):
    """Django reads the type while it makes the request, so no middleware could answer."""
    kind = f"application/json; {parameters}"
    call = Call(method, path, b"{}", more={"CONTENT_TYPE": kind, "QUERY_STRING": "a=b"})

    answer = by_django(call.environ())

    assert int(answer.status.split()[0]) < 500


@pytest.mark.parametrize("path", ["/api/token/", "/accounts/login/"])
def test_a_body_that_cannot_be_read_is_411(client, path):
    headers = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}

    response = client.post(path, b"{}", content_type="application/json", **headers)

    assert response.status_code == 411
    if path.startswith("/api/"):
        assert response.json() == problem(411, "length_required")


@pytest.fixture(scope="module")
@starts_processes
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("chunked")
    cluster = Cluster(directory, f"sqlite:///{directory / 'db.sqlite3'}", count=1)
    try:
        cluster.start()
        cluster.manage("shell", "-c", CREATE_USER.format(emails=[EMAIL], password=PASSWORD))
        yield cluster
    finally:
        cluster.stop()


def send_chunked(site, path, body, content_type="application/json"):
    connection = http.client.HTTPConnection("127.0.0.1", site.first_port, timeout=30)
    try:
        pieces = (body[at : at + 7000] for at in range(0, len(body), 7000))
        headers = {"Content-Type": content_type}
        connection.request("POST", path, pieces, headers, encode_chunked=True)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_a_chunked_sign_in_at_the_real_server_works(site):
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()

    status, text = send_chunked(site, "/api/token/", body)

    assert status == 200, text


def test_a_chunked_body_that_is_too_large_is_413(site):
    status, text = send_chunked(site, "/api/token/", b"x" * (64 * 1024 + 1))

    assert status == 413
    assert json.loads(text) == problem(413, "body_too_large")
