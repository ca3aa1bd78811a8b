"""Sends requests that schemathesis makes from our OpenAPI document, and compares the answers.

Half of the requests fit the document, half break it. The seed is fixed: each run sends the same
requests. Increase `EXAMPLES` to search further.
"""

import base64

import pytest
from django.core.cache import caches
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.test import Client

from accounts.factors.passkeys import options
from accounts.factors.passkeys.challenges import Purpose
from accounts.services import keys as api_keys
from accounts.services.models import ApiKey
from api import clients
from tests.kit import legacy
from tests.kit.clients import bearer, sign_in
from tests.kit.factories import (
    PASSWORD,
    AuditEventFactory,
    AuthSessionFactory,
    TrustedBrowserFactory,
)
from tests.kit.factors import enrol, enrol_passkey
from tests.kit.mails import code_in

pytestmark = [pytest.mark.sweep, pytest.mark.django_db]

EXAMPLES = 50
DEVICE = {"user-agent": "an app"}
SEED = 20_260_101
OPERATIONS = [
    "POST /api/token/",
    "POST /api/token/code/",
    "POST /api/token/code/confirm/",
    "POST /api/token/mfa/",
    "POST /api/token/passkey/",
    "POST /api/token/passkey/options/",
    "POST /api/token/social/",
    "POST /api/token/exchange/",
    "POST /api/token/service/",
    "POST /api/token/refresh/",
    "POST /api/token/verify/",
    "POST /api/token/introspect/",
    "POST /api/token/revoke/",
    "POST /api/events/ticket/",
    "GET /api/revocations/",
    "GET /api/me/",
    "PATCH /api/me/",
    "DELETE /api/me/",
    "GET /api/me/data/",
    "GET /api/activity/",
    "POST /api/activity/{id}/denial/",
    "GET /api/sessions/",
    "DELETE /api/sessions/",
    "DELETE /api/sessions/{sid}/",
    "POST /api/sessions/{sid}/denial/",
    "GET /api/trusted-browsers/",
    "DELETE /api/trusted-browsers/{id}/",
]
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
]
"""The other checks need links between operations, which the document doesn't have, or a list of
methods. `tests/stories/test_bad_input.py` sends every method to every address.
"""
NOTHING_BUT_THE_CREDENTIAL = {"POST /api/events/ticket/"}
"""Operations without a parameter: their broken requests have a broken credential, so don't replace it."""


@pytest.fixture
def proved_pair(pair, user, confirm_by_app):
    """Return the tokens of an app that has just reauthenticated."""
    confirm_by_app(pair["access"], user)
    return pair


@pytest.fixture
def headers(pair, settings):
    """Return the credentials for an operation, by its label."""
    settings.API_CLIENTS = {"service": clients.digest("secret")}
    basic = base64.b64encode(b"service:secret").decode()

    def choose(label):
        if label in {"POST /api/token/introspect/", "GET /api/revocations/"}:
            return {"authorization": f"Basic {basic}"}
        if label == "POST /api/token/service/":
            key = ApiKey(name="Billing", scope="orders:read")
            named = base64.b64encode(f"{key.pk}:{api_keys.add(key)}".encode()).decode()
            return {"authorization": f"Basic {named}"}
        if label.startswith("POST /api/token/"):
            return DEVICE
        return bearer(pair["access"])

    return choose


@pytest.fixture
def second_call(request, post, user, deliver, settings):
    """Return what the first call of a sign-in in two calls gave, for the operation of this test.

    What counts once is a function that makes the next one.
    """
    label = getattr(request.node, "callspec", None) and request.node.callspec.params["label"]
    if label == "POST /api/token/code/confirm/":
        token = post("/api/token/code/", {"email": user.email}).json()["code_token"]
        return {"code_token": token, "code": code_in(deliver()[-1])}
    if label == "POST /api/token/exchange/":
        settings.LEGACY_TOKEN_KEY = legacy.KEY
        legacy.came(user)
        return {"subject_token": legacy.old_token}
    if label == "POST /api/token/service/":
        return {"grant_type": "client_credentials"}
    if label == "POST /api/token/mfa/":
        _, recovery_codes = enrol(user)
        app = Client(headers=DEVICE)
        token = sign_in(app, user, door="api").json()["mfa_token"]
        return {"mfa_token": token, "code": recovery_codes[0]}
    if label == "POST /api/token/passkey/":
        phone = enrol_passkey(user)
        return {"credential": lambda: phone.get(options.request(Purpose.SIGN_IN))}
    return {}


@pytest.fixture
def named(pair, user, settings):
    """Return the values of parameters in paths that name a row of the user."""
    settings.MFA_TRUSTED_BROWSER_DAYS = 30
    trusted, other = TrustedBrowserFactory(user=user), AuthSessionFactory(user=user)
    event = AuditEventFactory(user=user)

    def choose(label):
        if label.endswith("/denial/"):
            return {"sid": str(other.pk), "id": str(event.pk)}
        return {"sid": pair["sid"], "id": str(trusted.pk)}

    return choose


@pytest.fixture
def contract(proved_pair, second_call, named):
    """Return the document as the site serves it, bound to the site's WSGI application.

    The application runs in the test's transaction: its requests must not close the connection. Django's
    test client connects the signal again, so all its calls come before this fixture.
    """
    import schemathesis  # noqa: PLC0415 - takes two seconds, which only this module needs

    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    site = get_wsgi_application()

    def from_loopback(environ, start_response):
        return site(environ | {"REMOTE_ADDR": "127.0.0.1"}, start_response)

    contract = schemathesis.openapi.from_wsgi("/api/schema/", from_loopback)
    # A long text may be refused for the size of the whole request.
    contract.config.checks.negative_data_rejection.expected_statuses.append("413")
    yield contract
    for signal in signals:
        signal.connect(close_old_connections)


def operations(contract):
    return {operation.label: operation for operation in map(unwrap, contract.get_all_operations())}


def unwrap(result):
    return result.ok()


def test_every_operation_is_listed_here(contract):
    assert set(operations(contract)) == set(OPERATIONS)


@pytest.mark.parametrize("label", OPERATIONS)
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_answers_are_as_documented(contract, headers, pair, second_call, named, user, label, mode):
    import hypothesis  # noqa: PLC0415 - slow, as schemathesis
    from schemathesis import GenerationMode  # noqa: PLC0415
    from schemathesis.checks import CHECKS as REGISTRY  # noqa: PLC0415
    from schemathesis.checks import load_all_checks  # noqa: PLC0415

    load_all_checks()
    checks = [REGISTRY.get_one(name) for name in CHECKS]
    keeps_credential = mode == "negative" and label in NOTHING_BUT_THE_CREDENTIAL
    cases = operations(contract)[label].as_strategy(generation_mode=GenerationMode(mode))
    genuine = {
        "email": user.email,
        "password": PASSWORD,
        "refresh": pair["refresh"],
        "access": pair["access"],
        "token": pair["access"],
    } | second_call
    if label == "POST /api/token/service/":  # 400 for a scope that the key lacks (RFC 6749 §5.2)
        contract.config.checks.positive_data_acceptance.expected_statuses.append("400")
    statuses = set()

    @hypothesis.seed(SEED)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=cases, is_genuine=hypothesis.strategies.booleans())
    def send(case, is_genuine):
        caches["default"].clear()  # the rate limits
        if is_genuine and mode == "positive":
            use(genuine, named(label), case)
        if mode == "positive":
            agree_on_the_retry_key(case)
        sent = DEVICE if keeps_credential else headers(label)
        with transaction.atomic():
            response = case.call(headers=sent)
            transaction.set_rollback(True)
        statuses.add(response.status_code)
        if is_unavailable(label, response):
            return
        case.validate_response(response, checks=checks, headers=sent)

    send()

    if mode == "positive" and label != "POST /api/token/social/":
        assert statuses & {200, 201, 202, 204}, f"no request succeeded: {statuses}"


def use(genuine, named, case):
    """Replace invented credentials by valid ones, and remove members that the API doesn't know.

    Without this hardly any request would succeed, and no successful answer would be checked.
    """
    if isinstance(case.body, dict) and set(case.body) & set(genuine):
        found = {name: genuine[name] for name in case.body if name in genuine}
        case.body = {name: made() if callable(made) else made for name, made in found.items()}
    case.path_parameters.update({name: named[name] for name in case.path_parameters})


def agree_on_the_retry_key(case):
    """Make the header and the member equal: the document says so in words, its schema can't."""
    header = next((name for name in case.headers or {} if name.lower() == "idempotency-key"), None)
    if header and isinstance(case.body, dict) and "retry_key" in case.body:
        case.body["retry_key"] = case.headers[header]


def is_unavailable(label, response):
    """Return True for a documented 503: the tests reach no provider."""
    return label == "POST /api/token/social/" and (
        response.status_code == 503 and response.json()["code"] == "provider_unavailable"
    )
