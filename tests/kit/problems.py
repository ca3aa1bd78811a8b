"""Whole bodies of errors, to compare with."""

from unittest.mock import ANY


def problem(status, code, **members):
    """A whole RFC 9457 body: `request_id` and the words are free, nothing may be added."""
    return {
        "type": "about:blank",
        "title": ANY,
        "status": status,
        "detail": ANY,
        "code": code,
        "request_id": ANY,
    } | members


def invalid(*pointers):
    """A whole validation problem that points at these members, each with its code."""
    errors = [{"pointer": pointer, "code": code, "detail": ANY} for pointer, code in pointers]
    return problem(400, "validation_error", errors=errors)
