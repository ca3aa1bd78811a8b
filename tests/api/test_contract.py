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

from api import clients
from tests.kit.clients import bearer, sign_in
from tests.kit.factories import PASSWORD
from tests.kit.factors import enrol
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
    "POST /api/token/social/",
    "POST /api/token/refresh/",
    "POST /api/token/verify/",
    "POST /api/token/introspect/",
    "POST /api/token/revoke/",
    "GET /api/me/",
    "PATCH /api/me/",
    "DELETE /api/me/",
    "GET /api/me/data/",
    "GET /api/sessions/",
    "DELETE /api/sessions/{sid}/",
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
EXCLUDED = {
    # The document can't say that the header and the member must be equal.
    "POST /api/token/refresh/": "positive_data_acceptance",
}
"""The check that fails for an operation for a known reason."""


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
        if label == "POST /api/token/introspect/":
            return {"authorization": f"Basic {basic}"}
        if label.startswith("POST "):
            return DEVICE
        return bearer(pair["access"])

    return choose


@pytest.fixture
def second_call(request, post, user, deliver):
    """Return what the first call of a sign-in in two calls gave, for the operation of this test."""
    label = getattr(request.node, "callspec", None) and request.node.callspec.params["label"]
    if label == "POST /api/token/code/confirm/":
        token = post("/api/token/code/", {"email": user.email}).json()["code_token"]
        return {"code_token": token, "code": code_in(deliver()[-1])}
    if label == "POST /api/token/mfa/":
        _, recovery_codes = enrol(user)
        app = Client(headers=DEVICE)
        token = sign_in(app, user, door="api").json()["mfa_token"]
        return {"mfa_token": token, "code": recovery_codes[0]}
    return {}


@pytest.fixture
def contract(proved_pair, second_call):
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
def test_answers_are_as_documented(contract, headers, pair, second_call, user, label, mode):
    import hypothesis  # noqa: PLC0415 - slow, as schemathesis
    from schemathesis import GenerationMode  # noqa: PLC0415
    from schemathesis.checks import CHECKS as REGISTRY  # noqa: PLC0415
    from schemathesis.checks import load_all_checks  # noqa: PLC0415

    load_all_checks()
    checks = [REGISTRY.get_one(name) for name in CHECKS if name != EXCLUDED.get(label)]
    cases = operations(contract)[label].as_strategy(generation_mode=GenerationMode(mode))
    genuine = {
        "email": user.email,
        "password": PASSWORD,
        "refresh": pair["refresh"],
        "access": pair["access"],
        "token": pair["access"],
    } | second_call
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
        if is_genuine and mode == "positive":
            use(genuine, pair["sid"], case)
        caches["default"].clear()  # the rate limits
        with transaction.atomic():
            response = case.call(headers=headers(label))
            transaction.set_rollback(True)
        statuses.add(response.status_code)
        if is_unavailable(label, response):
            return
        case.validate_response(response, checks=checks, headers=headers(label))

    send()

    if mode == "positive" and label != "POST /api/token/social/":
        assert statuses & {200, 202, 204}, f"no request succeeded: {statuses}"


def use(genuine, sid, case):
    """Replace invented credentials by valid ones, and remove members that the API doesn't know.

    Without this hardly any request would succeed, and no successful answer would be checked.
    """
    if isinstance(case.body, dict) and set(case.body) & set(genuine):
        case.body = {name: genuine[name] for name in case.body if name in genuine}
    if "sid" in case.path_parameters:
        case.path_parameters["sid"] = sid


def is_unavailable(label, response):
    """Return True for a documented 503: the tests reach no provider."""
    return label == "POST /api/token/social/" and (
        response.status_code == 503 and response.json()["code"] == "provider_unavailable"
    )
