"""Test the log: one JSON line for each request, with its id and without secrets."""

import json
import re
from uuid import RFC_4122, UUID

import pytest

from config import redaction
from config.middleware import new_request_id
from tests.kit.addresses import every_path
from tests.kit.processes import ROOT

NAMED = (
    *("/admin/", "/_allauth/", "/accounts/reauthenticate/by/", "/accounts/2fa/passkeys/options/"),
    "/brand/",
)
"""Addresses with a name or an id in the path, which is no secret."""
WALK = """
import io, logging
stream = io.StringIO()
logging.getLogger().handlers[0].setStream(stream)
from django.core.management import call_command
client = Client(raise_request_exception=False)
{calls}
answers = stream.getvalue().splitlines()
"""


@pytest.fixture
def lines(site_under):
    """Return the log lines that these calls write in production."""

    def run(calls):
        return site_under(WALK.format(calls=calls), LOG_FORMAT="json", LOG_LEVEL="INFO")

    return run


def test_each_request_is_one_json_line_with_its_id(lines):
    written = lines("client.get('/nothing', headers={'x-request-id': 'caller-chose-this'})")

    parsed = [json.loads(line) for line in written]
    assert len(parsed) == 1
    assert parsed[0]["request_id"] == "caller-chose-this"
    assert parsed[0]["code"] == 404
    assert parsed[0]["request"] == "GET /nothing"
    assert parsed[0]["level"] == "info"
    assert parsed[0]["timestamp"].endswith("Z")


def test_no_query_key_cookie_or_header_is_logged(lines):
    written = "\n".join(
        lines(
            "\n".join(
                [
                    "client.get('/nothing?code=SECRET1&state=SECRET2')",
                    "client.get('/accounts/confirm-email/SECRET3/')",
                    "client.get('/api/me/', headers={'authorization': 'Bearer SECRET4'})",
                    "client.get('/nothing', headers={'cookie': 'session=SECRET5'})",
                    "client.post('/nothing', {'password': 'SECRET6'})",
                    "client.get('/nothing', headers={'user-agent': 'SECRET7', 'referer': 'SECRET7'})",
                    "client.post('/api/token/', '{\"email\": \"SECRET8', content_type='application/json')",
                ]
            )
        )
    )

    for number in (1, 2, 3, 4, 5, 6, 8):
        assert f"SECRET{number}" not in written


@pytest.mark.parametrize(
    "value", ["a\nforged", "a" * 65, "short", "ünïcode1", "", "a b c d e f", '"};DROP']
)
def test_a_request_id_that_could_forge_a_line_is_replaced(client, db, value):
    response = client.get("/nothing", headers={"x-request-id": value})

    assert response["X-Request-ID"] != value
    assert len(response["X-Request-ID"]) == 36


def test_a_new_request_id_is_a_random_uuid():
    ids = [UUID(new_request_id()) for _ in range(1000)]

    assert len(set(ids)) == 1000
    assert {(each.version, each.variant) for each in ids} == {(4, RFC_4122)}


def test_keys_in_paths_are_not_logged(lines):
    logged = {
        "/accounts/password/reset/key/1a-secret/": "GET /accounts/password/reset/key/…/",
        "/accounts/2fa/reset/stop/secret/": "GET /accounts/2fa/reset/stop/…/",
        "/accounts/confirm-email/secret/": "GET /accounts/confirm-email/…/",
        "/accounts/not-me/secret/": "GET /accounts/not-me/…/",
        "/accounts/continue/secret/": "GET /accounts/continue/…/",
        "/accounts/invitation/secret/": "GET /accounts/invitation/…/",
        "/accounts/email/confirm/secret/": "GET /accounts/email/confirm/…/",
        "/accounts/email/stop/secret/": "GET /accounts/email/stop/…/",
        "/accounts/confirm-email/": "GET /accounts/confirm-email/",
        "/accounts/login/?code=secret": "GET /accounts/login/",
    }

    written = lines("\n".join(f"client.get('{path}')" for path in logged))

    assert [json.loads(line)["request"] for line in written] == [*logged.values()]


@pytest.mark.parametrize("path", [path for path in every_path() if "garbage" in path])
def test_a_new_address_with_a_key_must_be_cut(path):
    assert ("garbage" in redaction.redacted(path)) == path.startswith(NAMED)


def test_nginx_cuts_the_same_keys():
    conf = (ROOT / "deploy/nginx/snippets/log.conf").read_text()

    assert re.search(r"/\(\?:(.*?)\)/", conf)[1].split("|") == [*redaction.KEYS]


def test_a_server_error_is_logged_with_its_trace(lines):
    written = lines(
        "settings.ROOT_URLCONF = 'tests.config.broken_urls'; client.get('/broken?a=SECRET')"
    )

    parsed = [json.loads(line) for line in written]
    assert [line["level"] for line in parsed] == ["error"]
    assert "RuntimeError: very secret" in parsed[0]["exception"]
    assert parsed[0]["request_id"]
    assert "a=SECRET" not in written[0]


def test_a_server_error_is_answered_without_its_trace(client, db, settings):
    settings.ROOT_URLCONF = "tests.config.broken_urls"
    client.raise_request_exception = False

    page = client.get("/broken")
    problem = client.get("/api/broken")

    assert (page.status_code, problem.status_code) == (500, 500)
    assert "very secret" not in page.text + problem.text
    assert "Traceback" not in page.text + problem.text
    assert problem["Content-Type"] == "application/problem+json"
    assert problem.json()["code"] == "server_error"


SECRETS = {
    "django.security.csrf": "Forbidden (x): /accounts/password/reset/key/1a-SECRET/",
    "django.request": "Bad Request: /accounts/google/login/callback/?code=SECRET&state=SECRET",
    "urllib3": "GET https://kauth.example/oauth/token?client_secret=SECRET HTTP/1.1",
    "redis": "cannot connect to redis://user:SECRET@host:6379/0",
    "any": "headers: {'Authorization': 'Bearer SECRET.SECRET.SECRET'}",
    "other": "token eyJSECRET.eyJSECRET.SECRET-SECRET is bad",
    "basic": "Authorization: Basic SECRET==",
}


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_logger_writes_a_secret(site_under, log_format):
    calls = "\n".join(
        [
            f"secrets = {SECRETS!r}",
            "for name, text in secrets.items():",
            "    logging.getLogger(name).critical(text)",
            "    logging.getLogger(name).critical('%s', text)",
            "import structlog",
            "structlog.get_logger().critical('x', url=secrets['urllib3'])",
            "try:",
            "    raise RuntimeError(secrets['redis'])",
            "except RuntimeError:",
            "    logging.getLogger('any').exception('failed')",
        ]
    )

    written = "\n".join(
        site_under(WALK.format(calls=calls), LOG_FORMAT=log_format, LOG_LEVEL="INFO")
    )

    assert written.count("Forbidden") == 2
    assert "RuntimeError" in written
    assert "SECRET" not in written


def test_a_refused_csrf_check_logs_no_reset_key(lines):
    written = "\n".join(
        lines(
            "Client(enforce_csrf_checks=True).post('/accounts/password/reset/key/1a-SECRET/', {})"
        )
    )

    assert "Forbidden" in written
    assert "SECRET" not in written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eyJa.eyJb.c", "…"),
        ("x eyJa.b-c.d_e. y", "x … y"),
        ("/file.eyJa.b.c/next", "/file.…/next"),
        ("a-eyJa.b", "a-…"),
        ("eyJa.b eyJc.d", "… …"),
        ("eyJa", "eyJa"),
        ("a.eyJb", "a.eyJb"),
        ("keyJa.b", "keyJa.b"),
        ("a.b.eyJ", "a.b.eyJ"),
    ],
)
def test_tokens_are_cut_wherever_they_stand(text, expected):
    assert redaction.redacted(text) == expected


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "-eyJ",
            "eyJa.",
            "-eyJa.b-",
            "bearer ",
            "basic\t",
            "?a",
            "&a&",
            "://",
            "://a:",
            "/reset/key/",
        ),
        *("=?", "://a:b", ".eyJ", "eyJ eyJ"),
    ],
)
def test_no_path_makes_its_line_slow(piece):
    """Anybody can ask for any path. A step for each pair of characters would take hours here."""
    text = piece * (500_000 // len(piece))

    assert "SECRET" not in redaction.redacted(f"{text} x Bearer SECRET")


def test_what_is_no_secret_stays_in_the_line():
    text = "GET /accounts/login/ 200 at 10:30, host:6379, a@example.com (basics)"

    assert redaction.redacted(text) == text
