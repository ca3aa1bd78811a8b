"""Run the code of the documents as a reader would: Python, Node and Go, beside a running site."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from accounts.audit.vocabulary import RevokeReason
from accounts.people.models import User
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from accounts.webhooks import signing
from api import clients
from tests.kit import processes, registries
from tests.kit.documents import part_of, text_of
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.ports import free_ports
from tests.kit.rings import starts_processes
from tests.kit.waiting import wait_until

SECRET = signing.fresh_secret()
BODY = '{"type":"webhook.test","data":{"name":"김"}}'


def blocks(page, heading, language):
    return re.findall(rf"```{language}\n(.+?)```", part_of(text_of(page), heading), re.DOTALL)


def code(page, heading, language):
    return "\n".join(blocks(page, heading, language))


def signed(secret=SECRET):
    return signing.headers("msg_1", timestamp=int(time.time()), body=BODY.encode(), keys=[secret])


def test_the_python_code_for_webhooks_verifies():
    scope = {}
    exec(code("webhooks.md", "Verify", "python").replace("whsec_…", SECRET), scope)  # noqa: S102 - ours

    assert scope["receive"](BODY.encode(), signed())["type"] == "webhook.test"
    with pytest.raises(scope["WebhookVerificationError"]):
        scope["receive"](BODY.encode(), signed(signing.fresh_secret()))


@pytest.mark.servers
def test_the_node_code_for_webhooks_verifies(tmp_path):
    registries.npm(tmp_path, "standardwebhooks@1")
    source = code("webhooks.md", "Verify", "js").replace("whsec_…", SECRET)
    (tmp_path / "receive.mjs").write_text(source)
    (tmp_path / "main.mjs").write_text(
        'import { receive } from "./receive.mjs";\n'
        "const [body, ...all] = JSON.parse(process.argv[2]);\n"
        "for (const headers of all) {\n"
        "  try { console.log(receive(body, headers).type); } catch { console.log('refused'); }\n"
        "}\n"
    )
    fresh = signing.fresh_secret()
    old = signing.headers("msg_1", timestamp=1, body=BODY.encode(), keys=[SECRET])
    both = signing.headers(
        "m", timestamp=int(time.time()), body=BODY.encode(), keys=[fresh, SECRET]
    )
    all_headers = [signed(), both, signed(fresh), signed() | {"webhook-id": "msg_2"}, old]

    done = subprocess.run(
        ["node", "main.mjs", json.dumps([BODY, *all_headers])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.split() == [*["webhook.test"] * 2, *["refused"] * 3]


@pytest.mark.parametrize(
    ("heading", "language"),
    [("Python: FastAPI", "python"), ("Node: Express", "js"), ("Go: net/http", "go")],
)
def test_each_part_of_an_example_has_at_most_20_lines(heading, language):
    parts = blocks("revocations.md", heading, language)
    [following] = [part for part in parts if "/api/revocations/" in part]

    assert re.search(r"^(async )?(def|function|func) follow\(", following, re.MULTILINE)
    assert all(part.count("\n") <= 20 for part in parts)


def build(directory):
    """Compile the example for Go, which needs no module, and return the program."""
    if shutil.which("go") is None:
        pytest.skip("Go isn't installed (apt-get install golang-go)")
    source, text = directory / "service.go", code("revocations.md", "Go: net/http", "go")
    formatted = subprocess.run(["gofmt"], input=text, capture_output=True, text=True, check=True)
    assert formatted.stdout == text
    source.write_text(text.replace("false: 5 * time.Second", "false: 200 * time.Millisecond"))
    environment = os.environ | {"GO111MODULE": "off", "GOFLAGS": "", "GOPROXY": "off"}
    for command in (["go", "vet", source], ["go", "build", "-o", directory / "service", source]):
        subprocess.run(command, cwd=directory, env=environment, check=True, timeout=300)
    return directory / "service"


@pytest.fixture
@starts_processes
def service(request, tmp_path, live_server, settings):
    """Start the service of the document that `request.param` names. Returns its address."""
    settings.SITE_URL = settings.API_AUDIENCE = live_server.url
    settings.API_CLIENTS = {"gateway": clients.digest("secret")}
    port = free_ports(1)
    environment = os.environ | {
        "MUNJIGI_URL": live_server.url,
        "CLIENT_ID": "gateway",
        "CLIENT_SECRET": "secret",
        "PORT": str(port),
        "PYTHONPATH": str(tmp_path),
    }
    if request.param == "fastapi":
        registries.pip(tmp_path, "fastapi<1", "uvicorn<1", "httpx<1")
        (tmp_path / "service.py").write_text(
            code("revocations.md", "Python: FastAPI", "python").replace("5.0", "0.2")
        )
        command = [sys.executable, "-m", "uvicorn", "service:app", f"--port={port}"]
    elif request.param == "go":
        command = [build(tmp_path)]
    else:
        registries.npm(tmp_path, "express@5", "jose@5")
        (tmp_path / "service.mjs").write_text(
            code("revocations.md", "Node: Express", "js").replace("wait = 5000", "wait = 200")
        )
        command = ["node", "service.mjs"]
    process = processes.start(command, cwd=tmp_path, env=environment)
    with process:
        yield f"http://127.0.0.1:{port}/"
        process.terminate()
        process.wait(20)


def status_of(url, token):
    asked = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


@pytest.mark.slow
@pytest.mark.parametrize("service", ["fastapi", "express", "go"], indirect=True)
def test_a_service_refuses_a_token_soon_after_the_sign_out(transactional_db, service, client):
    user = UserFactory()
    body = {"email": user.email, "password": PASSWORD}
    pair = client.post("/api/token/", body, content_type="application/json").json()

    wait_until(lambda: status_of(service, pair["access"]) == 200, "the token is accepted")
    assert status_of(service, pair["access"][:-4] + "AAAA") == 401
    assert status_of(service, pair["refresh"]) == 401
    session = AuthSession.objects.get(user=User.objects.get(pk=user.pk))
    sessions.revoke(session, reason=RevokeReason.LOGOUT)

    wait_until(lambda: status_of(service, pair["access"]) == 401, "the token is refused")
