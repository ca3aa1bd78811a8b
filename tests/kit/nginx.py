"""Run nginx with the shipped configuration, on free ports, with a certificate for localhost.

Replaces only addresses and directories in the configuration.
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.kit import certificates, dockerfile, processes
from tests.kit.ports import free_ports
from tests.kit.waiting import wait_until

CLIENT_IP = "127.0.0.2"
"""It differs from the address from which nginx connects to the site."""
# Debian installs nginx in /usr/sbin, which is not on every user's PATH.
PROGRAM = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
EVENTS = "server events:8005 "
SERVER = re.compile(r"^    server web:8000 (.*);$", re.MULTILINE)
LINES = (dockerfile.ROOT / "deploy/nginx/snippets/upstream.conf").read_text().splitlines()
METHODS = [line.removeprefix("    # ") for line in LINES if re.fullmatch(r"    # [^:]+;", line)]
"""The balancing methods that the shipped file has as comments."""
WEIGHTED = next(line for line in LINES if "weight=" in line).removeprefix("    # ")


def prepare(
    directory: Path,
    app_ports: Sequence[int],
    *,
    static: Path,
    method: str = "",
    events_port: int = 9,
) -> tuple[int, int]:
    """Write all files that nginx needs. Return the ports for http and https.

    Nothing listens on port 9. `method` names the commented line of the shipped upstream to switch on.
    """
    http_port, tls_port = free_ports(), free_ports()
    certificates.make(directory)
    conf = directory / "conf"
    shutil.copytree(dockerfile.ROOT / "deploy" / "nginx", conf)
    replacements = {
        "listen 80 ": f"listen 127.0.0.1:{http_port} ",
        "listen 443 ": f"listen 127.0.0.1:{tls_port} ",
        "/etc/nginx/tls/": f"{directory}/",
        "/dev/stdout": f"{directory}/access.log",
        "root /srv/munjigi;": f"root {static.parent};",
    }
    for path in conf.rglob("*.conf"):
        text = path.read_text()
        for shipped, here in replacements.items():
            text = text.replace(shipped, here)
        path.write_text(text)
    upstream = conf / "snippets" / "upstream.conf"
    text = _upstream(upstream.read_text(), app_ports, method)
    assert EVENTS in text
    upstream.write_text(text.replace(EVENTS, f"server 127.0.0.1:{events_port} "))
    main = conf / "nginx.conf"
    paths = "".join(
        f"{kind}_temp_path {directory}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main.write_text(main.read_text().replace("http {", f"http {{ {paths}", 1))
    return http_port, tls_port


def _upstream(text: str, app_ports: Sequence[int], method: str) -> str:
    options = SERVER.search(text)[1]
    servers = "\n".join(f"    server 127.0.0.1:{port} {options};" for port in app_ports)
    text = SERVER.sub(servers, text)
    if method:
        assert f"    # {method}\n" in text
        text = text.replace(f"    # {method}\n", f"    {method}\n")
    return text.replace("server web2:8000 ", f"server 127.0.0.2:{app_ports[0]} ")


def command(directory: Path) -> list[str]:
    globals_ = f"daemon off; pid {directory}/pid;"
    if os.geteuid() == 0:
        globals_ += " user root;"
    return [str(PROGRAM), "-c", str(directory / "conf" / "nginx.conf"), "-g", globals_]


def speaks_http(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Return True if the server answers HTTP. Granian accepts connections before Django has started."""
    assert process.poll() is None, "the server ended by itself"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/livez")
        connection.getresponse().read()
        return True
    return False


@contextlib.contextmanager
def running(command: list[str], port: int, **options) -> Iterator[None]:
    """Run a server during the block. The block starts when the server answers HTTP on this port."""
    process = processes.start(command, **options)
    try:
        wait_until(lambda: speaks_http(port, process), "the server speaks HTTP", seconds=30)
        yield
    finally:
        process.terminate()
        process.wait(20)


class Edge:
    """Run nginx with the shipped configuration, and call it as a browser does."""

    def __init__(self, directory: Path, app_port: int, static: Path, events_port: int = 9) -> None:
        self.directory, self.static = directory, static
        self.http_port, self.tls_port = prepare(
            directory, [app_port], static=static, events_port=events_port
        )
        self.origin = f"https://localhost:{self.tls_port}"

    def command(self) -> list[str]:
        return command(self.directory)

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Send one request over TLS from `CLIENT_IP`. `__` in the name of a header means an underscore."""
        context = ssl.create_default_context(cafile=self.directory / "fullchain.pem")
        connection = http.client.HTTPSConnection(
            "localhost", self.tls_port, context=context, timeout=20, source_address=(CLIENT_IP, 0)
        )
        named = {
            "_".join(part.replace("_", "-") for part in name.split("__")): value
            for name, value in headers.items()
        }
        with contextlib.closing(connection):
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return response, response.read()

    def log_lines(self, asked: set[str]) -> list[dict[str, str]]:
        """Return the access log when it has all `asked` paths. nginx logs after it has answered."""
        deadline = time.monotonic() + 20
        while True:
            text = (self.directory / "access.log").read_text()
            *whole, _ = text.split("\n")
            lines = [json.loads(line) for line in whole]
            missing = asked - {line["path"] for line in lines}
            if not missing:
                return lines
            assert time.monotonic() < deadline, f"nginx never logged {missing}:\n{text}"
            time.sleep(0.05)
