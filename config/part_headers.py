"""Read the headers of a part of a form so that each bad one is the same error to Django's parser of forms."""

from django.http import multipartparser
from django.utils.http import parse_header_parameters


def read(line: str) -> tuple[str, dict[str, str]]:
    """Return the value and the parameters of a header as Django does. Raises `ValueError` for a bad one.

    For `name*=a; name*0=b` Python's parser raises a `TypeError`, which Django's doesn't expect: anybody could cause
    a 500 with it.
    """
    try:
        return parse_header_parameters(line)
    except TypeError as exc:
        raise ValueError("parameters that can't be read") from exc


def install() -> None:
    """Let Django's parser call `read`: it has no setting. Call once, before the first request."""
    multipartparser.parse_header_parameters = read  # type: ignore[attr-defined]  # imported there, so its stubs leave it out
