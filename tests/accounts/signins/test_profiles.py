"""A changed name is recorded and mailed, at every door."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.people.models import User
from tests.kit.clients import bearer, sign_in
from tests.kit.factories import UserFactory

CHANGED = AuditEvent.Type.NAME_CHANGED


def by_page(user, name):
    client = Client()
    sign_in(client, user)
    client.post("/accounts/profile/", {"display_name": name, "locale": user.locale})


def by_api(user, name):
    client = Client()
    token = sign_in(client, user, door="api").json()["access"]
    client.patch(
        "/api/me/", {"display_name": name}, content_type="application/json", headers=bearer(token)
    )


def by_administrator(user, name):
    client = Client()
    admin = User.objects.filter(is_superuser=True).first() or UserFactory(admin=True)
    sign_in(client, admin)
    page = client.get(f"/admin/accounts/user/{user.pk}/change/")
    initial = page.context["adminform"].form.initial
    inlines = {
        f"{formset.prefix}-{field}": "0"
        for formset in (inline.formset for inline in page.context["inline_admin_formsets"])
        for field in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    body = {key: "on" for key in ("is_active",) if initial.get(key)}
    client.post(
        f"/admin/accounts/user/{user.pk}/change/",
        {**body, **inlines, "email": user.email, "display_name": name, "locale": user.locale},
    )


DOORS = pytest.mark.parametrize("change", [by_page, by_api, by_administrator])


@DOORS
def test_a_changed_name_is_recorded_and_mailed_once_an_hour(user, deliver, change):
    change(user, "Somebody Else")
    change(user, "Another One")

    user.refresh_from_db()
    assert user.display_name == "Another One"
    assert AuditEvent.objects.filter(type=CHANGED, user=user).count() == 2
    mails = [mail for mail in deliver() if "name of your account" in mail.subject]
    assert [mail.to for mail in mails] == [[user.email]]
    assert "Another One" not in mails[0].body
    assert "Somebody Else" not in mails[0].body
    assert "/accounts/password/reset/" in mails[0].body


@DOORS
def test_the_same_name_is_no_change(user, deliver, change):
    change(user, user.display_name)

    assert not AuditEvent.objects.filter(type=CHANGED).exists()
    assert deliver() == []


def test_a_later_change_is_mailed_again(user, deliver):
    by_page(user, "Somebody Else")
    AuditEvent.objects.update(created_at=timezone.now() - timedelta(minutes=61))

    by_page(user, "Another One")

    assert len([mail for mail in deliver() if "name of your account" in mail.subject]) == 2


def test_an_administrators_device_is_not_mailed(user, deliver):
    by_administrator(user, "Somebody Else")

    (mail,) = [mail for mail in deliver() if mail.to == [user.email]]
    event = AuditEvent.objects.get(type=CHANGED)
    assert event.actor.is_superuser
    assert "An administrator changed the name" in mail.body
    assert event.ip not in mail.body
