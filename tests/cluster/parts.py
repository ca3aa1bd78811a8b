"""Name the programs that these tests need."""

import os

import pytest

from tests.cluster.redis_servers import is_installed
from tests.kit import nginx, postgres

REQUIRED = os.environ.get("TEST_REQUIRE", "").replace(",", " ").split()
PARTS = {
    "nginx": lambda: nginx.PROGRAM is not None,
    "postgres": lambda: postgres.binaries() is not None,
    "redis": is_installed,
}


def demand() -> None:
    """Skip the test if a part isn't installed; fail if `TEST_REQUIRE` names it."""
    for part, is_there in PARTS.items():
        if not is_there():
            text = f"{part} isn't installed"
            if part in REQUIRED:
                pytest.fail(f"{text}, and TEST_REQUIRE demands its tests.")
            pytest.skip(text)
