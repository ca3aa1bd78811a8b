"""A way back that this browser knows nothing of: the page says so, and one button begins again."""

import json
import re

import pytest
from allauth.socialaccount.internal import statekit
from django.test import Client
from django.utils.http import MAX_URL_LENGTH

from accounts import encryption
from accounts.federation import states
from accounts.signins.models import AuthSession
from tests.kit.clients import is_signed_in, sign_in

ALL = pytest.mark.parametrize("standin", ["google", "kakao", "naver"], indirect=True)
pytestmark = pytest.mark.django_db
NEXT = "/accounts/profile/"
QUERY = "next=%2Faccounts%2Fprofile%2F"
WORDS = "this sign-in began in another browser or too long ago, or it is over already."


def begin(browser, standin, query=f"?next={NEXT}", **consent):
    start = browser.post(f"/accounts/{standin.name}/login/{query}")
    return standin.consent(start["Location"], **consent)


def actions(page):
    """Where the buttons of the page lead, without the switch of languages."""
    main = page.text.partition("<main")[2].partition("</main>")[0]
    found = re.findall(r'action="([^"]+)"|class="button" href="([^"]+)"', main)
    return [(form or link).replace("&amp;", "&") for form, link in found]


def assert_begins_here(page, standin, query=f"process=login&{QUERY}"):
    assert page.status_code == 401
    assert WORDS in page.text
    assert "did not confirm" not in page.text
    assert page["Cache-Control"] == "no-store"
    assert actions(page) == [f"/accounts/{standin.name}/login/?{query}"]


@ALL
@pytest.mark.parametrize("choice", ["continue", "cancel"])
def test_a_callback_in_another_browser_can_begin_again_there(standin, visitor, choice):
    back = begin(Client(), standin, choice=choice)

    page = visitor.get(back)

    assert_begins_here(page, standin)
    assert not is_signed_in(visitor)
    start = visitor.post(actions(page)[0])
    assert start.status_code == 302
    if standin.name != "naver":
        assert visitor.get(standin.consent(start["Location"]))["Location"] == NEXT
        assert is_signed_in(visitor)


def test_the_page_leads_to_the_other_ways_to_sign_in(google, visitor):
    page = visitor.get(begin(Client(), google))

    assert f'href="/accounts/login/?{QUERY}"' in page.text


@pytest.mark.parametrize("choice", ["continue", "cancel"])
def test_a_callback_after_a_sign_out_can_begin_again(google, visitor, user, choice):
    sign_in(visitor, user)
    back = begin(visitor, google, choice=choice)
    visitor.post("/accounts/logout/")

    assert_begins_here(visitor.get(back), google)


@pytest.mark.parametrize("choice", ["continue", "cancel"])
def test_a_callback_that_comes_late_can_begin_again(google, visitor, monkeypatch, choice):
    back = begin(visitor, google, choice=choice)
    monkeypatch.setattr(statekit, "STATE_TTL", -1)

    assert_begins_here(visitor.get(back), google)
    assert not AuthSession.objects.exists()


def test_a_callback_used_again_after_a_sign_out_can_begin_again(google, visitor):
    back = begin(visitor, google)
    visitor.get(back)
    visitor.post("/accounts/logout/")

    assert_begins_here(visitor.get(back), google)


def test_a_signed_in_browser_is_led_to_next(google, visitor, user):
    sign_in(visitor, user)
    back = begin(Client(), google)

    assert visitor.get(back)["Location"] == NEXT
    assert AuthSession.objects.count() == 1


def test_a_connection_that_began_elsewhere_leads_to_the_connections(google, visitor, user):
    sign_in(visitor, user)
    other = Client()
    sign_in(other, user)
    back = begin(other, google, "?process=connect")

    page = visitor.get(back)

    assert page.status_code == 401
    assert actions(page) == ["/accounts/3rdparty/"]


def test_a_headless_sign_in_in_another_browser_is_sent_to_its_frontend(google, visitor):
    start = Client().post(
        "/_allauth/browser/v1/auth/provider/redirect",
        {"provider": "google", "process": "login", "callback_url": "/done?x=1"},
    )

    answer = visitor.get(google.consent(start["Location"]))

    assert answer.status_code == 302
    assert answer["Location"] == "/done?x=1&error=unknown&error_process=login"


def test_the_page_is_in_korean_as_well(google, visitor):
    page = visitor.get(begin(Client(), google), headers={"accept-language": "ko"})

    assert "여기에서 다시 시작해 주세요" in page.text
    assert "다른 브라우저에서 시작했거나" in page.text


def sealed(**content):
    return "x." + encryption.encrypt(json.dumps(content))


@pytest.mark.parametrize(
    "state",
    [
        states.draw({"next": "https://attacker.example/", "process": "login"}),
        states.draw({"next": "//attacker.example/", "process": "login"}),
        states.draw({"next": "javascript:alert(1)", "process": "login"}),
        states.draw({"next": "/" + "a" * states.MAX_NEXT_CHARACTERS, "process": "login"}),
        states.draw({"next": NEXT})[:-1],
        sealed(next=NEXT),
        sealed(purpose="link", next=NEXT),
        "x." + encryption.encrypt("[]"),
        "x." + encryption.encrypt("{"),
        "",
        "x",
        "\x00",
        "가.나",
    ],
)
@pytest.mark.parametrize("query", [{"code": "abc"}, {"error": "access_denied"}])
def test_a_next_that_is_not_safe_or_not_ours_is_dropped(visitor, state, query, provider_settings):
    page = visitor.get("/accounts/google/login/callback/", {"state": state} | query)

    assert page.status_code == 401
    assert actions(page) == ["/accounts/google/login/?process=login"]


def test_a_state_shows_nobody_where_it_leads(google, visitor):
    start = visitor.post(f"/accounts/google/login/?next={NEXT}")

    assert "profile%2F" not in start["Location"]


def test_a_state_that_a_browser_does_not_know_signs_nobody_in(google, visitor):
    """What a state carries is no proof: a good code with another's state ends on the page."""
    theirs = begin(Client(), google)
    visitor.post("/accounts/google/login/")

    assert_begins_here(visitor.get(theirs), google)
    assert not is_signed_in(visitor)


@pytest.mark.parametrize("length", [states.MAX_NEXT_CHARACTERS, 2000, 9000])
def test_many_attempts_with_a_long_next_fit_into_a_session(visitor, google, length):
    """The oldest ones are forgotten. The last one still leads to its page, if Django redirects so far."""
    target = "/accounts/?n=" + "n" * (length - 13)

    starts = [visitor.post(f"/accounts/google/login/?next={target}") for _ in range(15)]
    back = visitor.get(google.consent(starts[-1]["Location"]))

    assert {start.status_code for start in starts} == {302}
    assert back["Location"] == (target if length <= MAX_URL_LENGTH else "/accounts/")


def test_a_refused_sign_in_keeps_next(google, visitor):
    google.misbehave("forged_signature")

    page = visitor.get(begin(visitor, google))

    assert page.status_code == 401
    assert actions(page) == [f"/accounts/login/?{QUERY}"]


def test_the_error_page_without_a_provider_still_says_a_whole_sentence(visitor):
    page = visitor.get("/accounts/3rdparty/login/error/")

    assert "<p>The other site did not confirm who you are." in page.text
