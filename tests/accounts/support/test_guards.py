"""Send values to the admin that no column can hold: it refuses them, and never answers 500."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import get_resolver

from accounts.people.models import User
from tests.kit.clients import CHROME, sign_in
from tests.kit.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)  # PostgreSQL ends a transaction at bad data
UNUSABLE = ["9" * 40, "9" * 19, "abc", "\x00", "", "00000000-0000-4000-8000-00000000000x"]
FILTERS = {
    "__year": "1" + "0" * 19,
    "__year__gte": "10000",
    "__range": "10",
    "__in": "9" * 40,
    "": "\x00",
}
get_resolver().url_patterns  # noqa: B018 - loads config.urls, which takes some models away
LISTS = {
    f"/admin/{model._meta.app_label}/{model._meta.model_name}/": options
    for model, options in admin.site._registry.items()
}


@pytest.fixture
def administrator(db):
    browser = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    sign_in(browser, UserFactory(admin=True))
    return browser


def errors(answers):
    return {
        label: answer.exc_info for label, answer in answers.items() if answer.status_code >= 500
    }


def test_the_sweep_knows_the_lists():
    assert {f"/admin/{name}/" for name in ("accounts/user", "auth/group")} <= LISTS.keys()


@pytest.mark.parametrize("path", LISTS)
def test_a_search_for_thousands_of_words_is_cut(administrator, path):
    """Otherwise the database refuses a condition so deep, and the page says that the database is down."""
    assert administrator.get(path, {"q": "a " * 2_900}).status_code == 200


@pytest.mark.parametrize("path", LISTS)
def test_unusable_ids_are_refused_by_every_list(administrator, path):
    actions = [*LISTS[path].actions, "delete_selected"]
    answers = {
        (action, value): administrator.post(
            path, {"action": action, "_selected_action": [value], "index": "0"}
        )
        for action in actions
        for value in UNUSABLE
    }

    assert errors(answers) == {}
    assert {answer.status_code for answer in answers.values()} <= {302, 400}


@pytest.mark.slow
@pytest.mark.parametrize("path", LISTS)
def test_unusable_filters_are_refused_by_every_list(administrator, path):
    fields = [field.name for field in LISTS[path].opts.fields]
    answers = {
        field + lookup: administrator.get(path, {field + lookup: value})
        for field in fields
        for lookup, value in FILTERS.items()
    }

    assert errors(answers) == {}


def test_unusable_rights_are_refused_by_the_form(administrator):
    user = UserFactory()
    Group.objects.create(name="Readers")
    form = {"email": user.email, "is_active": "on", "locale": "en", "groups": "9" * 40}

    answer = administrator.post(f"/admin/accounts/user/{user.pk}/change/", form)

    assert answer.status_code in {200, 400}
    assert not User.objects.get(pk=user.pk).groups.exists()
