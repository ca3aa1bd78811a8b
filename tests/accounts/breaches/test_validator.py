"""Refuse leaked passwords, after all other rules; accept them if nobody can say."""

import logging

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.breaches import service
from accounts.federation.wire import outage
from tests.kit import leaks
from tests.kit.leaks import sha1

LEAKED = "a password from a leak"


@pytest.fixture(autouse=True)
def clean_outage():
    outage.forget()
    yield
    outage.forget()


@pytest.fixture
def site(settings, monkeypatch):
    monkeypatch.setattr(service, "SECONDS", 10.0)  # a busy machine is no fault
    with leaks.service(LEAKED) as running:
        settings.PASSWORD_BREACH_API = running.url
        yield running


@pytest.fixture
def leak_file(settings, tmp_path):
    path = tmp_path / "leaks.txt"
    path.write_text(f"{sha1(LEAKED)}:3\r\n", newline="")
    settings.PASSWORD_BREACH_FILE = str(path)
    return path


def codes(password):
    try:
        validate_password(password)
    except ValidationError as refused:
        return [error.code for error in refused.error_list]
    return []


def test_both_are_off_by_default():
    assert codes(LEAKED) == []


def test_a_password_that_the_service_knows_is_refused(site):
    assert codes(LEAKED) == ["password_breached"]
    assert codes("a password of my own") == []
    assert len(site.asked) == 2


def test_a_password_in_the_file_is_refused(leak_file):
    assert codes(LEAKED) == ["password_breached"]
    assert codes("a password of my own") == []


def test_a_password_in_the_file_is_not_asked_for(leak_file, site):
    codes(LEAKED)

    assert site.asked == []


def test_the_normalised_password_is_looked_up(site):
    assert codes(LEAKED.replace("a", "\N{FULLWIDTH LATIN SMALL LETTER A}")) == ["password_breached"]


@pytest.mark.parametrize("password", ["short", "password123", "munjigi-2026", "x" * 129])
def test_a_password_that_another_rule_refuses_is_not_asked_for(site, password):
    assert codes(password) != []
    assert site.asked == []


def test_without_an_answer_the_password_is_accepted_and_logged(site, caplog):
    site.status = 503

    with caplog.at_level(logging.WARNING):
        assert codes(LEAKED) == []

    (line,) = [each.getMessage() for each in caplog.records]
    assert line == "a new password was not looked up by the service of leaks: answered 503"
    assert LEAKED not in caplog.text
    assert sha1(LEAKED)[:5] not in caplog.text


def test_a_broken_file_is_logged_and_the_service_is_asked(leak_file, site, caplog):
    leak_file.unlink()

    with caplog.at_level(logging.WARNING):
        assert codes(LEAKED) == ["password_breached"]

    assert "by the file of leaks" in caplog.text
