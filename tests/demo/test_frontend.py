import re
from pathlib import Path

import pytest
import requests

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self' http://localhost:8765 http://localhost:8766; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
SPA = Path(__file__).parents[2] / "demo" / "spa"


def test_configuration_names_the_api(frontend):
    response = requests.get(f"{frontend}/config.json", timeout=20)

    assert (response.headers["Content-Type"], response.json()) == (
        "application/json",
        {"api": "http://localhost:8765"},
    )


@pytest.mark.parametrize("name", sorted(file.name for file in SPA.iterdir()))
def test_every_file_has_its_content_type(frontend, name):
    types = {
        "html": "text/html",
        "js": "text/javascript",
        "css": "text/css",
        "svg": "image/svg+xml",
    }

    response = requests.get(f"{frontend}/{name}", timeout=20)

    assert response.content == (SPA / name).read_bytes()
    assert response.headers["Content-Type"].partition(";")[0] == types[name.rpartition(".")[2]]


@pytest.mark.parametrize("path", ["/", "/config.json", "/app.js", "/nowhere"])
def test_every_answer_carries_the_safe_headers(frontend, path):
    headers = requests.get(frontend + path, timeout=20).headers

    assert headers["Content-Security-Policy"] == POLICY
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == (
        "nosniff",
        "no-referrer",
    )


@pytest.mark.parametrize(
    "path", ["/nowhere", "/../frontend.py", "/%2e%2e/frontend.py", "//etc/passwd", "/%00", "/%ff"]
)
def test_nothing_else_is_served(frontend, path):
    request = requests.Request("GET", frontend).prepare()
    request.url = frontend + path
    with requests.Session() as session:
        response = session.send(request, timeout=20)

    assert (response.status_code, response.content) == (404, b"Nothing here.\n")


def test_only_reading_is_allowed(frontend):
    response = requests.post(frontend, timeout=20)

    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


def test_head_has_no_body(frontend):
    response = requests.head(frontend, timeout=20)

    assert int(response.headers["Content-Length"]) == (SPA / "index.html").stat().st_size


def test_no_file_stores_more_than_the_retry_key_or_parses_html():
    scripts = [file.read_text() for file in SPA.glob("*.js")]
    code = "\n".join(
        line
        for script in scripts
        for line in script.splitlines()
        if not line.lstrip().startswith("//")
    )
    of_retry_key = "return work(localStorage);"

    assert code.count(of_retry_key) == 1
    code = code.replace(of_retry_key, "")
    assert not re.findall(
        r"localStorage|sessionStorage|indexedDB|document\.cookie|innerHTML|eval\(", code
    )


def test_the_client_is_one_small_file_without_imports():
    lines = (SPA / "auth.js").read_text().splitlines()

    assert len(lines) < 320
    assert [line for line in lines if line.startswith("import ")] == []


def test_both_languages_have_the_same_texts():
    english, korean = (SPA / "copy.js").read_text().split("\n  ko: {")
    keys = re.compile(r"^    (\w+): ", re.MULTILINE)

    assert keys.findall(english) == keys.findall(korean)


@pytest.mark.parametrize(
    "api", ["localhost:8000", "http://localhost:8000/path", "http://a; script-src *", "ftp://a"]
)
def test_an_invalid_api_origin_is_refused(launch, port, api):
    process, line = launch("demo.frontend", "--port", port, "--api", api)

    assert (line, process.wait(timeout=20)) == ("", 2)


def test_stops_at_once_during_a_request(stop_status):
    assert stop_status("demo.frontend") == 0
