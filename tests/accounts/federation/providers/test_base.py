"""Send requests to a provider, and accept only the answers to them."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.people.models import User
from tests.kit.clients import is_signed_in

pytestmark = pytest.mark.django_db


VOUCHING = pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)
ALL = pytest.mark.parametrize("standin", ["google", "kakao", "naver"], indirect=True)


def asked(browser, provider, query=""):
    start = browser.post(f"/accounts/{provider}/login/{query}")
    return {name: one for name, [one] in parse_qs(urlsplit(start["Location"]).query).items()}


@ALL
def test_pkce_and_state_are_sent_under_all_settings(standin, visitor, provider_settings):
    provider_settings[standin.name]["OAUTH_PKCE_ENABLED"] = False

    query = asked(visitor, standin.name)

    assert query["code_challenge_method"] == "S256"
    assert len(query["code_challenge"]) == 43
    assert len(query["state"]) >= 16
    assert query["response_type"] == "code"


@pytest.mark.parametrize(
    ("standin", "asking"),
    [
        ("google", {"prompt": "select_account consent", "max_age": "0"}),
        ("kakao", {"prompt": "login"}),
        ("naver", {"auth_type": "reauthenticate"}),
    ],
    indirect=["standin"],
)
def test_a_reauthentication_makes_the_provider_ask_again(standin, visitor, asking):
    usual = asked(visitor, standin.name)
    again = asked(visitor, standin.name, "?action=reauthenticate")

    assert asking.items() <= again.items()
    assert not asking.keys() & usual.keys()


def test_google_is_sent_a_nonce_that_is_new_each_time(google, visitor):
    first, second = asked(visitor, "google"), asked(visitor, "google")

    assert len(first["nonce"]) == 43
    assert first["nonce"] != second["nonce"]
    assert first["state"] != second["state"]
    assert first["nonce"] != first["code_challenge"]


@ALL
@pytest.mark.parametrize(
    "query",
    [
        "?auth_params=redirect_uri%3Dhttps%3A%2F%2Fattacker.example%2F",
        "?auth_params=state%3Dchosen",
        "?auth_params=client_id%3Danother",
        "?auth_params=response_type%3Dtoken",
        "?scope=https://www.googleapis.com/auth/drive",
    ],
)
def test_query_parameters_do_not_change_the_providers_request(standin, visitor, query):
    usual = asked(visitor, standin.name)

    changed = asked(visitor, standin.name, query)

    fresh = {"state", "nonce", "code_challenge"}
    assert {k: v for k, v in changed.items() if k not in fresh} == {
        k: v for k, v in usual.items() if k not in fresh
    }
    assert changed["state"] != "chosen"


@VOUCHING
def test_an_answer_works_once(standin, visitor):
    start = visitor.post(f"/accounts/{standin.name}/login/")
    back = standin.consent(start["Location"])
    visitor.get(back)
    visitor.post("/accounts/logout/")

    answer = visitor.get(back)

    assert answer.status_code == 401
    assert not is_signed_in(visitor)


@ALL
def test_an_answer_works_only_in_the_browser_that_started(standin, visitor):
    """Otherwise an attacker's answer would sign a victim in to the attacker's account."""
    start = Client().post(f"/accounts/{standin.name}/login/")

    answer = visitor.get(standin.consent(start["Location"]))

    assert answer.status_code == 401
    assert not is_signed_in(visitor)
    assert not User.objects.exists()


def test_the_state_of_one_provider_does_not_work_for_another(google, kakao, visitor):
    start = visitor.post("/accounts/google/login/")
    back = google.consent(start["Location"])

    answer = visitor.get(back.replace("/google/", "/kakao/"))

    assert answer.status_code == 401
    assert not is_signed_in(visitor)


def test_an_answer_that_names_another_issuer_is_refused(google, visitor):
    start = visitor.post("/accounts/google/login/")
    back = google.consent(start["Location"])

    answer = visitor.get(back.replace("iss=http", "iss=https"))

    assert answer.status_code == 401
    assert not User.objects.exists()
