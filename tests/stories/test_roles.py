"""Give roles by groups: in tokens, in introspection and in `/api/me/`; withdrawn ones end sign-ins."""

import base64
import re

import pytest
from django.contrib.auth.models import Group
from django.test import Client, RequestFactory
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.audit.vocabulary import RevokeReason
from accounts.signins import roles
from accounts.signins.models import AuthSession
from api import clients
from api.permissions import has_scope, scope_of
from tests.kit import forge
from tests.kit.clients import bearer, sign_in
from tests.kit.documents import text_of
from tests.kit.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def on(settings):
    settings.TOKEN_ROLES = True


def join(user, *names):
    for name in names:
        user.groups.add(Group.objects.get_or_create(name=name)[0])


def tokens(user):
    return sign_in(Client(), user, door="api").json()


def refreshed(pair):
    body = {"refresh": pair["refresh"]}
    return Client().post("/api/token/refresh/", body, content_type="application/json")


def test_roles_are_off_without_the_setting(user):
    join(user, "editors")

    pair = tokens(user)
    claims = forge.part(pair["access"], 1)

    assert "roles" not in claims
    assert claims["scope"] == ""
    assert Client().get("/api/me/", headers=bearer(pair["access"])).json()["roles"] == []


def test_the_token_has_the_groups_as_roles_and_scope(on, user):
    join(user, "writers", "editors", "two words", "편집자")

    claims = forge.part(tokens(user)["access"], 1)

    assert claims["roles"] == ["editors", "two words", "writers", "편집자"]
    assert claims["scope"] == "role:editors role:writers"


def test_a_user_without_groups_has_an_empty_list(on, user):
    assert forge.part(tokens(user)["access"], 1)["roles"] == []


@pytest.mark.parametrize("name", ["admin", "admin x", 'x" admin', "x\\admin"])
def test_no_name_of_a_group_gives_more_rights(on, user, name):
    join(user, name)

    scope = forge.part(tokens(user)["access"], 1)["scope"]

    assert "admin" not in scope.split()
    assert re.fullmatch(r"(role:admin)?", scope)


def test_introspection_me_and_the_gateway_show_the_same(on, user, settings):
    settings.API_CLIENTS = {"gateway": clients.digest("secret")}
    join(user, "editors")
    access = tokens(user)["access"]
    basic = "Basic " + base64.b64encode(b"gateway:secret").decode()

    told = (
        Client()
        .post(
            "/api/token/introspect/",
            f"token={access}",
            headers={"authorization": basic},
            content_type="application/x-www-form-urlencoded",
        )
        .json()
    )
    me = Client().get("/api/me/", headers=bearer(access)).json()
    gateway = Client().get("/api/verify", headers=bearer(access))

    assert told["roles"] == me["roles"] == ["editors"]
    assert told["scope"] == gateway["X-Auth-Scope"] == "role:editors"


def test_a_granted_role_comes_with_the_next_refresh(on, user):
    pair = tokens(user)
    join(user, "editors")

    answer = refreshed(pair)

    assert answer.status_code == 200
    assert forge.part(answer.json()["access"], 1)["roles"] == ["editors"]


WITHDRAWALS = {
    "remove": lambda user, group: user.groups.remove(group),
    "clear": lambda user, group: user.groups.clear(),
    "set": lambda user, group: user.groups.set([]),
    "remove a member": lambda user, group: group.user_set.remove(user),
    "clear the members": lambda user, group: group.user_set.clear(),
    "delete": lambda user, group: group.delete(),
    "rename": lambda user, group: (setattr(group, "name", "readers"), group.save()),
}


@pytest.mark.parametrize("how", WITHDRAWALS)
def test_a_withdrawn_role_ends_the_sign_ins(on, user, how):
    join(user, "editors")
    other = UserFactory()
    pair, kept = tokens(user), tokens(other)

    WITHDRAWALS[how](user, Group.objects.get(name="editors"))

    assert Client().get("/api/me/", headers=bearer(pair["access"])).status_code == 401
    assert refreshed(pair).status_code == 401
    assert Client().get("/api/me/", headers=bearer(kept["access"])).status_code == 200
    ended = AuthSession.objects.get(user=user)
    assert ended.revoked_reason == RevokeReason.RIGHTS_CHANGED


def test_a_withdrawn_group_ends_nothing_without_the_setting(user):
    join(user, "editors")
    pair = tokens(user)

    user.groups.clear()

    assert Client().get("/api/me/", headers=bearer(pair["access"])).status_code == 200


def test_roles_that_are_too_long_are_left_out(on, user):
    join(user, *(f"{number}{'x' * 100}" for number in range(7)))

    claims = forge.part(tokens(user)["access"], 1)

    assert (claims["roles"], claims["scope"]) == ([], "")


def test_the_longest_roles_still_make_a_valid_token(on, user):
    join(user, *(f"{number}{'x' * 138}" for number in range(4)))
    access = tokens(user)["access"]

    assert len(roles.of(user)) == 4
    assert Client().get("/api/me/", headers=bearer(access)).status_code == 200


def test_a_session_has_the_rights_of_this_moment(on, user):
    request = RequestFactory().get("/")
    request.user = user
    before = scope_of(request)
    join(user, "editors")

    assert (before, scope_of(request)) == (frozenset(), {"role:editors"})


def test_a_view_refuses_a_caller_without_the_scope(user):
    request = Request(APIRequestFactory().get("/"))
    request.user = user

    assert not has_scope("role:editors")().has_permission(request, None)
    assert has_scope()().has_permission(request, None)


def test_the_python_code_of_the_document_asks_for_the_role(on, user):
    first, second = re.findall(r"```python\n(.+?)```", text_of("roles.md"), re.DOTALL)
    scope = {}
    exec(first, scope)  # noqa: S102 - ours
    view = scope["ArticleView"].as_view()
    factory = APIRequestFactory()

    refused = view(factory.post("/", headers=bearer(tokens(user)["access"])))
    join(user, "editors")
    allowed = view(factory.post("/", headers=bearer(tokens(user)["access"])))

    assert (refused.status_code, allowed.status_code) == (403, 201)
    assert allowed.data == {"by": str(user.pk)}
    _run_the_code_for_fastapi(second)


def _run_the_code_for_fastapi(source):
    """Run it with stand-ins for the two names of FastAPI, and for `claims` and `app`."""
    refused = type("HTTPException", (PermissionDenied,), {})
    source = source.replace("from fastapi import Depends, HTTPException", "")
    app = type("App", (), {"post": staticmethod(lambda path: lambda function: function)})
    scope = {"Depends": lambda each: each, "HTTPException": refused, "claims": None, "app": app}
    exec(source, scope)  # noqa: S102 - ours
    check = scope["role"]("editors")

    assert check({"sub": "1", "roles": ["editors"]})["sub"] == "1"
    for claims in ({"sub": "1", "roles": []}, {"sub": "1"}, {"roles": ["editors2"]}):
        with pytest.raises(refused):
            check(claims)
