#!/usr/bin/env python
"""Exit 0 when the site in this container is alive: for Docker's HEALTHCHECK.

Asks by a host name that the site answers to; a bare `curl 127.0.0.1` gets a 400.
"""

import http.client
import os
import sys
from urllib.parse import urlsplit

PORT = 8000


def host() -> str:
    """The first of ALLOWED_HOSTS, else the host of SITE_URL, as the settings have it."""
    names = os.environ.get("ALLOWED_HOSTS", "").split(",")
    first = names[0].strip().removeprefix(".")
    return first or urlsplit(os.environ.get("SITE_URL", "")).hostname or "localhost"


def is_alive(port: int = PORT) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", "/livez", headers={"Host": host()})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_alive())
