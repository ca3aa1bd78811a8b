#!/usr/bin/env python
"""Exit with status 0 if the site in this container is alive, for Docker's HEALTHCHECK.

Sends a host name that the site accepts. The first argument is the port, if it isn't the site's.
"""

import http.client
import os
import sys
from urllib.parse import urlsplit

PORT = 8000


def host() -> str:
    """Return the first of ALLOWED_HOSTS, otherwise the host of SITE_URL, as the settings do."""
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
    sys.exit(not is_alive(*map(int, sys.argv[1:2])))
