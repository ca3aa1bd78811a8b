"""The table of input rules has each field of each form of our pages, with the limits of the form."""

import re
from contextlib import suppress
from types import SimpleNamespace

import pytest
from allauth.core.context import request_context
from django.conf import settings
from django.urls import get_resolver
from django.utils.module_loading import import_string

from accounts import routes
from accounts.pages import codes
from accounts.people.models import User
from accounts.people.passwords import MAX_LENGTH, MAX_RAW_LENGTH, MIN_LENGTH
from tests.kit.documents import part_of, rows_of, text_of
from tests.kit.factories import UserFactory

TEXT = text_of("input-rules.md")
FIELDS = rows_of(part_of(TEXT, "Fields of the pages"))


@pytest.fixture
def a_request(rf, db):
    request = rf.get("/")
    request.user, request.session = UserFactory(), {}
    with request_context(request):
        yield request


def form_of(view, request):
    made = view()
    made.request, made.args, made.kwargs = request, (), {}
    try:
        return made.get_form_class()
    except AttributeError:  # the view looks for a sign-in that waits: its form is in the settings
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", view.form_class.__name__.removesuffix("Form"))
        return import_string(settings.ACCOUNT_FORMS[name.lower()])


def fields_of(form, request):
    """Return the fields of a form. allauth makes each form from other things."""
    user = User(email="a@example.com")
    login = SimpleNamespace(
        user=user, email_addresses=[], account=SimpleNamespace(provider="kakao")
    )
    made_of = [
        *({}, {"user": user}, {"request": request}, {"instance": user}),
        *({"code": "1"}, {"user": user, "code": "1", "email": "a@example.com"}),
        {"sociallogin": login},
    ]
    for one in made_of:
        with suppress(TypeError, KeyError, AttributeError):
            return form(**one).fields
    return form.base_fields


def test_the_table_has_each_field_with_its_limits(a_request):
    found = set()
    for route in routes.views_in(get_resolver("config.urls").url_patterns):
        view = getattr(route.callback, "view_class", None)
        if getattr(view, "form_class", None) is None:
            continue
        for name, field in fields_of(form_of(view, a_request), a_request).items():
            longest = getattr(field, "max_length", None) or ""
            required = "yes" if field.required else "no"
            found.add((route.name, name, required, str(longest)))

    assert len(found) > 25
    assert {tuple(cell.strip("`") for cell in row[:4]) for row in FIELDS} == found
    assert [row for row in FIELDS if len(row) != 5 or not row[4]] == []


def test_the_page_names_the_numbers_of_the_code():
    named = [
        *(f"{MIN_LENGTH} to {MAX_LENGTH} characters", f"{MAX_RAW_LENGTH} as sent"),
        f"{codes.LIFETIME_SECONDS // 60} minutes",
        f"{settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024} kB",
    ]

    assert [each for each in named if each not in TEXT] == []
