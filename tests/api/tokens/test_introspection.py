"""Test introspection (RFC 7662): a service learns the claims of valid tokens only."""

import base64
from datetime import timedelta
from unittest.mock import ANY
from urllib.parse import quote_plus, urlencode

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.client_info import ClientInfo
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from api import clients
from api.tokens import jwts
from tests.kit import forge
from tests.kit.bad_tokens import BAD
from tests.kit.factories import UserFactory
from tests.kit.problems import problem

PATH = "/api/token/introspect/"
FORM = "application/x-www-form-urlencoded"
INACTIVE = {"active": False}
SECRET = "s3cret-of-the-service"


def basic(name, secret=SECRET):
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


@pytest.fixture(autouse=True)
def services(settings):
    settings.API_CLIENTS = {
        "gateway": clients.digest(SECRET),
        "first-party": clients.digest(SECRET),
        "empty": "",
    }


@pytest.fixture
def ask(db):
    def run(token, *, name="gateway", secret=SECRET, **fields):
        return Client().post(
            PATH,
            urlencode({"token": token, **fields}),
            content_type=FORM,
            headers={"authorization": basic(name, secret)},
        )

    return run


def test_a_good_access_token_returns_exactly_its_claims(ask, pair, user):
    response = ask(pair["access"])

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    claims = forge.part(pair["access"], 1)
    del claims["amr"]
    assert response.json() == {"active": True, "token_type": "Bearer", **claims}
    assert claims.keys() >= {"iss", "aud", "client_id", "jti", "iat", "exp", "auth_time", "scope"}
    assert (claims["sub"], claims["sid"]) == (str(user.pk), pair["sid"])


def test_a_refresh_token_is_active_for_its_own_client_only(ask, pair, user):
    other = ask(pair["refresh"], name="gateway")
    own = ask(pair["refresh"], name="first-party")

    assert other.json() == INACTIVE
    assert own.json() == {
        "active": True,
        "iss": "http://testserver",
        "sub": str(user.pk),
        "client_id": "first-party",
        "sid": pair["sid"],
        "jti": ANY,
        "iat": ANY,
        "exp": ANY,
    }


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "unknown", ""])
def test_the_hint_does_not_change_the_answer(ask, pair, hint):
    assert ask(pair["access"], token_type_hint=hint).json()["active"] is True


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_bad_token_is_exactly_inactive(ask, pair, make):
    token = make(pair)

    response = ask(token)

    # A text without a token's length is refused as a bad request.
    is_a_string_to_ask_about = 0 < len(token) <= 4096
    assert response.status_code in ({200} if is_a_string_to_ask_about else {400, 413})
    assert response.json() == INACTIVE or not is_a_string_to_ask_about


def test_an_oversized_token_is_inactive_or_invalid(ask, db):
    response = ask("a" * 5000)

    assert (response.status_code, response.json().get("active", False)) in {
        (200, False),
        (400, False),
    }


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("how", ["revoked", "disabled", "quietly disabled", "deleted", "ended"])
def test_the_tokens_of_an_ended_sign_in_are_inactive(ask, pair, user, kind, how):
    if how == "revoked":
        sessions.revoke(AuthSession.objects.get(), reason=sessions.Reason.ADMIN)
    elif how == "disabled":
        user.is_active = False
        user.save()
    elif how == "quietly disabled":
        type(user).objects.update(is_active=False)
    elif how == "deleted":
        user.delete()
    else:
        AuthSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    response = ask(pair[kind], name="first-party")

    assert response.json() == INACTIVE


def test_an_end_counts_at_once_without_the_bell(ask, pair, fresh_feed):
    """Introspection reads the row, not the feed: no bell announced this end."""
    AuthSession.objects.update(revoked_at=timezone.now(), revoked_reason="logout")

    assert ask(pair["access"]).json() == INACTIVE


def test_an_expired_access_token_is_inactive(ask, pair):
    later = timezone.now() + timedelta(hours=1, seconds=jwts.LEEWAY_SECONDS + 1)
    with time_machine.travel(later):
        assert ask(pair["access"]).json() == INACTIVE


def test_a_replaced_refresh_token_is_inactive_after_the_grace(ask, post, pair):
    current = post("/api/token/refresh/", {"refresh": pair["refresh"]}).json()
    assert ask(pair["refresh"], name="first-party").json()["active"] is True

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        replaced = ask(pair["refresh"], name="first-party")
        kept = ask(current["refresh"], name="first-party")

    assert replaced.json() == INACTIVE
    assert kept.json()["active"] is True
    # Introspection is not a use of the token, so it ends no sign-in.
    assert AuthSession.objects.get().revoked_at is None


def test_introspection_changes_nothing(ask, pair):
    before = AuthSession.objects.values().get()

    ask(pair["refresh"], name="first-party")

    assert AuthSession.objects.values().get() == before


def test_introspection_costs_one_statement(ask, pair, django_assert_num_queries):
    with django_assert_num_queries(1):
        ask(pair["access"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic Zm9v",
        "Basic 7w==",
        "Basic \xff",
        "Bearer x",
        basic("gateway", "wrong"),
        basic("gateway", ""),
        basic("gateway", clients.digest(SECRET)),
        basic("empty", ""),
        basic("unknown"),
        basic("unknown", ""),
        basic(""),
        basic("gateway\x00"),
        basic("GATEWAY"),
        basic("gateway", SECRET + " "),
    ],
    ids=ascii,
)
def test_a_caller_that_is_not_a_client_is_refused(pair, header):
    headers = {} if header is None else {"authorization": header}

    response = Client().post(PATH, f"token={pair['access']}", content_type=FORM, headers=headers)

    assert response.status_code == 401
    assert response.json() == problem(401, "invalid_client", error="invalid_client")
    assert response["WWW-Authenticate"] == 'Basic realm="introspection"'
    assert response["Cache-Control"] == "no-store"


def test_a_users_token_is_refused_as_client_secret(pair):
    response = Client().post(
        PATH,
        f"token={pair['access']}",
        content_type=FORM,
        headers={"authorization": f"Bearer {pair['access']}"},
    )

    assert response.status_code == 401


def test_a_session_cookie_is_refused_as_client_secret(signed_in, pair):
    response = signed_in.post(PATH, f"token={pair['access']}", content_type=FORM)

    assert response.status_code == 401


def test_without_clients_every_introspection_is_refused(ask, pair, settings):
    settings.API_CLIENTS = {}

    assert ask(pair["access"]).status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["", "token=", "tokn=x", "token"])
def test_a_request_without_a_token_is_an_error(body):
    response = Client().post(
        PATH, body, content_type=FORM, headers={"authorization": basic("gateway")}
    )

    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == ["/token"]


@pytest.mark.django_db
def test_json_and_query_parameters_are_refused(pair):
    headers = {"authorization": basic("gateway")}
    as_json = Client().post(PATH, {"token": "x"}, content_type="application/json", headers=headers)
    in_query = Client().post(
        f"{PATH}?token={pair['access']}", "", content_type=FORM, headers=headers
    )

    assert as_json.status_code == 415
    assert in_query.status_code == 400
    assert Client().get(PATH, headers=headers).status_code == 405


def test_a_generated_secret_works_and_is_not_stored(ask, pair, settings, capsys):
    call_command("api_client", "billing")

    shown, setting = capsys.readouterr().out.splitlines()
    secret = shown.split("billing:")[1].split()[0]
    name, _, digest = setting.split()[-1].partition("=")
    assert secret not in setting
    settings.API_CLIENTS = {name: digest}
    assert ask(pair["access"], name="billing", secret=secret).json()["active"] is True
    assert len(secret) >= 43


@pytest.mark.parametrize("name", ["", "a:b", "a b", "a=b", "a,b"])
def test_a_client_name_with_a_separator_is_refused(name):
    with pytest.raises(CommandError):
        call_command("api_client", name)


def test_each_token_returns_its_own_user(ask, pair, obtain):
    other = UserFactory()
    others = sessions.open(other, kind=sessions.Kind.TOKEN, client=ClientInfo(), amr=["pwd"])

    assert ask(jwts.pair(others)["access"]).json()["sub"] == str(other.pk)


@pytest.mark.parametrize("spelling", ["raw", "encoded"])
@pytest.mark.parametrize(
    "secret", ["a-secret_with~signs", "with%2Fpercent", "plus+and space", "ü:x"]
)
def test_credentials_count_raw_and_form_encoded(pair, settings, secret, spelling):
    settings.API_CLIENTS = {"a-service": clients.digest(secret)}
    name, sent = "a-service", secret
    if spelling == "encoded":
        name, sent = name.replace("-", "%2D"), quote_plus(secret).replace("-", "%2D")
    basic = base64.b64encode(f"{name}:{sent}".encode()).decode()

    response = Client().post(
        "/api/token/introspect/",
        urlencode({"token": pair["access"]}),
        "application/x-www-form-urlencoded",
        headers={"authorization": f"Basic {basic}"},
    )

    assert response.json()["active"] is True


@pytest.mark.parametrize("path", ["introspect", "revoke"])
def test_errors_have_the_word_of_oauth(pair, settings, path):
    settings.API_CLIENTS = {"service": clients.digest("secret")}
    basic = base64.b64encode(b"service:secret").decode()
    headers = {"authorization": f"Basic {basic}"}
    form = "application/x-www-form-urlencoded"

    missing = Client().post(f"/api/token/{path}/", "", form, headers=headers)
    twice = Client().post(
        f"/api/token/{path}/", f"token=x&token={pair['access']}", form, headers=headers
    )

    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    assert twice.json()["errors"][0]["code"] == "repeated"


def test_a_client_that_is_refused_is_invalid_client(pair):
    response = Client().post("/api/token/introspect/", {"token": pair["access"]})

    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["/api/token/", "/_allauth/app/v1/auth/login"])
def test_a_json_member_that_is_sent_twice_is_refused(db, path):
    body = '{"email": "a@example.com", "email": "b@example.com", "password": "x"}'

    response = Client().post(path, body, content_type="application/json")

    assert response.json()["code"] == "parse_error"
