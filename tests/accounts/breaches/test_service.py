"""Ask a service of leaked passwords: what it learns, and what happens if it fails."""

import time

import pytest

from accounts.breaches import service
from accounts.federation.errors import ProviderError
from accounts.federation.wire import outage
from tests.kit import leaks
from tests.kit.leaks import sha1
from tests.kit.waiting import wait_until

LEAKED = "a password from a leak"
SECONDS = service.SECONDS


@pytest.fixture(autouse=True)
def site(settings, monkeypatch):
    monkeypatch.setattr(service, "SECONDS", 10.0)  # a busy machine is no fault
    outage.forget()
    with leaks.service(LEAKED) as running:
        settings.PASSWORD_BREACH_API = running.url
        yield running
    outage.forget()


def test_a_leaked_password_is_known_and_another_is_not():
    assert service.has(sha1(LEAKED))
    assert not service.has(sha1("a password of my own"))


def test_the_service_learns_five_digits_and_nothing_else(site):
    service.has(sha1(LEAKED))

    ((path, headers),) = site.asked
    assert path == f"/range/{sha1(LEAKED)[:5]}"
    assert headers["Add-Padding"] == "true"
    assert not {"Cookie", "Authorization", "Referer"} & set(headers)


def test_filling_with_the_count_0_is_no_leak():
    filling = sha1("filling 3")

    assert not service.has(filling)


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (500, None, {}),
        (404, "", {}),
        (429, "", {"Retry-After": "2"}),
        (302, "", {"Location": "http://127.0.0.1:9/"}),
        (200, "<html>a proxy's page</html>", {}),
        (200, "x" * (service.MOST_BYTES + 1), {}),
    ],
)
def test_another_answer_is_an_error(site, status, body, headers):
    site.status, site.body, site.headers = status, body, headers

    with pytest.raises(ProviderError):
        service.has(sha1(LEAKED))

    assert len(site.asked) == 1


@pytest.mark.slow
def test_a_slow_service_costs_one_second_at_most(site, monkeypatch):
    monkeypatch.setattr(service, "SECONDS", SECONDS)
    site.seconds = 5
    began = time.monotonic()

    with pytest.raises(ProviderError):
        service.has(sha1(LEAKED))

    assert SECONDS == 1.0
    assert 0.9 < time.monotonic() - began < 3


@pytest.mark.slow
def test_a_service_that_hangs_is_not_asked_each_time(site, monkeypatch):
    monkeypatch.setattr(service, "SECONDS", 0.3)
    site.seconds = 5
    for number in range(outage.MAX_TIMEOUTS):
        with pytest.raises(ProviderError):
            service.has(sha1(f"password {number}"))
    wait_until(lambda: len(site.asked) == outage.MAX_TIMEOUTS)

    with pytest.raises(ProviderError, match="down"):
        service.has(sha1("one more"))

    assert len(site.asked) == outage.MAX_TIMEOUTS
