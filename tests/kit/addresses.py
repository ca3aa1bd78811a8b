"""List every address of the site from the URLconf, so that tests include new ones by themselves."""

import re

from django.urls import URLPattern, get_resolver

FILLED = {"uuid": "00000000-0000-4000-8000-000000000000", "int": "1"}


def every_path():
    """Return one concrete path for each pattern, in the URLconf's order."""
    return list(dict.fromkeys(f"/{path}" for path in _walk(get_resolver().url_patterns)))


def _walk(patterns, prefix=""):
    for entry in patterns:
        path = prefix + _concrete(str(entry.pattern))
        if isinstance(entry, URLPattern):
            yield path
        else:
            yield from _walk(entry.url_patterns, path)


def _concrete(pattern):
    text = re.sub(r"<(\w+):\w+>", lambda found: FILLED.get(found[1], "garbage"), pattern)
    text = re.sub(r"\(\?P<\w+>[^)]*\)", "garbage", text)
    text = re.sub(r"<\w+>", "garbage", text)
    return text.replace("^", "").replace("$", "").replace(r"\Z", "").replace("\\", "")
