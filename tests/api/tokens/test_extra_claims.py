"""Add claims by a function of the deployment, and attack tokens by what it returns."""

import json
import re
import time

import pytest
from django.contrib.auth.models import Group
from django.core.checks import run_checks
from django.db import connection, transaction
from django.test import Client

from accounts.people import profile_fields
from accounts.people.models import User
from accounts.signins.models import AuthSession
from api.tokens import claims, extra_claims
from tests.kit import forge
from tests.kit.clients import bearer, sign_in
from tests.kit.documents import text_of

pytestmark = pytest.mark.django_db
answer = {}


def given(user, session):
    """Return or raise the answer that the test has set."""
    if isinstance(answer["value"], Exception):
        raise answer["value"]
    return answer["value"](user, session) if callable(answer["value"]) else answer["value"]


@pytest.fixture(autouse=True)
def hook(settings, monkeypatch):
    settings.ACCESS_TOKEN_CLAIMS = f"{__name__}.given"
    settings.ACCESS_TOKEN_CLAIMS_SECONDS = 5.0
    monkeypatch.setattr(extra_claims, "_paused_until", 0.0)


@pytest.fixture
def claims_of(user):
    def ask(value):
        answer["value"] = value
        response = sign_in(Client(), user, door="api")
        assert response.status_code == 200, response.content
        access = response.json()["access"]
        assert Client().get("/api/me/", headers=bearer(access)).status_code == 200
        return forge.part(access, 1)

    return ask


def own(found):
    return {name: value for name, value in found.items() if name not in {*extra_claims.RESERVED}}


def test_the_claims_of_the_function_are_in_the_token(claims_of, user):
    found = claims_of(
        lambda user, session: {"plan": "pro", "tags": [1, {"a": None}], "sign_in": session.kind}
    )

    assert own(found) == {"plan": "pro", "tags": [1, {"a": None}], "sign_in": "token"}
    assert found["sub"] == str(user.pk)


def test_a_refresh_asks_again(user):
    answer["value"] = {"plan": "free"}
    pair = sign_in(Client(), user, door="api").json()
    answer["value"] = {"plan": "pro"}

    body = {"refresh": pair["refresh"]}
    fresh = Client().post("/api/token/refresh/", body, content_type="application/json").json()

    assert own(forge.part(fresh["access"], 1)) == {"plan": "pro"}


@pytest.mark.parametrize("name", sorted(extra_claims.RESERVED))
def test_a_reserved_name_is_refused(user, name):
    session = AuthSession(user=user)
    answer["value"] = {name: "admin", "plan": "pro"}

    assert extra_claims.of(session) == {}


def test_every_claim_of_ours_is_reserved(user, settings):
    settings.TOKEN_ROLES = True
    answer["value"] = {}
    sign_in(Client(), user, door="api")
    ours = claims.access(AuthSession.objects.get()).keys() | {"iss", "aud"}

    assert ours <= extra_claims.RESERVED


@pytest.mark.parametrize(
    "value",
    [
        {"sub": "00000000-0000-0000-0000-000000000000"},
        {"scope": "admin"},
        {"exp": 9999999999},
        {"x": "y" * 1000},
        {"x": float("nan")},
        {"x": object()},
        {"x": {1, 2}},
        {1: "x"},
        ["x"],
        "x",
        None,
        ZeroDivisionError("a secret"),
    ],
    ids=range(12),
)
def test_a_bad_answer_leaves_a_token_without_them(claims_of, value):
    found = claims_of(value)

    assert own(found) == {}
    assert found["scope"] == ""


PERSONAL = [
    lambda user: {"email": "x"},
    lambda user: {"Phone_Number": "x"},
    lambda user: {"about": {"name": "x"}},
    lambda user: {"owner": user.email},
    lambda user: {"owner": f"<{user.email.upper()}>"},
    lambda user: {"list": [{"x": ["hello Kim Minji"]}]},
]


@pytest.mark.parametrize("value", PERSONAL, ids=range(len(PERSONAL)))
def test_personal_data_needs_the_setting(user, value, settings):
    user.display_name = "Kim Minji"
    session = AuthSession(user=user)
    answer["value"] = value(user)

    refused = extra_claims.of(session)
    settings.ACCESS_TOKEN_PERSONAL_CLAIMS = True

    assert refused == {}
    assert extra_claims.of(session) == value(user)


PLAN = {"en": "Plan", "ko": "요금제"}
TEXT = {"name": "plan", "label": PLAN}
CHOICE = TEXT | {"type": "choice", "choices": {"gold": PLAN}}


@pytest.mark.parametrize("definition", [[TEXT], [CHOICE], [TEXT | {"type": "boolean"}], []])
def test_a_text_that_somebody_wrote_stays_personal_under_every_definition(
    user, settings, definition
):
    settings.PROFILE_FIELDS = profile_fields.parse(json.dumps(definition))
    user.extras = {"plan": "Minji Kim Ltd"}
    answer["value"] = {"of": "Minji Kim Ltd"}

    assert extra_claims.of(AuthSession(user=user)) == {}


@pytest.mark.parametrize(
    ("definition", "value"), [(CHOICE, "gold"), (TEXT, True), (TEXT, None), (CHOICE, True)]
)
def test_a_choice_is_not_personal_and_a_former_value_does_no_harm(
    user, settings, definition, value
):
    settings.PROFILE_FIELDS = profile_fields.parse(json.dumps([definition]))
    user.extras = {"plan": value}
    answer["value"] = {"plan": "gold"}

    assert extra_claims.of(AuthSession(user=user)) == {"plan": "gold"}


def test_a_slow_function_is_refused_and_left_alone(user, settings):
    settings.ACCESS_TOKEN_CLAIMS_SECONDS = 0.01
    session, calls = AuthSession(user=user), []

    def slow(user, session):
        calls.append(1)
        time.sleep(0.02)
        return {"plan": "pro"}

    answer["value"] = slow
    assert [extra_claims.of(session) for _ in range(3)] == [{}, {}, {}]
    assert calls == [1]


def test_a_failed_query_does_not_spoil_the_transaction(user):
    def broken(user, session):
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM nothing")

    answer["value"] = broken
    with transaction.atomic():
        assert extra_claims.of(AuthSession(user=user)) == {}
        assert User.objects.count() == 1


def test_without_the_setting_nothing_is_called(user, settings):
    settings.ACCESS_TOKEN_CLAIMS = ""

    assert extra_claims.of(AuthSession(user=user)) == {}


@pytest.mark.parametrize(
    "path", ["nowhere.claims", "tests.nothing", "api.tokens.extra_claims.LEAST"]
)
def test_a_path_that_is_no_function_stops_the_start(settings, path):
    settings.ACCESS_TOKEN_CLAIMS = path

    assert [error.id for error in run_checks() if error.id == "accounts.E062"] == ["accounts.E062"]


def test_the_code_of_the_document_runs(claims_of, user):
    scope = {}
    exec(re.search(r"```python\n(.+?)```", text_of("claims.md"), re.DOTALL)[1], scope)  # noqa: S102 - ours

    assert own(claims_of(scope["claims"])) == {"plan": "pro", "tenant": str(user.pk)[:8]}


def test_roles_and_claims_of_full_size_make_a_token_that_we_accept(claims_of, user, settings):
    settings.TOKEN_ROLES = True
    for number in range(4):
        user.groups.add(Group.objects.create(name=f"{number}{'x' * 135}"))

    found = claims_of({"x": "y" * 980})

    assert len(found["roles"]) == 4
    assert len(found["x"]) == 980
