"""One mailbox is one account, however its domain is spelt, at every door."""

import json
import unicodedata

import pytest
from django.test import Client

from accounts.people import mailboxes
from accounts.people.models import User
from tests.kit.factories import PASSWORD, UserFactory

INLINES = {
    f"{prefix}-{name}": 0
    for prefix in ("emailaddress_set", "socialaccount_set")
    for name in ("TOTAL_FORMS", "INITIAL_FORMS")
}
ASCII = "hana@xn--3e0b707e.kr"
SPELLINGS = [
    "hana@한국.kr",
    f"hana@{unicodedata.normalize('NFD', '한국')}.kr",
    "Hana@한국.\uff2b\uff32",
    "hana@XN--3E0B707E.KR",
    " hana@한국.kr ",
]


@pytest.mark.parametrize("email", SPELLINGS)
def test_every_spelling_is_one_address(email):
    assert mailboxes.normal(email) == ASCII


@pytest.mark.parametrize(
    ("email", "stored"),
    [
        ("a@\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45.com", "a@example.com"),
        ("a@faß.de", "a@xn--fa-hia.de"),
        ("A@Example.com", "a@example.com"),
        ("no address", "no address"),
        ("a@-\u200b.kr", "a@-\u200b.kr"),  # no domain at all
        ("", ""),
    ],
)
def test_the_domain_is_stored_in_ascii(email, stored):
    assert mailboxes.normal(email) == stored


@pytest.fixture
def hana(db):
    return UserFactory(email=ASCII)


@pytest.mark.parametrize("email", SPELLINGS)
def test_the_pages_find_the_account(hana, email):
    signed_up = Client().post("/accounts/signup/", {"email": email, "password1": PASSWORD + "!"})
    signed_in = Client().post("/accounts/login/", {"login": email, "password": PASSWORD})

    assert signed_up.status_code == 302
    assert User.objects.count() == 1
    assert signed_in["Location"] == "/accounts/"


@pytest.mark.parametrize("email", SPELLINGS)
@pytest.mark.parametrize("path", ["/api/token/", "/_allauth/app/v1/auth/login"])
def test_programs_find_the_account(hana, path, email):
    body = json.dumps({"email": email.strip(), "password": PASSWORD})

    response = Client().post(path, body, content_type="application/json")

    assert response.status_code == 200


def test_a_sign_up_stores_the_ascii_form(db, deliver):
    Client().post("/accounts/signup/", {"email": "new@한국.kr", "password1": PASSWORD + "!"})

    user = User.objects.get()
    assert user.email == "new@xn--3e0b707e.kr"
    assert [each.email for each in user.emailaddress_set.all()] == [user.email]
    assert deliver()[0].to == [user.email]


def test_a_password_is_reset_by_any_spelling(hana, deliver):
    Client().post("/accounts/password/reset/", {"email": "hana@한국.kr"})

    assert len(deliver()) == 1
    assert "/reset/key/" in deliver()[0].body


def test_an_added_address_that_is_taken_is_found(hana, signed_in, deliver, user):
    signed_in.post("/accounts/reauthenticate/", {"password": PASSWORD})
    signed_in.post("/accounts/email/", {"email": "hana@한국.kr", "action_add": ""})

    assert not user.emailaddress_set.exclude(email=user.email).exists()


def test_the_admin_names_a_duplicate(hana, client):
    client.force_login(UserFactory(admin=True))
    form = {"email": "Hana@한국.kr", **INLINES}

    page = client.post("/admin/accounts/user/add/", form)

    assert page.status_code == 200
    assert "This email is already in use." in page.text
    assert User.objects.count() == 2
