"""What people and administrators do reaches a subscriber, with the id of the account."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.pages import claims, signing_up
from accounts.people.models import User
from accounts.signins import erasure
from accounts.webhooks import delivery
from accounts.webhooks.events import CAUSED, EVENTS
from accounts.webhooks.models import WebhookDelivery
from tests.kit.clients import CHROME, bearer
from tests.kit.documents import part_of, rows_of, text_of
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.operators import act
from tests.kit.webhooks import endpoint


@pytest.fixture
def sent(db):
    """Return a function that returns the events so far, as pairs of type and data."""
    endpoint(events=list(EVENTS))

    def run():
        rows = WebhookDelivery.objects.order_by("occurred_at", "pk")
        found = [json.loads(delivery.body_of(row)) for row in rows]
        return [(content["type"], content["data"]) for content in found]

    return run


@pytest.fixture
def admin(db):
    browser = Client(headers={"user-agent": CHROME})
    login = {"login": UserFactory(admin=True).email, "password": PASSWORD}
    browser.post("/accounts/login/", login)
    return browser


def test_a_sign_in_and_a_sign_out_name_the_sign_in(sent, pair, user, client):
    client.post("/api/token/revoke/", {"token": pair["access"]}, content_type="application/json")

    events = sent()
    assert [type_ for type_, _ in events] == ["session.opened", "session.revoked"]
    assert {data["sub"] for _, data in events} == {str(user.pk)}
    assert {data["sid"] for _, data in events} == {pair["sid"]}
    assert events[1][1]["reason"] == "logout"


def test_a_changed_name_is_an_update(sent, pair, user, client):
    client.patch(
        "/api/me/",
        {"display_name": "김하늘"},
        content_type="application/json",
        headers=bearer(pair["access"]),
    )

    type_, data = sent()[-1]
    assert (type_, data["cause"], data["sub"]) == ("user.updated", "name.changed", str(user.pk))
    assert "김하늘" not in json.dumps(data, ensure_ascii=False)


def test_a_wrong_password_names_no_address(sent, user, client):
    for email in (user.email, "nobody@example.com"):
        body = {"email": email, "password": "wrong wrong wrong"}
        client.post("/api/token/", body, content_type="application/json")

    events = sent()
    assert [type_ for type_, _ in events] == ["login.failed"] * 2
    assert "@" not in json.dumps(events)


def test_an_administrator_makes_disables_and_deletes_an_account(sent, admin):
    admin.post("/admin/accounts/user/add/", {"email": "new@example.com"})
    user = User.objects.get(email="new@example.com")
    for name in ("lock", "unlock", "delete-account"):
        act(admin, User.objects.get(pk=user.pk), name)

    own = [
        (type_, data["cause"], data["reason"])
        for type_, data in sent()
        if data["sub"] == str(user.pk)
    ]
    assert own == [
        ("user.created", "user.added", None),
        ("user.updated", "account.locked", None),
        ("user.updated", "account.unlocked", "unlocked_by_operator"),
        ("user.deletion_requested", "deletion.requested", None),
    ]


def test_createsuperuser_makes_an_account(sent, monkeypatch, db):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a few unrelated words")
    call_command("createsuperuser", interactive=False, email="root@example.com", verbosity=0)

    [(type_, data)] = sent()
    assert type_ == "user.created"
    assert data["sub"] == str(User.objects.get(email="root@example.com").pk)


def test_an_erased_account_is_named_by_its_id(sent, user):
    user_id = str(user.pk)
    User.objects.filter(pk=user.pk).update(erase_at=timezone.now() - timedelta(seconds=1))

    assert erasure.erase(user)

    type_, data = sent()[-1]
    assert (type_, data["cause"], data["sub"]) == ("user.deleted", "user.erased", user_id)


def test_an_erased_account_takes_its_finished_deliveries_along(sent, pair, user):
    WebhookDelivery.objects.update(status="delivered")
    User.objects.filter(pk=user.pk).update(erase_at=timezone.now() - timedelta(seconds=1))

    assert erasure.erase(user)

    assert [type_ for type_, _ in sent()] == ["session.revoked", "user.deleted"]


@pytest.mark.parametrize("way", ["replaced", "claimed"])
def test_an_unproved_account_that_is_deleted_is_named_by_its_id(sent, client, way):
    form = {"email": "a@example.com", "password1": PASSWORD, "password2": PASSWORD}
    client.post("/accounts/signup/", form)
    first = str(User.objects.get(email="a@example.com").pk)

    if way == "replaced":
        signing_up.replace("a@example.com")
    else:
        claims.claim("a@example.com", owner_id=UserFactory().pk)

    events = [(type_, data["sub"]) for type_, data in sent()]
    assert events == [("user.created", first), ("user.deleted", first)]


def test_the_document_lists_every_event_with_its_causes():
    rows = [
        row for row in rows_of(part_of(text_of("webhooks.md"), "What arrives")) if "." in row[0]
    ]
    listed = {row[0].strip("`"): row[1] for row in rows if row[0].strip("`") in EVENTS}

    assert listed.keys() == EVENTS.keys()
    for name, event in EVENTS.items():
        for cause in event.causes:
            assert f"`{cause}`" in listed[name], (name, cause)


def test_each_cause_belongs_to_one_event():
    assert len(CAUSED) == sum(len(event.causes) for event in EVENTS.values())
