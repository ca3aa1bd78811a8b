"""Test that operators with the right can ask for a reset of second factors, and no others can."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.factors import resets
from accounts.factors.models import FactorReset
from accounts.operators import roles
from tests.kit.clients import CHROME
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.factors import enrol
from tests.kit.operators import operator, panel_of
from tests.kit.proofs import confirm_by_password, let_proofs_age, send_again

WHY = {"reason": "Showed an identity card at the desk"}


def enter(user):
    browser = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return browser


@pytest.fixture
def member(db):
    """Return a staff member with the rights of the Support group."""
    member = UserFactory(staff=True)
    member.groups.add(Group.objects.get(name="Support"))
    return member


@pytest.fixture
def support(member):
    return enter(member)


@pytest.fixture
def lost(db):
    user = UserFactory()
    enrol(user)
    return user


def page_of(user):
    return f"/admin/accounts/user/{user.pk}/reset-factors/"


def test_support_asks_for_a_reset_with_a_reason(support, member, lost):
    shown = support.get(f"/admin/accounts/user/{lost.pk}/change/")
    form = support.get(page_of(lost))
    done = support.post(page_of(lost), WHY, follow=True)

    assert page_of(lost) in shown.text
    assert "Ask for the reset" in form.text
    assert "will be removed on" in done.text
    reset = FactorReset.objects.get()
    assert (reset.user, reset.asked_by, reset.reason) == (lost, member, WHY["reason"])
    event = AuditEvent.objects.get(type="factor_reset.requested")
    assert (event.user, event.actor) == (lost, member)
    assert "A reset is pending" in support.get(page_of(lost)).text


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_a_reset_without_a_reason_is_refused(support, lost, reason):
    answer = support.post(page_of(lost), {"reason": reason})

    assert answer.status_code == 200
    assert not FactorReset.objects.exists()


def test_a_reset_needs_a_fresh_proof(support, lost):
    let_proofs_age()
    asked = support.post(page_of(lost), WHY)
    before = FactorReset.objects.count()
    confirmed = confirm_by_password(support, asked)
    send_again(support, confirmed)

    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert before == 0
    assert FactorReset.objects.get().user == lost


def test_nobody_resets_own_factors(db):
    admin = UserFactory(admin=True)
    browser = enter(admin)
    enrol(admin)

    for answer in (browser.get(page_of(admin)), browser.post(page_of(admin), WHY)):
        assert answer.status_code in (302, 403)
    assert not FactorReset.objects.exists()


def test_support_resets_no_superuser(support):
    admin = UserFactory(admin=True)
    enrol(admin)

    assert page_of(admin) not in support.get(f"/admin/accounts/user/{admin.pk}/change/").text
    assert support.get(page_of(admin)).status_code == 403
    assert support.post(page_of(admin), WHY).status_code == 403
    assert not FactorReset.objects.exists()


def test_staff_without_the_right_resets_nothing(member, lost):
    Group.objects.get(name="Support").permissions.remove(
        Permission.objects.get(codename="add_factorreset")
    )
    browser = enter(member)

    assert browser.get(page_of(lost)).status_code == 403
    assert browser.post(page_of(lost), WHY).status_code == 403
    assert not FactorReset.objects.exists()


def test_a_visitor_resets_nothing(signed_in, lost):
    signed_in.post(page_of(lost), WHY)

    assert not FactorReset.objects.exists()


def test_an_account_without_factors_is_refused(support):
    answer = support.post(page_of(UserFactory()), WHY, follow=True)

    assert "has no second factor" in answer.text


def test_an_unknown_user_has_no_page(support):
    path = "/admin/accounts/user/00000000-0000-0000-0000-000000000000/reset-factors/"

    assert support.get(path).status_code == 404


def stop(browser, reset):
    path = "/admin/accounts/factorreset/"
    return browser.post(
        path, {"action": "stop", "reason": "Called", "_selected_action": str(reset.pk)}, follow=True
    )


def test_support_stops_a_reset(support, member, lost):
    support.post(page_of(lost), WHY)
    answer = stop(support, FactorReset.objects.get())

    assert "1 reset was stopped" in answer.text
    assert resets.pending_of(lost) is None
    event = AuditEvent.objects.get(type="factor_reset.stopped")
    assert (event.reason, event.actor) == ("by_operator", member)


def test_staff_with_view_rights_only_stop_nothing(support, member, lost):
    support.post(page_of(lost), WHY)
    Group.objects.get(name="Support").permissions.remove(
        Permission.objects.get(codename="change_factorreset")
    )
    stop(enter(member), FactorReset.objects.get())

    assert resets.pending_of(lost) is not None


@pytest.mark.parametrize("whose", ["superuser", "administrator", "own"])
def test_support_stops_no_reset_of_a_higher_or_the_own_account(member, whose):
    users = {
        "superuser": lambda: UserFactory(admin=True),
        "administrator": lambda: operator(roles.ADMINISTRATOR),
        "own": lambda: member,
    }
    user = users[whose]()
    FactorReset.objects.create(user=user, reason="Called", due_at=timezone.now(), stop_digest="x")
    stop(panel_of(member), FactorReset.objects.get())

    assert resets.pending_of(user) is not None


def test_nobody_deletes_a_reset(support, lost):
    support.post(page_of(lost), WHY)
    admin = enter(UserFactory(admin=True))
    path = f"/admin/accounts/factorreset/{FactorReset.objects.get().pk}/delete/"

    assert admin.post(path, {"post": "yes"}).status_code == 403
    assert FactorReset.objects.exists()
