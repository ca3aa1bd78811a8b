"""A sign-up by the headless API that is sent twice: the same answers, account or not."""

import json

import pytest
from django.test import Client
from django.utils import timezone
from django_redis import get_redis_connection

from accounts.people.models import User
from tests.kit.clients import CHROME
from tests.kit.factories import PASSWORD
from tests.kit.mails import code_in

pytestmark = pytest.mark.django_db
NEW, OTHER_PASSWORD = "new@example.com", "another long and odd phrase"
PENDING = {"id": "verify_email", "is_pending": True}


def app(email, token="", password=PASSWORD):
    return post(Client(), "app", email, password, {"x-session-token": token} if token else {})


def browser(email):
    return post(Client(headers={"user-agent": CHROME}), "browser", email, PASSWORD, {})


def page(email):
    return Client().post("/accounts/signup/", {"email": email, "password1": PASSWORD})


def post(client, kind, email, password, headers):
    body = json.dumps({"email": email, "password": password})
    path = f"/_allauth/{kind}/v1/auth/signup"
    return client.post(path, body, content_type="application/json", headers=headers)


def seen(answer, email):
    """Return everything that a client sees, apart from the address and random values."""
    body = answer.json() | {"request_id": ""}
    body.pop("meta", None)
    text = json.dumps(body).replace(email, "ADDRESS")
    headers = sorted(name for name in answer.headers if name != "Content-Length")
    return answer.status_code, headers, text, sorted(answer.cookies)


@pytest.mark.parametrize("first", [app, browser, page])
@pytest.mark.parametrize("second", [app, browser])
def test_a_second_sign_up_answers_equally(user, first, second, time_machine):
    time_machine.move_to(timezone.now(), tick=False)  # the answers name the seconds to wait
    answers = []
    for email in (user.email, NEW):
        first(email)
        answers.append(second(email))

    known, new = answers
    assert seen(known, user.email) == seen(new, NEW)
    assert new.status_code == 429
    assert int(new["Retry-After"]) in range(1, 11)


def in_one_session(email, password=PASSWORD):
    token = app(email).json()["meta"]["session_token"]
    return token, app(email, token, password)


def test_the_same_session_keeps_its_code_step(user):
    answers = [seen(in_one_session(email)[1], email) for email in (user.email, NEW)]

    assert answers[0] == answers[1]
    assert answers[0][0] == 401
    assert PENDING in json.loads(answers[0][2])["data"]["flows"]


def test_the_first_code_still_works(deliver):
    token, _again = in_one_session(NEW)

    done = Client().post(
        "/_allauth/app/v1/auth/email/verify",
        json.dumps({"key": code_in(deliver()[0])}),
        content_type="application/json",
        headers={"x-session-token": token},
    )

    assert done.status_code == 200
    assert len(deliver()) == 1


def test_the_last_password_counts(deliver):
    token, _again = in_one_session(NEW, OTHER_PASSWORD)

    Client().post(
        "/_allauth/app/v1/auth/email/verify",
        json.dumps({"key": code_in(deliver()[0])}),
        content_type="application/json",
        headers={"x-session-token": token},
    )

    assert User.objects.get().check_password(OTHER_PASSWORD)


def test_another_session_does_not_lose_the_step_of_the_first(deliver):
    token = app(NEW).json()["meta"]["session_token"]
    app(NEW)

    answer = Client().get("/_allauth/app/v1/auth/session", headers={"x-session-token": token})

    assert PENDING in answer.json()["data"]["flows"]


def test_after_the_pause_a_new_code_is_mailed(deliver):
    token = app(NEW).json()["meta"]["session_token"]
    get_redis_connection("default").flushdb()
    token = app(NEW).json()["meta"]["session_token"]

    again = app(NEW, token)

    assert again.status_code == 401
    assert len(deliver()) == 2
