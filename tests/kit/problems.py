"""Build whole error bodies, to compare responses with."""

from unittest.mock import ANY


def problem(status, code, **members):
    """Return a whole RFC 9457 body. Only `request_id` and the texts may have any value."""
    return {
        "type": "about:blank",
        "title": ANY,
        "status": status,
        "detail": ANY,
        "code": code,
        "request_id": ANY,
    } | members


def invalid(*pointers):
    """Return a whole validation problem with these pairs of pointer and code."""
    errors = [{"pointer": pointer, "code": code, "detail": ANY} for pointer, code in pointers]
    return problem(400, "validation_error", errors=errors)
