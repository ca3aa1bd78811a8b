"""Sign in by a mailed code through allauth's headless API, as an app and as a frontend."""

import json
import re

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.signins.models import AuthSession
from tests.kit.clients import bearer, is_signed_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in
from tests.kit.problems import problem
from tests.kit.racing import at_once

pytestmark = pytest.mark.django_db
NOBODY = "nobody@example.com"
BROWSER = "/_allauth/browser/v1/auth"


@pytest.fixture
def ask(app):
    """Ask for a code, and return the session token of the attempt."""

    def run(email):
        response = app("POST", "auth/code/request", {"email": email})
        assert response.status_code == 401, response.content
        return response.json()["meta"]["session_token"]

    return run


@pytest.fixture
def confirm(app):
    def run(token, code):
        return app("POST", "auth/code/confirm", {"code": code}, x_session_token=token)

    return run


def last_code(deliver):
    return code_in(deliver()[-1])


def told(response, email):
    """Return all that the caller can see, without the parts that are random in each answer."""
    text = re.sub(r'"(session_token|request_id)": "[^"]*"', "", response.text).replace(email, "")
    text = re.sub(r"[0-9]+ seconds?", "", text)  # what is left of a pause
    return response.status_code, text, [*response.headers]


def test_an_app_signs_in_by_a_code(ask, confirm, user, deliver):
    token = ask(user.email)
    response = confirm(token, last_code(deliver))

    assert response.status_code == 200
    assert response.json()["meta"]["access_token"]
    assert "session_token" not in response.json()["meta"]
    assert (AuthSession.objects.get().kind, AuthSession.objects.get().amr) == ("token", ["otp"])


def test_the_flow_is_listed(app, user):
    flows = app("POST", "auth/login", {"email": user.email, "password": "wrong"})
    pending = app("POST", "auth/code/request", {"email": user.email}).json()["data"]["flows"]

    assert flows.status_code == 400
    assert {"id": "login_by_code", "is_pending": True} in pending


def test_a_frontend_signs_in_by_a_code_and_stays(user, deliver):
    browser = Client()

    def post(step, body):
        return browser.post(f"{BROWSER}/{step}", json.dumps(body), content_type="application/json")

    post("code/request", {"email": user.email, "remember": True})
    response = post("code/confirm", {"code": last_code(deliver)})

    assert response.status_code == 200
    assert response.cookies["stay"].value == "1"
    assert is_signed_in(browser)


@pytest.mark.parametrize("state", ["unknown", "disabled"])
def test_answers_are_the_same_without_an_account(app, ask, confirm, user, state):
    other = NOBODY if state == "unknown" else UserFactory(disabled=True).email
    seen = []
    for email in (user.email, other):
        first = app("POST", "auth/code/request", {"email": email})
        token = first.json()["meta"]["session_token"]
        answers = [first, *[confirm(token, "0000-0000") for _ in range(6)]]
        answers += [app("POST", "auth/code/resend", {}, x_session_token=token)]
        answers += [app("POST", "auth/code/request", {"email": email}) for _ in range(3)]
        seen.append([told(answer, email) for answer in answers])

    assert seen[0] == seen[1]
    assert seen[0][-1][0] == 429


def test_too_many_codes_get_a_problem_that_says_when(app, user):
    answers = [app("POST", "auth/code/request", {"email": user.email}) for _ in range(4)]

    assert answers[3].json() == problem(429, "too_many_requests")
    assert answers[3]["Retry-After"] == "60"


def test_a_new_code_has_to_wait(app, ask, user, deliver):
    token = ask(user.email)

    response = app("POST", "auth/code/resend", {}, x_session_token=token)

    assert response.json() == problem(429, "too_many_requests")
    assert 0 < int(response["Retry-After"]) <= 10
    assert len(deliver()) == 1


def test_a_stale_access_token_does_not_disturb(app, user):
    headers = bearer("stale")

    assert app("POST", "auth/code/request", {"email": user.email}, **headers).status_code == 401


def test_a_signed_in_app_is_sent_no_code(app, user, pair, deliver):
    response = app("POST", "auth/code/request", {"email": user.email}, **bearer(pair["access"]))

    assert response.status_code == 409
    assert deliver() == []


def test_a_code_works_only_in_the_session_that_asked(ask, confirm, user, deliver):
    ask(user.email)
    code = last_code(deliver)
    other = ask(user.email)

    assert confirm(other, code).status_code == 400
    assert not AuthSession.objects.exists()


def test_a_code_does_not_verify_an_email_or_reset_a_password(app, ask, user, deliver):
    token = ask(user.email)
    code = last_code(deliver)

    answers = [
        app("POST", "auth/email/verify", {"key": code}, x_session_token=token),
        app("POST", "auth/password/reset", {"key": code, "password": "a long new password"}),
        app("POST", "auth/reauthenticate/code/confirm", {"code": code}, x_session_token=token),
    ]

    assert [answer.status_code for answer in answers] == [409, 400, 401]


def test_the_code_of_a_sign_up_is_not_one_of_a_sign_in(app, ask, confirm, user, deliver):
    body = {"email": "new@example.com", "password": "a long new password"}
    signing_up = app("POST", "auth/signup", body).json()["meta"]["session_token"]
    code = last_code(deliver)

    assert confirm(signing_up, code).status_code == 409
    assert confirm(ask(user.email), code).status_code == 400


def test_the_proof_takes_a_strangers_password_away(ask, confirm, app, deliver):
    user = UserFactory(email="mia@example.com", verified=False)

    response = confirm(ask(user.email), last_code(deliver))

    user.refresh_from_db()
    assert response.status_code == 200
    assert not user.has_usable_password()
    assert EmailAddress.objects.get(user=user).verified
    stranger = app("POST", "auth/login", {"email": user.email, "password": PASSWORD})
    assert stranger.status_code == 400


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", ["page", "app"])
def test_a_code_sent_six_times_at_once_opens_one_sign_in(ask, confirm, user, deliver, door):
    if door == "app":
        token = ask(user.email)
        code = last_code(deliver)
        answers = at_once(6, lambda _: confirm(token, code).status_code)
    else:
        browser = Client()
        browser.post("/accounts/login/code/", {"email": user.email})
        code, cookie = last_code(deliver), browser.cookies["session"].value

        def send(_):
            one = Client()
            one.cookies["session"] = cookie
            return one.post("/accounts/login/code/confirm/", {"code": code}).status_code

        answers = at_once(6, send)

    assert AuthSession.objects.count() == 1
    assert not {status for status in answers if status >= 500}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["known", "unknown"])
def test_of_eight_requests_at_once_three_are_mailed(app, user, deliver, kind):
    """Requests at the same time must not show more than requests one after the other."""
    email = user.email if kind == "known" else NOBODY

    statuses = at_once(8, lambda _: app("POST", "auth/code/request", {"email": email}).status_code)

    assert sorted(statuses) == [401] * 3 + [429] * 5
    assert len(deliver()) == 3
