"""Test the shipped nginx configuration in front of the site, started as in the image.

Only addresses and directories are replaced; nginx, TLS, Granian and Redis are real.
"""

import contextlib
import http.client
import json
import os
import re
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import dockerfile
from tests.kit import nginx as shipped
from tests.kit.nginx import CLIENT_IP, Edge, running
from tests.kit.ports import free_ports
from tests.kit.problems import problem
from tests.kit.rings import starts_processes

# All tests run on one worker, because the site that they share starts slowly.
pytestmark = pytest.mark.xdist_group("nginx")
ROOT = dockerfile.ROOT
EMAIL = "somebody@example.com"
PASSWORD = "a long pass phrase"
FORGED_IP = "203.0.113.9"

PREPARE = f"""
import django; django.setup()
from allauth.account.models import EmailAddress
from django.core.management import call_command
from accounts.models import User
call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=[
    "admin", "gis", "drf_spectacular_sidecar", "rest_framework"])
user = User.objects.create_user({EMAIL!r}, {PASSWORD!r})
EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
"""


@pytest.fixture(scope="module")
@starts_processes
def nginx() -> None:
    if shipped.PROGRAM:
        return
    text = "nginx isn't installed (apt-get install nginx)"
    if "nginx" in os.environ.get("TEST_REQUIRE", ""):
        pytest.fail(f"{text}, and TEST_REQUIRE demands its tests.")
    pytest.skip(text)


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("app") / "db.sqlite3"


@pytest.fixture(scope="module")
@starts_processes
def edge(nginx, tmp_path_factory, database) -> Iterator[Edge]:
    app_port = free_ports(2)
    events_port = app_port + 1
    static = database.parent / "static"
    edge = Edge(tmp_path_factory.mktemp("edge") / "nginx", app_port, static, events_port)
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "VAR_DIR": str(database.parent),
        "DATABASE_URL": f"sqlite:///{database}",
        "SITE_URL": edge.origin,
        "ALLOWED_HOSTS": "localhost",
        "TRUSTED_PROXY_COUNT": "1",
        "STATIC_HASHED": "1",
    }
    subprocess.run([sys.executable, "-c", PREPARE], env=env, cwd=ROOT, check=True)
    command = [
        argument.replace("0.0.0.0", "127.0.0.1").replace("8000", str(app_port))  # noqa: S104
        for argument in dockerfile.command()
    ]
    with (
        running([sys.executable, *command[1:]], app_port, env=env, cwd=ROOT),
        running(
            [sys.executable, "manage.py", "events", f"--port={events_port}"],
            events_port,
            env=env,
            cwd=ROOT,
        ),
        running(edge.command(), edge.http_port),
    ):
        yield edge


def cookies(response: http.client.HTTPResponse) -> dict[str, str]:
    """Return the whole Set-Cookie header of each cookie by its name."""
    headers = response.headers.get_all("Set-Cookie") or []
    return {header.strip().split("=", 1)[0]: header.strip() for header in headers}


def test_plain_http_is_redirected_to_https(edge):
    connection = http.client.HTTPConnection("localhost", edge.http_port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", "/accounts/login/?next=/", headers={"Host": "evil.example"})
        response = connection.getresponse()
        response.read()

    assert response.status == 308
    assert response.headers["Location"] == "https://auth.example.com/accounts/login/?next=/"


@pytest.mark.parametrize("path", ["/api/token/", "/_allauth/app/v1/auth/login"])
def test_a_call_of_the_api_by_plain_http_is_refused(edge, path):
    connection = http.client.HTTPConnection("localhost", edge.http_port, timeout=20)
    with contextlib.closing(connection):
        connection.request("POST", path, b"{}", {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()

    assert response.status == 403
    assert "Location" not in response.headers
    assert response.headers["Content-Type"].startswith("application/problem+json")
    assert json.loads(text) == problem(403, "https_required")


OWN = {
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "Content-Security-Policy",
    "X-Frame-Options",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/.env", b"", 404),
        ("TRACE", "/accounts/login/", b"", 405),
        ("POST", "/accounts/login/", b"x" * 70_000, 413),
        ("POST", "/api/token/", b"x" * 70_000, 413),
        ("GET", "/" + "x" * 9_000, b"", 414),
        ("GET", "/livez", b"", 200),
        ("GET", "/readyz", b"", 200),
        ("GET", "/api/me/", b"", 401),
        ("GET", "/accounts/login/", b"", 200),
        ("GET", "/static/accounts/style.css", b"", 200),
    ],
)
def test_every_answer_carries_each_header_once(edge, method, path, body, status):
    response, _ = edge.ask(method, path, body)

    assert response.status == status
    assert {name: len(response.headers.get_all(name, [])) for name in OWN} == dict.fromkeys(OWN, 1)


def test_login_page_is_served_as_https(edge):
    response, page = edge.ask("GET", "/accounts/login/")

    assert response.status == 200
    assert b'name="csrfmiddlewaretoken"' in page
    assert response.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert response.headers["Server"] == "nginx"
    assert re.search(r"; Secure\b", cookies(response)["__Host-csrf"])


def open_session(edge, **headers):
    """Sign in by the page, and return its answer."""
    page, text = edge.ask("GET", "/accounts/login/")
    csrf = cookies(page)["__Host-csrf"].split(";")[0]
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text.decode())[1]
    response, _ = edge.ask(
        "POST",
        "/accounts/login/",
        f"csrfmiddlewaretoken={token}&login={EMAIL}&password={PASSWORD}".encode(),
        Content_Type="application/x-www-form-urlencoded",
        Cookie=csrf,
        Origin=edge.origin,
        **headers,
    )
    assert response.status == 302
    return response


@pytest.mark.parametrize(
    "others",
    ["{own}; ad=한글", "ad=\xe9; {own}", "a=1; 이름=한글; {own}; b=\xff; c=2", "{own}; a=b"],
)
def test_a_cookie_that_the_server_cannot_read_signs_nobody_out(edge, others):
    """A script of a sister site can set such cookies for the whole domain."""
    session = cookies(open_session(edge))["__Host-session"].split(";")[0]
    sent = others.format(own=session).encode().decode("latin-1")

    page, text = edge.ask("GET", "/accounts/", Cookie=sent)

    assert page.status == 200
    assert EMAIL in text.decode()


def test_nginx_knows_each_cookie_of_the_site():
    named = (ROOT / "config/settings/security.py").read_text()
    known = (ROOT / "deploy/nginx/snippets/cookies.conf").read_text()
    ours = re.findall(r'COOKIE_NAME = f"{COOKIE_PREFIX}([a-z-]+)"', named)

    assert len(ours) > 5
    assert sorted(re.findall(r"__Host-([a-z-]+)=", known)) == sorted(ours)
    all_of_them = "".join(f"$own_{name.replace('-', '_')}" for name in ours)
    [passed_on] = re.findall(r'"(\$own_\S+)";', known)
    assert sorted(passed_on.split("$")) == sorted(all_of_them.split("$"))


def test_sign_in_records_the_address_that_nginx_saw(edge, database):
    response = open_session(
        edge, X_Forwarded_For=FORGED_IP, X_Real_IP=FORGED_IP, Forwarded=f"for={FORGED_IP}"
    )

    session = cookies(response)["__Host-session"]
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(session.split("; "))
    with contextlib.closing(sqlite3.connect(database)) as connection:
        seen = connection.execute("SELECT DISTINCT ip FROM accounts_auditevent").fetchall()
        opened = connection.execute("SELECT DISTINCT ip FROM accounts_authsession").fetchall()
    assert seen == opened == [(CLIENT_IP,)]


def test_names_with_underscores_end_at_nginx(edge, database):
    """The WSGI server can't tell them from names with hyphens, so the forged value could win."""
    open_session(edge, X__Forwarded__For=FORGED_IP)

    with contextlib.closing(sqlite3.connect(database)) as connection:
        seen = connection.execute("SELECT DISTINCT ip FROM accounts_authsession").fetchall()
    assert seen == [(CLIENT_IP,)]


def test_nginx_passes_each_event_on_at_once(edge):
    session = cookies(open_session(edge))["__Host-session"].split(";")[0]
    context = ssl.create_default_context(cafile=edge.directory / "fullchain.pem")
    connection = http.client.HTTPSConnection(
        "localhost", edge.tls_port, context=context, timeout=20
    )
    with contextlib.closing(connection):
        connection.request("GET", "/events", headers={"Cookie": session})
        stream = connection.getresponse()
        assert stream.status == 200
        assert stream.readline().startswith(b"retry:")
        open_session(edge)
        while (line := stream.readline()) != b"event: session.opened\n":
            assert line


def test_x_forwarded_proto_of_a_client_is_ignored(edge):
    response, _ = edge.ask("GET", "/accounts/login/", X_Forwarded_Proto="http")

    assert "Strict-Transport-Security" in response.headers


def test_hashed_static_file_comes_from_nginx_and_is_immutable(edge):
    _, page = edge.ask("GET", "/accounts/login/")
    path = re.search(r'href="(/static/accounts/style\.[0-9a-f]{12}\.css)"', page.decode())[1]

    response, css = edge.ask("GET", path, Accept_Encoding="identity")

    assert response.status == 200
    assert response.headers["Content-Type"] == "text/css; charset=utf-8"
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "X-Request-ID" not in response.headers, "the site answered"
    assert css


def test_static_file_is_sent_as_it_was_compressed_at_build_time(edge):
    compressed = next((edge.static / "accounts").glob("style.*.css.gz"))

    response, body = edge.ask("GET", f"/static/accounts/{compressed.stem}", Accept_Encoding="gzip")

    assert response.headers["Content-Encoding"] == "gzip"
    assert body == compressed.read_bytes()


def test_unhashed_static_file_is_cached_for_five_minutes(edge):
    response, _ = edge.ask("GET", "/static/accounts/style.css")

    assert response.headers["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize("path", ["/.git/config", "/.env", "/static/.env", "/accounts/.htaccess"])
def test_dotfiles_are_not_served(edge, path):
    response, _ = edge.ask("GET", path)

    assert response.status == 404


@pytest.mark.parametrize(
    "name",
    ["dump.sql", "db.sqlite3", "settings.py", "style.css.bak", "key.pem", "README", "x.css~"],
)
def test_only_files_of_pages_are_served_from_static(edge, name):
    (edge.static / name).write_text("secret")

    response, body = edge.ask("GET", f"/static/{name}")

    assert response.status == 404
    assert b"secret" not in body


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize(
    ("version", "is_accepted"),
    [("TLSv1", False), ("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)],
)
def test_only_tls_1_2_and_1_3_are_spoken(edge, version, is_accepted):
    context = ssl.create_default_context(cafile=edge.directory / "fullchain.pem")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]

    assert (handshake(edge, context) is not None) is is_accepted


@pytest.mark.parametrize(
    "ciphers", ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA", "DHE-RSA-AES128-SHA"]
)
def test_a_suite_without_forward_secrecy_or_aead_is_refused(edge, ciphers):
    context = ssl.create_default_context(cafile=edge.directory / "fullchain.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")

    assert handshake(edge, context) is None


def handshake(edge, context):
    """Return the name of the suite that this context and nginx agree on, None if there is none."""
    with socket.create_connection(("127.0.0.1", edge.tls_port)) as raw:
        try:
            with context.wrap_socket(raw, server_hostname="localhost") as spoken:
                return spoken.cipher()[0]
        except (ssl.SSLError, ConnectionError):
            return None


@pytest.mark.parametrize(
    "path", ["/metrics", "/metrics/", "/metrics?a=1", "//metrics", "/%6detrics"]
)
def test_nginx_refuses_the_metrics_and_asks_no_server(edge, path):
    response, _ = edge.ask("GET", path)

    assert response.status == 404
    assert "X-Request-ID" not in response.headers  # the site's answers have one


@pytest.mark.parametrize("path", ["/static/", "/static/accounts/"])
def test_folders_are_not_listed(edge, path):
    response, text = edge.ask("GET", path)

    assert response.status in {403, 404}
    assert b"style.css" not in text


def test_well_known_is_served(edge):
    response, _ = edge.ask("GET", "/.well-known/change-password")

    assert response.status == 302


def test_big_body_is_refused_with_problem_details(edge):
    response, text = edge.ask(
        "POST",
        "/api/token/",
        b"x" * (64 * 1024 + 1),
        Content_Type="application/json",
        X_Request_ID="the-callers-own-id",
    )

    assert response.status == 413
    assert response.headers["Content-Type"].startswith("application/problem+json")
    assert json.loads(text) == {
        "type": "about:blank",
        "title": "Too large",
        "status": 413,
        "detail": "The request is larger than the site accepts. Send less.",
        "code": "body_too_large",
        "request_id": "the-callers-own-id",
    }


def test_valid_request_id_reaches_the_site_and_returns(edge):
    response, _ = edge.ask("GET", "/api/nothing/", X_Request_ID="the-callers-own-id")

    assert response.headers["X-Request-ID"] == "the-callers-own-id"


def test_invalid_request_id_is_replaced(edge):
    response, _ = edge.ask("GET", "/livez", X_Request_ID='"forged": true')

    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["X-Request-ID"])


def test_health_is_visible_through_nginx(edge):
    _, live = edge.ask("GET", "/livez")
    ready, text = edge.ask("GET", "/readyz")

    assert json.loads(live) == {"status": "ok"}
    assert ready.status == 200, text


def test_access_log_holds_no_query_and_no_key(edge):
    edge.ask("GET", "/accounts/google/login/callback/?code=secret-code&state=secret-state")
    edge.ask("GET", "/accounts/password/reset/key/1-secret-key/")
    edge.ask("GET", "/accounts/not-me/secret-token/")
    edge.ask("GET", "/events?ticket=secret-ticket")

    lines = edge.log_lines(
        {
            "/accounts/google/login/callback/",
            "/accounts/password/reset/key/…",
            "/accounts/not-me/…",
            "/events",
        }
    )

    assert "secret" not in (edge.directory / "access.log").read_text()
    assert {line["ip"] for line in lines} <= {CLIENT_IP, "127.0.0.1"}


@contextlib.contextmanager
def trickling(clients: list[ssl.SSLSocket]) -> Iterator[None]:
    """Send a byte for each client now and then, so that no request times out and none ends."""
    over = threading.Event()

    def send() -> None:
        while not over.wait(0.5):
            for client in clients:
                client.sendall(b" ")

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_slow_clients_hold_no_thread_of_the_site(edge):
    threads = int(next(a for a in dockerfile.command() if "blocking-threads" in a).split("=")[1])
    context = ssl.create_default_context(cafile=edge.directory / "fullchain.pem")
    head = b"POST /api/slow/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
    clients: list[ssl.SSLSocket] = []
    with contextlib.ExitStack() as stack:
        for _ in range(3 * threads):
            raw = socket.create_connection(("localhost", edge.tls_port), 20)
            slow = stack.enter_context(context.wrap_socket(raw, server_hostname="localhost"))
            slow.sendall(head)
            clients.append(slow)
        stack.enter_context(trickling(clients))

        response, _ = edge.ask("GET", "/accounts/login/")

        assert response.status == 200
    lines = edge.log_lines({"/api/slow/"})
    assert {line["upstream"] for line in lines if line["path"] == "/api/slow/"} == {""}


def test_api_call_to_a_site_that_is_down_returns_a_clean_503(nginx, tmp_path):
    edge = Edge(tmp_path / "nginx", free_ports(), tmp_path / "static")
    with running(edge.command(), edge.http_port):
        response, text = edge.ask("GET", "/api/me/")

    assert response.status == 503
    assert response.headers["Retry-After"] == "3"
    assert json.loads(text)["code"] == "unavailable"


def test_error_log_of_a_site_that_is_down_holds_no_secret(nginx, tmp_path):
    edge = Edge(tmp_path / "nginx", free_ports(), tmp_path / "static")
    with (
        (tmp_path / "errors").open("w") as errors,
        running(edge.command(), edge.http_port, stderr=errors),
    ):
        edge.ask("GET", "/accounts/google/login/callback/?code=SECRET&state=SECRET")
        edge.ask("GET", "/accounts/password/reset/key/1a-SECRET/")

    assert "SECRET" not in (tmp_path / "errors").read_text()


def test_page_of_a_site_that_is_down_returns_a_clean_503(nginx, tmp_path):
    edge = Edge(tmp_path / "nginx", free_ports(), tmp_path / "static")
    with running(edge.command(), edge.http_port):
        response, text = edge.ask("GET", "/accounts/")

    assert response.status == 503
    assert response.headers["Retry-After"] == "3"
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "로그아웃되지 않았습니다" in text.decode()


def test_the_upstream_offers_three_methods_beside_round_robin():
    assert shipped.METHODS == ["least_conn;", "random two least_conn;", "ip_hash;"]


@pytest.mark.parametrize("method", [*shipped.METHODS, shipped.WEIGHTED])
def test_nginx_accepts_every_shipped_way_to_balance(nginx, tmp_path, method):
    ports = [free_ports(), free_ports()]
    shipped.prepare(tmp_path / "nginx", ports, static=tmp_path / "static", method=method)

    done = subprocess.run(
        [*shipped.command(tmp_path / "nginx"), "-t"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    upstream = tmp_path / "nginx" / "conf" / "snippets" / "upstream.conf"
    lines = [line.strip() for line in upstream.read_text().splitlines()]
    assert method.replace("web2:8000", f"127.0.0.2:{ports[0]}") in lines


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
AMBIGUOUS = {
    "length and chunks": (b"Content-Length: 4\r\n" + CHUNKED, b"0\r\n\r\n"),
    "two lengths": (b"Content-Length: 0\r\nContent-Length: 5\r\n", b""),
    "a list of lengths": (b"Content-Length: 0, 5\r\n", b""),
    "a signed length": (b"Content-Length: +0\r\n", b""),
    "another coding": (b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
    "an unknown coding": (b"Transfer-Encoding: xchunked\r\n", b""),
    "chunks twice": (CHUNKED + CHUNKED, b"0\r\n\r\n"),
    "a space before the colon": (b"Transfer-Encoding : chunked\r\nContent-Length: 0\r\n", b""),
    "a folded header": (b"X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", b""),
    "a huge chunk": (CHUNKED, b"ffffffffffffffffff\r\n"),
    "a chunk that is no number": (CHUNKED, b"0x0\r\n\r\n"),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_a_body_of_two_readings_hides_no_second_request(edge, case):
    """nginx refuses it and closes, so that Granian never reads on at another byte (ASVS 4.2.1)."""
    headers, body = AMBIGUOUS[case]
    context = ssl.create_default_context(cafile=edge.directory / "fullchain.pem")
    raw = socket.create_connection(("localhost", edge.tls_port), 20)
    with context.wrap_socket(raw, server_hostname="localhost") as connection:
        connection.sendall(
            b"POST /api/token/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + headers
            + b"\r\n"
            + body
            + SMUGGLED
        )
        answer = b""
        while part := connection.recv(65_536):
            answer += part

    statuses = re.findall(rb"HTTP/1\.1 (\d+)", answer)
    assert statuses in ([b"400"], [b"501"])
