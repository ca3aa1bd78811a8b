"""Check one password for each request, and do nothing else. No sign-in by password can be faster.

It runs on the same server, with the same threads and on the same core as ours, and checks with the hasher of
the site.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.ours.settings")
django.setup()

from django.contrib.auth.hashers import check_password, make_password  # noqa: E402 - needs the settings

from bench.seeding import PASSWORD  # noqa: E402

encoded = make_password(PASSWORD)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    is_right = check_password(PASSWORD, encoded)
    start_response("204 No Content" if is_right else "500 Wrong", [("Cache-Control", "no-store")])
    return []
