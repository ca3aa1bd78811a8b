"""Audit rows say which request wrote them, and how a sign-in was proved."""

import pytest
from structlog.contextvars import bound_contextvars, clear_contextvars

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from tests.kit.clients import sign_in
from tests.kit.factories import UserFactory
from tests.kit.factors import app_code, enrol
from tests.kit.mails import code_in

Type = AuditEvent.Type


@pytest.mark.django_db
def test_a_row_has_the_id_of_its_request(browser):
    user = UserFactory()

    response = browser.post(
        "/accounts/login/",
        {"login": user.email, "password": "wrong"},
        headers={"x-request-id": "abcdef-12345678"},
    )

    assert response.headers["X-Request-ID"] == "abcdef-12345678"
    assert AuditEvent.objects.get().request_id == "abcdef-12345678"


@pytest.mark.django_db
def test_rows_of_one_request_have_one_id_and_of_another_another(browser, another_browser):
    user = UserFactory()
    for client in (browser, another_browser):
        sign_in(client, user)

    ids = list(AuditEvent.objects.values_list("request_id", flat=True))
    assert len(ids) == len(set(ids)) == 2
    assert all(ids)


@pytest.mark.django_db
def test_a_row_outside_a_request_has_no_id():
    clear_contextvars()

    assert trail.record(Type.USER_ERASED, identifier="x").request_id == ""
    with bound_contextvars(request_id="abcdef-12345678"):
        trail.record_each([None], Type.SESSION_REVOKED, user=UserFactory())
    assert AuditEvent.objects.latest("pk").request_id == "abcdef-12345678"


@pytest.mark.django_db
@pytest.mark.parametrize("door", ["page", "api", "app"])
def test_a_sign_in_says_its_method(browser, user, door):
    sign_in(browser, user, door=door)

    assert AuditEvent.objects.get(type=Type.LOGIN_SUCCEEDED).amr == ["pwd"]


def test_a_sign_in_by_a_mailed_code_says_so(browser, user, deliver):
    browser.post("/accounts/login/code/", {"email": user.email})
    browser.post("/accounts/login/code/confirm/", {"code": code_in(deliver()[-1])})

    assert AuditEvent.objects.get(type=Type.LOGIN_SUCCEEDED).amr == ["otp"]


def test_a_sign_in_by_a_provider_names_it(owner, google, walk, connect):
    connect(google)
    walk(google)

    assert AuditEvent.objects.filter(type=Type.LOGIN_SUCCEEDED).latest("pk").amr == ["google"]


def test_a_sign_in_with_a_second_step_names_both(browser, user):
    app, _codes = enrol(user)
    sign_in(browser, user)
    browser.post("/accounts/2fa/authenticate/", {"code": app_code(app)})

    amr = AuditEvent.objects.get(type=Type.LOGIN_SUCCEEDED).amr
    assert amr[0] == "pwd"
    assert "mfa" in amr


def test_a_proof_says_its_method(signed_in, user):
    signed_in.post("/accounts/reauthenticate/", {"password": "correct horse battery"})

    assert AuditEvent.objects.get(type=Type.SESSION_PROVED).amr == ["pwd"]


def test_the_activity_page_shows_the_method(signed_in):
    page = signed_in.get("/accounts/activity/", headers={"accept-language": "ko"})

    assert '<span class="event-why">비밀번호</span>' in page.text
