"""Test that the table of errors is complete: each row is used and has its Korean text."""

import ast
import re
from pathlib import Path

import pytest
from allauth.core.exceptions import RateLimited
from redis.exceptions import RedisError
from rest_framework import exceptions as drf

from accounts import errors as accounts_errors
from accounts.errors import AccountsError, SessionEndedError, TooManyRequestsError
from accounts.federation import errors as federation_errors
from accounts.federation.errors import ProviderError, ProviderUnavailableError
from api import problems
from api.problems import Problem

ROOT = Path(problems.__file__).parent.parent
ROWS = {name: row for name, row in vars(problems).items() if isinstance(row, Problem)}
DOMAIN_ERRORS = [
    error
    for error in (vars(accounts_errors) | vars(federation_errors)).values()
    if isinstance(error, type) and issubclass(error, AccountsError)
]
DRF_ERRORS = [
    *(drf.ParseError, drf.NotAuthenticated, drf.PermissionDenied, drf.NotFound),
    *(drf.MethodNotAllowed, drf.NotAcceptable, drf.UnsupportedMediaType),
]


def korean():
    """Return the Korean catalogue, read from the `.po` file."""
    catalogue = (ROOT / "locale/ko/LC_MESSAGES/django.po").read_text()
    pairs = re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', catalogue, re.MULTILINE)
    return {english.replace('\\"', '"'): text for english, text in pairs}


def names_used():
    """Return the rows that other modules name as `problems.NAME`."""
    paths = [path for package in ("api", "config") for path in (ROOT / package).rglob("*.py")]
    nodes = (node for path in paths for node in ast.walk(ast.parse(path.read_text())))
    for node in nodes:
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "problems":
            yield node.attr


@pytest.mark.parametrize("error", DOMAIN_ERRORS, ids=lambda error: error.__name__)
def test_each_domain_error_has_a_row(error):
    assert problems.TABLE[error.code].code == error.code


@pytest.mark.parametrize("error", DRF_ERRORS, ids=lambda error: error.__name__)
def test_each_exception_of_drf_has_a_row(error):
    row = problems.TABLE[error.default_code]

    assert row.status == error.status_code


@pytest.mark.parametrize("error", [drf.MethodNotAllowed, drf.NotAcceptable, drf.NotAuthenticated])
def test_a_row_for_drf_has_the_text_of_drf(error):
    """Then the translation of the row also translates DRF's text."""
    assert str(problems.TABLE[error.default_code].detail) == str(error.default_detail)


def test_each_row_is_used():
    codes = {error.code for error in DOMAIN_ERRORS} | {error.default_code for error in DRF_ERRORS}
    used = set(names_used())

    assert not [name for name, row in ROWS.items() if name not in used and row.code not in codes]


def test_a_code_has_one_status_and_one_title():
    kinds = {(row.code, row.status, str(row.title)) for row in ROWS.values()}

    assert len(kinds) == len({row.code for row in ROWS.values()}) == len(problems.TABLE)


@pytest.mark.parametrize("name", ROWS)
def test_the_texts_of_each_row_are_translated(name):
    words = korean()
    row = ROWS[name]

    for text in (str(row.title), str(row.detail)):
        assert any("가" <= letter <= "힣" for letter in words[text])


@pytest.mark.parametrize(
    ("error", "row"),
    [
        (ProviderUnavailableError("no answer"), problems.PROVIDER_UNAVAILABLE),
        (SessionEndedError(), problems.SESSION_ENDED),
        (RedisError("down"), problems.STORE_UNAVAILABLE),
        (RateLimited(), problems.TOO_MANY_REQUESTS),
        (ProviderError("a defect: its caller should have caught it"), None),
        (RuntimeError("a defect"), None),
        (None, None),
    ],
)
def test_an_error_finds_its_row(error, row):
    assert problems.find(error) is row


def test_retry_after_is_longer_for_a_provider_than_for_our_store():
    assert problems.headers(problems.PROVIDER_UNAVAILABLE)["Retry-After"] == "60"
    assert problems.headers(problems.STORE_UNAVAILABLE)["Retry-After"] == "3"


def test_a_rate_limit_brings_its_own_retry_after():
    known = problems.headers(problems.TOO_MANY_REQUESTS, TooManyRequestsError(retry_seconds=7))
    unknown = problems.headers(problems.TOO_MANY_REQUESTS, TooManyRequestsError())

    assert known["Retry-After"] == "7"
    assert "Retry-After" not in unknown
