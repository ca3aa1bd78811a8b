"""No value in Redis, opened or not, holds a cookie, an Authorization header or a password.

No key and no unopened value holds an email.

Each test walks one flow. After every request, all of Redis is searched for the secrets of that
request and of all earlier ones.
"""

import json
import re

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django_redis import get_redis_connection

from tests.kit import stored_sessions
from tests.kit.clients import CHROME, bearer, is_signed_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.factors import app_code
from tests.kit.mails import code_in, link_in
from tests.kit.proofs import confirm_by_password, let_proofs_age, send_again
from tests.kit.standins import MINJI

pytestmark = pytest.mark.django_db
NEW = "some other unrelated words"
WRONG = "a wrong guess of mine"
SECRET_CHARACTERS = 16
"""Shorter cookies are no secrets: a language, the name of a provider."""


READERS = {
    b"string": lambda redis, key: redis.get(key),
    b"zset": lambda redis, key: redis.zrange(key, 0, -1),
    b"set": lambda redis, key: redis.smembers(key),
    b"hash": lambda redis, key: redis.hgetall(key),
}


def raw():
    """All of Redis as one text: the keys, and the values as they are."""
    parts = []
    for alias in ("sessions", "default"):
        redis = get_redis_connection(alias)
        for key in redis.keys("*"):
            value = READERS[redis.type(key)](redis, key)
            parts.append(f"{key!r}: {value!r}")
    return "\n".join(parts)


def opened():
    """All sessions as one text, opened."""
    sessions = get_redis_connection("sessions")
    names = stored_sessions.names(sessions)
    return "\n".join(json.dumps(stored_sessions.opened(sessions, name)) for name in names)


class Watched(Client):
    """A client that searches Redis for its secrets after each request."""

    def __init__(self, **kwargs):
        super().__init__(headers={"user-agent": CHROME}, raise_request_exception=False, **kwargs)
        self.secrets = {PASSWORD, NEW, WRONG}

    def note(self, *values):
        self.secrets |= {value for value in values if len(value) >= SECRET_CHARACTERS}

    def request(self, **environ):
        self.note(*(cookie.value for cookie in self.cookies.values()))
        self.note(environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer "))
        response = super().request(**environ)
        assert response.status_code < 500, response.content
        self.note(*(cookie.value for cookie in response.cookies.values()))
        as_it_is = raw()
        for personal in ("example.com", "kakao.com"):
            assert personal not in as_it_is
        found = as_it_is + opened()
        for secret in self.secrets:
            for spelling in (secret, secret.replace(" ", "+"), secret.replace(" ", "%20")):
                assert spelling not in found, f"{environ['PATH_INFO']}: {spelling!r} in {found}"
        return response


@pytest.fixture
def visitor():
    return Watched(enforce_csrf_checks=False)


@pytest.fixture
def member(visitor, user):
    """A visitor who has the cookies of a real browser, and signs in by password."""
    visitor.get("/accounts/login/")
    visitor.post("/accounts/login/", {"login": user.email, "password": WRONG})
    visitor.post("/accounts/login/", {"login": user.email, "password": PASSWORD, "remember": "on"})
    assert is_signed_in(visitor)
    return visitor


def test_sign_up_by_code(visitor, deliver):
    visitor.get("/accounts/signup/")
    visitor.post("/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD})
    visitor.post("/accounts/confirm-email/", {"code": "XXXX-XXXX"})
    visitor.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})

    assert is_signed_in(visitor)


def test_sign_up_with_a_known_address(visitor, user):
    answer = visitor.post("/accounts/signup/", {"email": user.email, "password1": NEW})

    assert answer.status_code == 302


def test_step_up_by_password(member):
    let_proofs_age()
    asked = member.post("/accounts/email/", {"action_add": "", "email": "new@example.com"})
    member.get(asked["Location"])
    member.post(asked["Location"], {"password": WRONG})
    done = send_again(member, confirm_by_password(member, asked))

    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert done["Location"] == "/accounts/confirm-email/"


def test_step_up_by_code(member, user, deliver):
    let_proofs_age()
    member.post("/accounts/email/", {"action_add": "", "email": "new@example.com"})
    member.post("/accounts/reauthenticate/code/", {"recipient": user.email})
    member.post("/accounts/reauthenticate/code/confirm/", {"code": code_in(deliver()[-1])})

    assert is_signed_in(member)


def test_step_up_before_a_first_password(member, user):
    user.set_unusable_password()
    user.save()

    asked = member.post("/accounts/password/set/", {"password1": NEW, "password2": NEW})

    assert asked.status_code == 302


def test_a_first_password_is_not_kept_during_a_step_up(kakao, walk, visitor, deliver):
    walk(kakao, visitor)
    let_proofs_age()
    asked = visitor.post("/accounts/password/set/", {"password1": NEW})
    visitor.post("/accounts/reauthenticate/code/", {"recipient": EmailAddress.objects.get().email})
    back = visitor.post(
        "/accounts/reauthenticate/code/confirm/?next=/accounts/password/set/",
        {"code": code_in(deliver()[-1]), "next": "/accounts/password/set/"},
    )
    set_now = visitor.post("/accounts/password/set/", {"password1": NEW})

    assert (
        asked["Location"] == "/accounts/reauthenticate/code/?next=%2Faccounts%2Fpassword%2Fset%2F"
    )
    assert (back.status_code, back["Location"]) == (302, "/accounts/password/set/")
    assert set_now["Location"] == "/accounts/"


def test_new_recovery_codes(member):
    page = member.get("/accounts/2fa/totp/activate/").text
    secret = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', page)[1].replace(" ", "")
    shown = member.post("/accounts/2fa/totp/activate/", {"code": app_code(secret)}, follow=True)
    codes = re.findall(r"<li><code>(.+?)</code>", shown.text)
    member.secrets |= {*codes, *(code.replace("-", "") for code in codes)}
    again = member.get("/accounts/2fa/recovery-codes/new/")

    assert len(codes) == 10
    assert all(code in again.text for code in codes)


def test_password_change_and_reset(member, user, deliver):
    member.post("/accounts/password/change/", {"oldpassword": WRONG, "password1": NEW})
    member.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW})
    assert is_signed_in(member)
    member.post("/accounts/logout/")
    member.post("/accounts/password/reset/", {"email": user.email})
    link = link_in(deliver()[-1]).split("testserver")[1]
    form = member.get(link)
    done = member.post(form["Location"], {"password1": PASSWORD})

    assert done.status_code == 302


def test_provider_sign_in_and_sign_up(kakao, walk, visitor, deliver):
    walk(kakao, visitor, identity="4012345673")
    visitor.post("/accounts/3rdparty/signup/", {"email": "seoyeon@example.org"})
    visitor.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})

    assert is_signed_in(visitor)


def test_linking_by_password(google, walk, visitor, prove, owner):
    walk(google, visitor)
    prove(browser=visitor, password=WRONG)
    prove(browser=visitor, password=PASSWORD)

    assert SocialAccount.objects.get().user == owner
    assert owner.email == MINJI


def test_connecting_with_a_step_up_and_disconnecting(google, member):
    let_proofs_age()
    asked = member.post("/accounts/google/login/?process=connect")
    start = send_again(member, confirm_by_password(member, asked))
    member.get(google.consent(start["Location"]))
    account = SocialAccount.objects.get()
    let_proofs_age()
    asked = member.post("/accounts/3rdparty/", {"account": account.pk})
    send_again(member, confirm_by_password(member, asked))

    assert not SocialAccount.objects.exists()


def test_an_app_signs_in_steps_up_and_refreshes(visitor, deliver, settings):
    user = UserFactory()

    def call(path, body, **headers):
        return visitor.post(
            f"/_allauth/app/v1/{path}",
            json.dumps(body),
            content_type="application/json",
            headers=headers,
        )

    pair = visitor.post(
        "/api/token/",
        json.dumps({"email": user.email, "password": PASSWORD}),
        content_type="application/json",
    ).json()
    me = bearer(pair["access"])
    visitor.note(pair["refresh"])
    call("account/email", {"email": "new@example.com"}, **me)
    call("auth/reauthenticate", {"password": WRONG}, **me)
    call("auth/reauthenticate", {"password": PASSWORD}, **me)
    call("account/password/change", {"current_password": PASSWORD, "new_password": NEW}, **me)
    call("auth/signup", {"email": "app@example.com", "password": PASSWORD})

    answer = visitor.post(
        "/api/token/refresh/",
        json.dumps({"refresh": pair["refresh"]}),
        content_type="application/json",
    )

    assert answer.status_code == 200
