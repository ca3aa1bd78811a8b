"""Many people behind one address sign in and refresh within a minute, by the default limits."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from django_redis import get_redis_connection

from tests.kit.clients import CHROME, is_signed_in
from tests.kit.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def one_minute():
    """Stop the clock, so that all limits see one moment."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


def counts():
    return list(get_redis_connection("default").scan_iter("attempts:*"))


def test_forty_people_sign_in_by_kakao(kakao, walk):
    """More people than any limit of refusals. The number does not matter, because nothing is counted."""
    for _ in range(40):
        browser = Client(headers={"user-agent": CHROME})
        walk(kakao, browser)
        assert is_signed_in(browser)

    assert not counts()


def test_a_backend_for_frontends_refreshes_150_times(pair, post, one_minute):
    token = pair["refresh"]
    for _ in range(150):
        one_minute.shift(timedelta(milliseconds=300))
        answer = post("/api/token/refresh/", {"refresh": token})
        assert answer.status_code == 200, answer.content
        token = answer.json()["refresh"]

    assert not counts()


def test_fifty_typos_of_others_do_not_stop_a_known_device(user, browser):
    browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    browser.post("/accounts/logout/")
    for number in range(51):
        wrong = {"login": f"u{number}@example.com", "password": "a wrong password"}
        answer = Client().post("/accounts/login/", wrong)
    assert answer.status_code == 429

    browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})

    assert is_signed_in(browser)


def test_fifty_people_sign_up_in_one_room(db):
    for number in range(50):
        form = {"email": f"p{number}@example.org", "password1": "a long and good password"}
        assert Client().post("/accounts/signup/", form).status_code == 302


def test_fifty_people_ask_for_a_reset_in_one_room(db):
    for user in UserFactory.create_batch(50):
        answer = Client().post("/accounts/password/reset/", {"email": user.email})
        assert answer.status_code == 302
