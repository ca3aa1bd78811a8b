"""Test sign-in by native apps: which tokens are accepted, how often, and with which answers."""

import base64
import json
import time
from unittest.mock import ANY

import jwt
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.federation.wire import jwks
from accounts.outbox.models import Job
from accounts.people import profile_fields
from accounts.people.models import User
from accounts.signins.models import AuthSession
from demo.keys import SigningKey
from tests.kit.clients import bearer
from tests.kit.factories import UserFactory
from tests.kit.problems import invalid, problem
from tests.kit.standins import access_token_in

pytestmark = pytest.mark.django_db
BOTH = pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)
DOORS = pytest.mark.parametrize("door", ["api", "headless"])
PATH = "/api/token/social/"
PAIR = {"access": ANY, "refresh": ANY, "token_type": "Bearer", "expires_in": 3600, "sid": ANY}
REFUSED = problem(401, "invalid_credentials")
ROBIN, DOYUN, SEOYEON = "100000000000000000003", "4012345672", "4012345673"


def tokens_of(standin, *kinds, **form):
    """Return the tokens for a sign-in: Google's ID token; Kakao's access token, for the email."""
    tokens = standin.native(**form)
    usual = ["id_token"] if standin.name == "google" else ["access_token"]
    return {kind: tokens[kind] for kind in kinds or usual}


def email_of(response):
    assert response.status_code == 200, response.content
    answer = Client().get("/api/me/", headers=bearer(access_token_in(response)))
    return answer.json()["email"]


def is_refused(door, response):
    if door == "api":
        return response.status_code == 401 and response.json() == REFUSED
    return response.status_code == 400 and response.json()["errors"][0]["code"] == "invalid_token"


@BOTH
def test_a_new_user_gets_an_account_and_a_pair(standin, send):
    response = send("api", standin, tokens_of(standin))

    assert response.status_code == 200
    assert response.json() == PAIR
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies
    user = User.objects.get()
    assert user.email == "minji.kim@example.com"
    assert SocialAccount.objects.get().user == user
    assert EmailAddress.objects.get().verified
    session = AuthSession.objects.get()
    assert (session.kind, session.amr, str(session.pk)) == (
        "token",
        [standin.name],
        response.json()["sid"],
    )
    assert set(AuditEvent.objects.values_list("type", flat=True)) == {
        "user.signed_up",
        "login.succeeded",
    }


@DOORS
@BOTH
def test_the_same_person_gets_the_same_account_again(standin, send, door):
    first = email_of(send("api", standin, tokens_of(standin)))

    again = email_of(send(door, standin, tokens_of(standin)))

    assert first == again
    assert User.objects.count() == 1


@BOTH
def test_web_and_app_use_the_same_account(standin, send, walk):
    walk(standin)

    email_of(send("api", standin, tokens_of(standin)))

    assert User.objects.count() == SocialAccount.objects.count() == 1


@BOTH
def test_nothing_is_left_in_redis_but_what_was_used(standin, send, session_keys):
    before = session_keys()

    send("api", standin, tokens_of(standin))

    assert session_keys() == before


@DOORS
@BOTH
def test_a_token_of_another_app_is_refused(standin, send, door):
    """Otherwise that app's owner could sign in here as any of the app's users."""
    tokens = tokens_of(standin, "id_token", client_id="another-app")

    assert is_refused(door, send(door, standin, tokens))
    assert not User.objects.exists()


@DOORS
def test_an_access_token_of_another_kakao_app_is_refused(kakao, send, door, provider_settings):
    provider_settings["kakao"]["APP_ID"] = 1

    assert is_refused(door, send(door, kakao, tokens_of(kakao)))
    assert not User.objects.exists()


def test_without_our_app_id_every_access_token_is_refused(kakao, send, provider_settings):
    provider_settings["kakao"]["APP_ID"] = 0

    assert is_refused("api", send("api", kakao, tokens_of(kakao)))


@pytest.mark.parametrize("client_id", ["google-web", "google-ios", "google-android"])
def test_a_token_for_any_of_our_client_ids_is_accepted(google, send, client_id):
    assert email_of(send("api", google, tokens_of(google, client_id=client_id)))


def test_an_android_apps_token_for_the_web_client_is_accepted(google, send, monkeypatch):
    """Google then sets `aud` to the web client and `azp` to the app."""
    token = resigned(google, aud="google-web", azp="google-android")

    assert email_of(send("api", google, {"id_token": token}))


def test_googles_issuer_without_a_scheme_is_accepted(google, send):
    token = resigned(google, iss=google.origin.removeprefix("http://"))

    assert email_of(send("api", google, {"id_token": token}))


def resigned(standin, **changes):
    """Return the stand-in's token with other claims, signed by a key that it has published."""
    token = standin.native()["id_token"]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    key = SigningKey()
    uri = f"{standin.origin}/oauth2/v3/certs"
    keys = jwks._sets.setdefault(uri, jwks.KeySet(uri))
    keys._keys, keys._read_at = {key.kid: key.public_key}, time.monotonic()
    return key.sign(claims | changes)


def test_several_audiences_need_an_azp_of_ours(google, send):
    both = ["google-web", "google-ios"]

    without = send("api", google, {"id_token": resigned(google, aud=both, azp=None)})
    with_ours = send("api", google, {"id_token": resigned(google, aud=both, azp="google-ios")})

    assert is_refused("api", without)
    assert with_ours.status_code == 200


@pytest.mark.parametrize("seconds", [20, -20])
def test_a_clock_difference_of_20_seconds_is_accepted(google, send, seconds):
    now = int(time.time())
    token = resigned(google, iat=now + seconds, exp=now + seconds + (3600 if seconds > 0 else 0))

    assert email_of(send("api", google, {"id_token": token}))


@DOORS
@BOTH
@pytest.mark.parametrize(
    ("asked", "sent"),
    [("nonce-1", "nonce-2"), ("nonce-1", ""), ("", "nonce-1"), ("nonce-1", "nonce-")],
)
def test_the_nonce_must_match_the_token(standin, send, door, asked, sent):
    email_of(send("api", standin, tokens_of(standin)))
    tokens = tokens_of(standin, "id_token", **({"nonce": asked} if asked else {}))

    refused = send(door, standin, tokens, nonce=sent)
    taken = send(door, standin, tokens, nonce=asked)

    assert is_refused(door, refused)
    assert taken.status_code == 200


def test_tokens_of_two_people_are_refused(kakao, send):
    mine, yours = kakao.native(), kakao.native(identity=DOYUN)

    response = send(
        "api", kakao, {"id_token": mine["id_token"], "access_token": yours["access_token"]}
    )

    assert is_refused("api", response)


def test_kakaos_id_token_alone_does_not_verify_the_email(kakao, send):
    response = send("api", kakao, tokens_of(kakao, "id_token"))

    assert response.status_code == 401
    assert response.json() == problem(401, "email_unverified")
    assert not User.objects.exists()


def test_both_of_kakaos_tokens_together_sign_a_new_user_in(kakao, send):
    tokens = tokens_of(kakao, "id_token", "access_token", nonce="n")

    assert email_of(send("api", kakao, tokens, nonce="n")) == "minji.kim@example.com"


@pytest.mark.parametrize(
    ("standin", "identity"),
    [("google", ROBIN), ("kakao", DOYUN), ("kakao", SEOYEON)],
    indirect=["standin"],
)
def test_an_unverified_email_makes_no_account_and_no_mail(standin, send, identity):
    response = send("api", standin, tokens_of(standin, identity=identity))

    assert response.status_code == 401
    assert response.json() == problem(401, "email_unverified")
    assert "/_allauth/app/v1/auth/provider/token" in response.json()["detail"]
    assert not User.objects.exists()
    assert not Job.objects.filter(kind="mail").exists()


def test_the_headless_door_then_accepts_the_same_token(google, send, deliver):
    tokens = tokens_of(google, identity=ROBIN)
    send("api", google, tokens)

    response = send("headless", google, tokens)

    assert response.status_code == 401
    pending = [flow["id"] for flow in response.json()["data"]["flows"] if flow.get("is_pending")]
    assert pending == ["verify_email"]
    assert [mail.to for mail in deliver()] == [["robin.park@example.org"]]


@BOTH
def test_an_account_with_the_same_email_is_never_signed_in(standin, send):
    owner = UserFactory(email="minji.kim@example.com")

    response = send("api", standin, tokens_of(standin))

    assert response.status_code == 409
    assert response.json() == problem(409, "account_exists", link_token=ANY, expires_in=600)
    assert response["Cache-Control"] == "no-store"
    assert not SocialAccount.objects.exists()
    assert not AuthSession.objects.exists()
    assert not Job.objects.filter(kind="mail").exists()
    assert User.objects.get() == owner


def test_an_unverified_email_does_not_reveal_an_account(google, send):
    UserFactory(email="robin.park@example.org")

    response = send("api", google, tokens_of(google, identity=ROBIN))

    assert response.json() == problem(401, "email_unverified")


@BOTH
def test_a_disabled_account_gets_the_bad_token_answer(standin, send):
    email_of(send("api", standin, tokens_of(standin)))
    User.objects.update(is_active=False)

    response = send("api", standin, tokens_of(standin))

    assert response.status_code == 401
    assert response.json() == REFUSED
    event = AuditEvent.objects.filter(type="login.failed").get()
    assert (event.user, event.reason) == (User.objects.get(), "user_inactive")


@DOORS
def test_a_malformed_access_token_is_not_sent_to_the_provider(kakao, send, door):
    for token in ("a b", "a\r\nX: 1", "가", "\ud800", "=", "a" * 4097):
        response = send(door, kakao, {"access_token": token})
        assert response.status_code in {400, 401}, token


def test_google_accepts_no_access_token(google, send):
    response = send("api", google, {"access_token": google.native()["access_token"]})

    assert response.status_code == 400
    assert response.json() == invalid(("/id_token", "required"))


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("/provider", "required")]),
        ({"provider": "naver", "id_token": "x"}, [("/provider", "invalid_choice")]),
        ({"provider": "google"}, [("/id_token", "required")]),
        ({"provider": "google", "id_token": None}, [("/id_token", "null")]),
        ({"provider": "google", "id_token": ["x"]}, [("/id_token", "invalid")]),
        ({"provider": "google", "id_token": "x" * 8193}, [("/id_token", "max_length")]),
        ({"provider": "google", "id_token": "x", "code": "y"}, [("/code", "unknown_field")]),
        ({"provider": "google", "id_token": "x", "nonce": "n" * 256}, [("/nonce", "max_length")]),
    ],
)
def test_a_bad_body_returns_each_error(post, body, errors):
    response = post(PATH, body)

    assert response.status_code == 400
    assert response.json() == invalid(*errors)


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_only_post_is_allowed(method):
    assert getattr(Client(), method)(PATH).status_code == 405


def test_the_refresh_token_can_be_delivered_by_cookie(google):
    response = Client().post(
        PATH,
        json.dumps({"provider": "google"} | tokens_of(google)),
        content_type="application/json",
        headers={"x-token-delivery": "cookie", "origin": "https://app.example.com"},
    )

    assert "refresh" not in response.json()
    cookie = response.cookies["refresh"]
    assert cookie.value
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")


def test_a_foreign_page_gets_no_cookie_and_spends_no_token(google, send):
    tokens = tokens_of(google)
    response = Client().post(
        PATH,
        json.dumps({"provider": "google"} | tokens),
        content_type="application/json",
        headers={"x-token-delivery": "cookie", "origin": "https://evil.example"},
    )

    assert response.status_code == 403
    assert response.json() == problem(403, "origin_refused")
    assert email_of(send("api", google, tokens))


def test_the_browsers_own_sign_in_stays(google, signed_in):
    response = signed_in.post(
        PATH,
        json.dumps({"provider": "google"} | tokens_of(google)),
        content_type="application/json",
    )

    assert response.status_code == 200
    assert signed_in.get("/api/me/").json()["email"] != "minji.kim@example.com"


def test_the_refusal_is_in_the_callers_language(google):
    response = Client().post(
        PATH,
        {"provider": "google", "id_token": "x"},
        content_type="application/json",
        headers={"accept-language": "ko"},
    )

    assert response["Content-Language"] == "ko"
    assert "토큰" in response.json()["detail"]


def test_the_headless_configuration_names_each_provider_once(client):
    listed = client.get("/_allauth/app/v1/config").json()["data"]["socialaccount"]["providers"]

    assert [(one["id"], one["client_id"], one["flows"]) for one in listed] == [
        ("google", "google-web", ["provider_redirect", "provider_token"]),
        ("kakao", "kakao-web", ["provider_redirect", "provider_token"]),
    ]


def test_an_id_token_is_refused_as_an_access_token(google):
    token = tokens_of(google)["id_token"]

    assert Client().get("/api/me/", headers=bearer(token)).status_code == 401
    assert jwt.get_unverified_header(token)["typ"] == "JWT"


COMPANY = {"name": "company", "label": {"en": "Company", "ko": "회사"}, "required": True}


@pytest.mark.parametrize("standin", ["google"], indirect=True)
def test_a_required_profile_field_makes_no_account_by_a_token_alone(standin, send, settings):
    settings.PROFILE_FIELDS = profile_fields.parse(json.dumps([COMPANY]))

    response = send("api", standin, tokens_of(standin))

    assert (response.status_code, response.json()["code"]) == (401, "login_incomplete")
    assert not User.objects.exists()


@pytest.mark.parametrize("standin", ["google"], indirect=True)
def test_an_app_signs_up_by_a_token_and_a_required_field(standin, send, settings):
    settings.PROFILE_FIELDS = profile_fields.parse(json.dumps([COMPANY]))

    pending = send("headless", standin, tokens_of(standin))
    session = {"x-session-token": pending.json()["meta"]["session_token"]}
    path, email = "/_allauth/app/v1/auth/provider/signup", "doyun@example.com"
    answers = [
        Client().post(path, body, content_type="application/json", headers=session)
        for body in ({"email": email}, {"email": email, "company": "Acme"})
    ]

    assert pending.status_code == 401
    assert answers[0].status_code == 400
    assert answers[0].json()["errors"][0]["param"] == "company"
    assert User.objects.get().extras == {"company": "Acme"}
