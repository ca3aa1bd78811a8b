"""A provider's way back, asked for twice: one request finishes the attempt, the others lead on."""

import copy
import threading
import time

import pytest
from allauth.socialaccount.models import SocialAccount
from django.db import connections
from django.test import Client

from accounts.federation.providers.base import StrictClient
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import is_signed_in, sign_in
from tests.kit.factories import PASSWORD

ALL = pytest.mark.parametrize("standin", ["google", "kakao", "naver"], indirect=True)
NEXT = "/accounts/profile/"
REFRESH = f"""<meta http-equiv="refresh" content="2;URL='{NEXT}'">"""
WORDS = "This page was opened twice, and the first time counts."
CANCELLED = "/accounts/3rdparty/login/cancelled/"


def begin(browser, standin, query=f"?next={NEXT}", **consent):
    """Go to the provider and agree there: the way back."""
    start = browser.post(f"/accounts/{standin.name}/login/{query}")
    return standin.consent(start["Location"], **consent)


def same_browser(browser):
    """The browser as it is now: what another request of it sends, whatever the first one gets."""
    other = Client(raise_request_exception=False)
    other.cookies = copy.deepcopy(browser.cookies)
    return other


def ask_at_once(browser, path, times):
    """Ask with the same cookies at the same time: the answers."""
    together, answers = threading.Barrier(times), []

    def ask(one):
        together.wait(20)
        answers.append(one.get(path))
        connections.close_all()

    threads = [threading.Thread(target=ask, args=[same_browser(browser)]) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


@pytest.fixture
def unhurried(monkeypatch):
    """The provider takes a moment, so that requests at once overlap."""
    get = StrictClient.get_access_token

    def slowly(*args, **kwargs):
        time.sleep(0.3)
        return get(*args, **kwargs)

    monkeypatch.setattr(StrictClient, "get_access_token", slowly)


@pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)
@pytest.mark.django_db(transaction=True)
def test_of_four_at_once_one_signs_in_and_the_others_lead_on(standin, visitor, unhurried):
    back = begin(visitor, standin)

    answers = ask_at_once(visitor, back, 4)

    assert sorted(answer.status_code for answer in answers) == [302, 409, 409, 409]
    for answer in answers:
        if answer.status_code == 302:
            assert answer["Location"] == NEXT
            assert answer.cookies["session"].value
        else:
            assert REFRESH in answer.text
            assert WORDS in answer.text
            assert answer["Cache-Control"] == "no-store"
            assert "session" not in answer.cookies
    assert User.objects.count() == AuthSession.objects.active().count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_connections_at_once_one_is_made(google, visitor, owner, unhurried):
    sign_in(visitor, owner)
    visitor.post("/accounts/reauthenticate/", {"password": PASSWORD})
    back = begin(visitor, google, "?process=connect")

    answers = ask_at_once(visitor, back, 2)

    assert [(one.status_code, one["Location"]) for one in answers] == [
        (302, "/accounts/3rdparty/")
    ] * 2


@pytest.mark.parametrize("name", ["code", "state", "iss"])
@pytest.mark.django_db
def test_an_answer_with_a_repeated_parameter_signs_nobody_in(google, visitor, name):
    back = begin(visitor, google)

    answer = visitor.get(f"{back}&{name}=x")

    assert answer.status_code == 400
    assert not AuthSession.objects.exists()
    assert visitor.get(back).status_code == 302  # the attempt itself is not used up


@ALL
@pytest.mark.django_db
def test_back_or_f5_after_the_sign_in_leads_to_next(standin, visitor, deliver):
    back = begin(visitor, standin)
    first = visitor.get(back)
    again = visitor.get(back)

    if standin.name == "naver":  # Naver verifies no address, so the code comes first
        assert first["Location"].startswith("/accounts/confirm-email/")
        assert again.status_code == 409
    else:
        assert first["Location"] == again["Location"] == NEXT
        assert AuthSession.objects.count() == 1
        assert is_signed_in(visitor)


@pytest.mark.django_db
def test_a_browser_that_lost_the_first_answer_is_led_on(google, visitor):
    back = begin(visitor, google)
    before = same_browser(visitor)
    visitor.get(back)

    answer = before.get(back)

    assert answer.status_code == 409
    assert REFRESH in answer.text
    assert "session" not in answer.cookies  # it may have the new one from another answer
    assert not is_signed_in(before)


@pytest.mark.django_db
def test_the_page_is_in_korean_as_well(google, visitor):
    back = begin(visitor, google)
    before = same_browser(visitor)
    visitor.get(back)

    page = before.get(back, headers={"accept-language": "ko"}).text

    assert "이 페이지가 두 번 열려" in page


@ALL
@pytest.mark.django_db
def test_back_or_f5_after_a_cancel_leads_to_the_same_page(standin, visitor):
    back = begin(visitor, standin, choice="cancel")

    for _ in range(2):
        answer = visitor.get(back)

        assert answer.status_code == 302
        assert answer["Location"] == f"{CANCELLED}?next=%2Faccounts%2Fprofile%2F"
    page = visitor.get(answer["Location"])
    assert 'href="/accounts/login/?next=%2Faccounts%2Fprofile%2F"' in page.text


@pytest.mark.django_db
def test_f5_after_a_connection_leads_to_the_connections(google, visitor, connect, owner):
    connect(google)
    SocialAccount.objects.all().delete()
    back = begin(visitor, google, "?process=connect")

    answers = [visitor.get(back) for _ in range(2)]

    assert [answer["Location"] for answer in answers] == ["/accounts/3rdparty/"] * 2
    assert SocialAccount.objects.count() == 1


@pytest.mark.django_db
def test_f5_in_a_headless_sign_in_leads_to_its_frontend(google, visitor):
    start = visitor.post(
        "/_allauth/browser/v1/auth/provider/redirect",
        {"provider": "google", "process": "login", "callback_url": "/done?x=1"},
    )
    back = google.consent(start["Location"])
    before = same_browser(visitor)

    answers = [visitor.get(back), visitor.get(back), before.get(back)]

    assert [answer["Location"] for answer in answers] == ["/done?x=1"] * 3


@pytest.mark.django_db
def test_an_outage_of_redis_uses_up_no_state(google, visitor, use_redis, make_redis, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.3
    back = begin(visitor, google)
    cache = use_redis(make_redis(), "default")
    cache.freeze()
    outage = visitor.get(back)
    cache.thaw()

    answer = visitor.get(back)

    assert outage.status_code == 503
    assert answer["Location"] == NEXT
    assert is_signed_in(visitor)


@pytest.mark.django_db
def test_a_state_asked_for_at_another_provider_stays_good(google, kakao, visitor):
    back = begin(visitor, google)

    assert visitor.get(back.replace("/google/", "/kakao/")).status_code == 401
    assert visitor.get(back)["Location"] == NEXT
