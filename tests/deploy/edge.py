"""nginx with the shipped configuration, on free ports, and a certificate for localhost.

Only addresses and directories are replaced.
"""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests import certificates
from tests.deploy import dockerfile
from tests.ports import free_ports

# Debian has it where only root looks.
PROGRAM = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
SERVER = re.compile(r"^    server web:8000 (.*);$", re.MULTILINE)
LINES = (dockerfile.ROOT / "deploy/nginx/snippets/upstream.conf").read_text().splitlines()
METHODS = [line.removeprefix("    # ") for line in LINES if re.fullmatch(r"    # [^:]+;", line)]
"""The ways to balance that the shipped file has as comments."""
WEIGHTED = next(line for line in LINES if "weight=" in line).removeprefix("    # ")


def prepare(
    directory: Path, app_ports: Sequence[int], *, static: Path, method: str = ""
) -> tuple[int, int]:
    """Write everything that nginx needs; the ports for http and https.

    `method` is the comment of the shipped upstream that becomes a line.
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
    upstream.write_text(_upstream(upstream.read_text(), app_ports, method))
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
