"""Test `/api/me/`: its owner reads it and changes it field by field."""

from datetime import UTC

import pytest

from accounts.people.models import User
from tests.kit.clients import bearer
from tests.kit.factories import UserFactory
from tests.kit.problems import invalid, problem


@pytest.fixture
def me(client, obtain, user):
    """Send a request to `/api/me/` as `user`."""
    headers = bearer(obtain(user)["access"])

    def run(method, body=b"", content_type="application/json"):
        return client.generic(method, "/api/me/", body, content_type=content_type, headers=headers)

    return run


def public(user):
    return {
        "id": str(user.pk),
        "email": user.email,
        "display_name": user.display_name,
        "locale": user.locale,
        "extras": {},
        "date_joined": user.date_joined.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "roles": [],
    }


def test_get_returns_these_fields_and_is_not_cached(me, user):
    response = me("GET")

    assert response.status_code == 200
    assert response.json() == public(user)
    assert response["Cache-Control"] == "no-store"


def test_patch_changes_name_and_language(me, user):
    response = me("PATCH", '{"display_name": "  김하나  ", "locale": "ko"}')

    assert response.status_code == 200
    user.refresh_from_db()
    assert (user.display_name, user.locale) == ("김하나", "ko")
    assert response.json() == public(user)


@pytest.mark.parametrize("body", ["{}", '{"display_name": ""}', '{"locale": ""}'])
def test_patch_may_leave_out_or_empty_a_field(me, user, body):
    response = me("PATCH", body)

    assert response.status_code == 200
    assert response.json() == public(user)


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ('{"display_name": null}', "/display_name", "null"),
        ('{"display_name": []}', "/display_name", "invalid"),
        ('{"display_name": {}}', "/display_name", "invalid"),
        ('{"display_name": true}', "/display_name", "invalid"),
        ('{"display_name": 0}', "/display_name", "invalid"),
        ('{"display_name": "%s"}' % ("x" * 81), "/display_name", "max_length"),
        ('{"locale": "de"}', "/locale", "invalid_choice"),
        ('{"locale": null}', "/locale", "null"),
        ('{"locale": ["ko"]}', "/locale", "invalid_choice"),
        ('{"locale": {}}', "/locale", "invalid_choice"),
        ('{"locale": 1}', "/locale", "invalid_choice"),
        ('{"password": "x"}', "/password", "unknown_field"),
        ('{"is_staff": true}', "/is_staff", "unknown_field"),
        ('{"is_superuser": true}', "/is_superuser", "unknown_field"),
        ('{"is_active": false}', "/is_active", "unknown_field"),
    ],
)
def test_a_wrong_patch_gets_a_pointer_and_changes_nothing(me, user, body, pointer, code):
    before = User.objects.filter(pk=user.pk).values().get()

    response = me("PATCH", body)

    assert response.status_code == 400
    assert response.json() == invalid((pointer, code))
    assert User.objects.filter(pk=user.pk).values().get() == before


@pytest.mark.parametrize("name", ["id", "email", "date_joined"])
def test_patch_does_not_change_read_only_fields(me, user, name):
    before = User.objects.filter(pk=user.pk).values().get()

    response = me("PATCH", '{"%s": "taken@example.com"}' % name)

    assert response.status_code in {200, 400}
    assert User.objects.filter(pk=user.pk).values().get() == before


@pytest.mark.parametrize("body", ["[]", '"x"', "1"])
def test_patch_accepts_only_an_object(me, body):
    response = me("PATCH", body)

    assert response.status_code == 400
    assert response.json() == invalid(("", "invalid"))


def test_patch_refuses_forms(me):
    response = me("PATCH", b"display_name=x", "application/x-www-form-urlencoded")

    assert response.status_code == 415
    assert response.json() == problem(415, "unsupported_media_type")


def test_a_change_of_one_field_does_not_write_the_others(me, user):
    User.objects.filter(pk=user.pk).update(locale="en")

    me("PATCH", '{"display_name": "Hana"}')

    user.refresh_from_db()
    assert (user.display_name, user.locale) == ("Hana", "en")


def test_a_patch_changes_only_the_callers_account(me, user):
    other = UserFactory(display_name="Other")

    me("PATCH", '{"display_name": "Hana"}')

    other.refresh_from_db()
    assert other.display_name == "Other"


def test_markup_in_a_name_is_kept_as_text(me):
    response = me("PATCH", '{"display_name": "<script>alert(1)</script>"}')

    assert response.json()["display_name"] == "<script>alert(1)</script>"
    assert response["Content-Type"] == "application/json"
    assert response["X-Content-Type-Options"] == "nosniff"
