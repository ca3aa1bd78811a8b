"""A display name shows as something, at every door."""

import pytest
from django.contrib.auth.models import Group

from accounts.factors.models import FactorReset
from accounts.factors.passkeys import enrolment
from accounts.people import names
from tests.kit.clients import bearer
from tests.kit.factories import UserFactory
from tests.kit.factors import enrol_app
from tests.kit.problems import invalid

INLINES = {
    f"{prefix}-{name}": 0
    for prefix in ("emailaddress_set", "socialaccount_set")
    for name in ("TOTAL_FORMS", "INITIAL_FORMS")
}
HIDDEN = {
    "a zero width space": "\u200b",
    "joiners": "\u200c\u200d\u2060",
    "a Hangul filler": "\u3164\u1160\uffa0",
    "a Braille blank": "\u2800",
    "a soft hyphen": "\u00ad",
    "a variation selector": "\ufe0f",
    "tags": "\U000e0041\U000e007f",
    "a lone accent": "\u0301",
    "no character": "\uffff\ufdd0",
    "a musical blank": "\U0001d159\U0001d173",
    "joiners of hieroglyphs": "\U00013440\U00016fe4\U0001bca0",
    "spaces between nothing": "\u3000\u200b\u00a0",
    "a control character": "Ha\x07na",
    "a line break": "Hana\nAdmin",
    "a line separator": "Hana\u2028Admin",
    "a right-to-left override": "Hana \u202enimdA",
    "an isolate": "\u2066Hana\u2069",
    "a C1 control": "Hana\x9b31m",
}
SHOWN = ["", "김하나", "Hana", "José", "👩‍👩‍👧", "می‌خواهم", "O'Neil-Smith", "A", "❤️", "Hana Kim"]


@pytest.mark.parametrize("name", HIDDEN.values(), ids=HIDDEN)
def test_a_hidden_name_is_refused_on_the_page(signed_in, user, name):
    page = signed_in.post("/accounts/profile/", {"display_name": f"{name}", "locale": ""})

    user.refresh_from_db()
    assert user.display_name == ""
    assert page.status_code == 200


@pytest.mark.parametrize("name", HIDDEN.values(), ids=HIDDEN)
def test_a_hidden_name_is_refused_by_the_api(client, pair, user, name):
    response = client.patch(
        "/api/me/",
        {"display_name": name},
        content_type="application/json",
        headers=bearer(pair["access"]),
    )

    assert response.json() == invalid(("/display_name", "invisible"))


@pytest.mark.parametrize("name", ["\u200b", "Hana \u202enimdA"])
def test_a_hidden_name_is_refused_in_the_admin(client, user, name):
    client.force_login(UserFactory(admin=True))
    form = {"email": "new@example.com", "display_name": name, **INLINES}

    page = client.post("/admin/accounts/user/add/", form)

    assert "Use text that people can see" in page.text
    assert not type(user).objects.filter(email="new@example.com").exists()


@pytest.mark.parametrize("name", ["\u200b", "\u3164"])
def test_a_group_has_a_name_that_shows(client, db, name):
    client.force_login(UserFactory(admin=True))

    page = client.post("/admin/auth/group/add/", {"name": name})

    assert "Use text that people can see" in page.text
    assert not Group.objects.filter(name=name).exists()


def test_a_reset_of_factors_has_a_reason_that_shows(client, db):
    client.force_login(UserFactory(admin=True))
    user = UserFactory()
    enrol_app(user)

    page = client.post(f"/admin/accounts/user/{user.pk}/reset-factors/", {"reason": "\u200b"})

    assert "Use text that people can see" in page.text
    assert not FactorReset.objects.exists()


@pytest.mark.parametrize("name", ["\u3164", "\u2800", "\u115f", "\ufe0f", "\u034f", "\u200b "])
def test_a_passkey_has_a_name_that_shows(name):
    assert enrolment.clean(name) == ""


@pytest.mark.parametrize("name", HIDDEN.values(), ids=HIDDEN)
def test_a_providers_hidden_name_is_cleaned(name):
    assert names.is_visible(names.visible(name))


def test_a_providers_name_keeps_what_shows():
    assert names.visible(" Hana\u202e \x07Kim\n") == "Hana Kim"
    assert names.visible("\u3164\u200b") == ""


@pytest.mark.parametrize(
    ("text", "is_visible"),
    [
        *((piece * 100_000 + "\n", False) for piece in ("x", "한 ", "x\u200b", "\u0301x")),
        ("\u200b" * 250_000, False),
        ("\u200b" * 250_000 + "x", True),
        ("x" * 250_000, True),
    ],
    ids=range(7),
)
def test_a_long_name_costs_one_look_at_each_character(text, is_visible):
    """A look for each pair of them would take hours here, and minutes for a body of 64 KB."""
    assert names.is_visible(text) is is_visible


@pytest.mark.parametrize("name", SHOWN)
def test_a_name_that_shows_is_taken(client, pair, user, name):
    response = client.patch(
        "/api/me/",
        {"display_name": name},
        content_type="application/json",
        headers=bearer(pair["access"]),
    )

    assert response.status_code == 200
    assert response.json()["display_name"] == name
