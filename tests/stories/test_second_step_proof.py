"""Ask an account with a second factor for that factor before a sensitive act, and for nothing else.

The thief of these tests has the session, knows the password and reads the mail.
"""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.signins.models import AuthSession
from api.tokens.jwts import AccessJWT
from tests.kit.clients import CHROME, bearer, sign_in
from tests.kit.factories import PASSWORD, AuthSessionFactory
from tests.kit.factors import app_code, enrol, wrong_code
from tests.kit.mails import code_in
from tests.kit.proofs import let_proofs_age, send_again

pytestmark = pytest.mark.django_db
THEIRS = "a password of the thief"
PAGE = "/accounts/2fa/reauthenticate/"


@pytest.fixture
def factors(user):
    return enrol(user)


@pytest.fixture
def cookie(user, factors):
    browser = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    sign_in(browser, user)
    browser.post("/accounts/2fa/authenticate/", {"code": factors[1][0]})
    let_proofs_age()
    return browser


@pytest.fixture
def app_pair(user, factors, post):
    token = sign_in(Client(), user, door="api").json()["mfa_token"]
    answer = post("/api/token/mfa/", {"mfa_token": token, "code": factors[1][1]})
    let_proofs_age()
    return answer.json()


@pytest.fixture
def device(user):
    return AuthSessionFactory(user=user)


def is_fresh():
    lately = timezone.now() - timedelta(minutes=1)
    return AuthSession.objects.filter(auth_time__gt=lately, user_agent__contains="Chrome").exists()


def headless(caller, client, path, body, **headers):
    return caller.post(
        f"/_allauth/{client}/v1/{path}",
        json.dumps(body),
        content_type="application/json",
        headers=headers,
    )


def test_a_page_asks_for_the_factor_and_offers_nothing_else(cookie):
    asked = cookie.post("/accounts/sessions/revoke-others/")
    page = cookie.get(asked["Location"]).text

    assert asked["Location"].startswith(f"{PAGE}?next=")
    assert "/accounts/reauthenticate/" not in page
    assert "Use a recovery code" in page


def test_the_password_is_no_proof_on_pages(cookie):
    answer = cookie.post("/accounts/reauthenticate/", {"password": PASSWORD})

    assert answer["Location"].startswith(PAGE)
    assert not is_fresh()


def test_a_mailed_code_is_no_proof_on_pages(cookie, user, deliver):
    answer = cookie.post("/accounts/reauthenticate/code/", {"recipient": user.email})

    assert answer["Location"].startswith(PAGE)
    assert [mail.subject for mail in deliver()] == ["[Munjigi] A recovery code was used"]


@pytest.mark.parametrize("client", ["app", "browser"])
def test_the_password_is_no_proof_by_headless(cookie, app_pair, client):
    caller, headers = (Client(), bearer(app_pair["access"])) if client == "app" else (cookie, {})
    answer = headless(caller, client, "auth/reauthenticate", {"password": PASSWORD}, **headers)

    assert answer.status_code == 401
    assert [flow["id"] for flow in answer.json()["data"]["flows"]] == ["mfa_reauthenticate"]
    assert Client().delete("/api/me/", headers=bearer(app_pair["access"])).status_code == 401


@pytest.mark.parametrize("client", ["app", "browser"])
def test_a_mailed_code_is_no_proof_by_headless(cookie, app_pair, client, user, deliver):
    caller, headers = (Client(), bearer(app_pair["access"])) if client == "app" else (cookie, {})
    path = "auth/reauthenticate/code"
    headless(caller, client, f"{path}/request", {"email": user.email}, **headers)
    code = code_in(deliver()[-1])
    answer = headless(caller, client, f"{path}/confirm", {"code": code}, **headers)
    act = headless(caller, client, "account/email", {"email": "thief@example.com"}, **headers)

    assert answer.status_code == 401
    assert act.status_code == 401


def test_a_password_in_the_body_deletes_no_account(app_pair, user):
    answer = Client().delete(
        "/api/me/",
        json.dumps({"password": PASSWORD}),
        content_type="application/json",
        headers=bearer(app_pair["access"]),
    )
    body = answer.json()

    assert (answer.status_code, body["code"]) == (401, "fresh_proof_required")
    assert body["flows"] == [
        {"id": "mfa_reauthenticate", "types": ["totp", "recovery_codes"]},
    ]
    user.refresh_from_db()
    assert user.erase_at is None


def test_a_password_change_needs_the_factor_on_the_page(cookie, user):
    answer = cookie.post(
        "/accounts/password/change/", {"oldpassword": PASSWORD, "password1": THEIRS}
    )

    assert answer["Location"].startswith(PAGE)
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


@pytest.mark.parametrize("client", ["app", "browser"])
def test_a_password_change_needs_the_factor_by_headless(cookie, app_pair, user, client):
    caller, headers = (Client(), bearer(app_pair["access"])) if client == "app" else (cookie, {})
    body = {"current_password": PASSWORD, "new_password": THEIRS}
    answer = headless(caller, client, "account/password/change", body, **headers)

    assert answer.status_code == 401
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_a_wrong_code_proves_nothing(cookie, factors):
    asked = cookie.post("/accounts/sessions/revoke-others/")
    answer = cookie.post(asked["Location"], {"code": wrong_code(factors[0])})

    assert answer.status_code == 200
    assert "You have 4 tries left." in answer.text
    assert not is_fresh()


def test_a_page_goes_on_after_the_factor(cookie, factors, device):
    asked = cookie.post("/accounts/sessions/revoke-others/")
    before = cookie.cookies["session"].value
    confirmed = cookie.post(asked["Location"], {"code": app_code(factors[0])})
    done = send_again(cookie, confirmed)

    assert cookie.cookies["session"].value != before
    assert done["Location"] == "/accounts/sessions/"
    assert not AuthSession.objects.filter(pk=device.pk, revoked_at=None).exists()
    assert AuthSession.objects.get(revoked_at=None).amr == ["pwd", "mfa", "otp"]


def test_a_used_code_proves_nothing(cookie, factors):
    asked = cookie.post("/accounts/sessions/revoke-others/")
    answer = cookie.post(asked["Location"], {"code": factors[1][0]})

    assert "used already" in answer.text
    assert not is_fresh()


def test_an_app_goes_on_after_the_factor(app_pair, factors, device, post):
    before = AuthSession.objects.get(kind="token", revoked_at=None).auth_time.timestamp()
    headers = bearer(app_pair["access"])
    refused = Client().delete(f"/api/sessions/{device.pk}/", headers=headers)
    proof = headless(
        Client(), "app", "auth/2fa/reauthenticate", {"code": app_code(factors[0])}, **headers
    )
    done = Client().delete(f"/api/sessions/{device.pk}/", headers=headers)
    later = AccessJWT(
        post("/api/token/refresh/", {"refresh": app_pair["refresh"]}).json()["access"]
    )

    assert refused.json()["flows"][0]["id"] == "mfa_reauthenticate"
    assert proof.status_code == 200, proof.content
    assert done.status_code == 204
    assert later["amr"] == ["pwd", "mfa", "otp"]
    assert later["auth_time"] > before


def test_the_admin_asks_for_the_factor(user, factors, cookie, device):
    type(user).objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    browser = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    sign_in(browser, user)
    browser.post("/accounts/2fa/authenticate/", {"code": factors[1][5]})
    let_proofs_age()
    answer = browser.post("/admin/accounts/user/add/", {"email": "new@example.com"})

    assert answer["Location"].startswith(PAGE)


def test_no_sign_in_opens_without_the_factor_by_a_door_that_forgets_it(client, user, factors):
    """Django's own `login`, which asks nothing."""
    from django.contrib.auth import login  # noqa: PLC0415

    from accounts.errors import InactiveUserError  # noqa: PLC0415
    from accounts.store.engine import SessionStore  # noqa: PLC0415

    request = client.get("/accounts/login/").wsgi_request
    request.session = SessionStore()
    with pytest.raises(InactiveUserError):
        login(request, user, backend="accounts.pages.backends.AuthenticationBackend")

    assert not AuthSession.objects.filter(revoked_at=None).exists()
