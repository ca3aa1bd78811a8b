"""Groups of the product give no operator more than they should: neither an account nor the role."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.factors.models import FactorReset
from accounts.operators import proposals, roles
from accounts.operators.models import EmailProposal
from accounts.people.models import User
from tests.kit.factories import UserFactory
from tests.kit.factors import enrol
from tests.kit.operators import WHY, act, by, operator, page_of, panel, panel_of

NEW = "new.address@example.com"


@pytest.fixture
def actor(db):
    return operator(roles.SUPPORT)


@pytest.fixture
def lost(user):
    enrol(user)
    return user


def ask_for_reset(browser, user):
    path = f"/admin/accounts/user/{user.pk}/reset-factors/"
    return browser.post(path, {"reason": WHY}, follow=True)


@pytest.fixture
def editors(settings, db):
    settings.TOKEN_ROLES = True
    return Group.objects.create(name="editors")


@pytest.fixture
def editor(lost, editors):
    lost.groups.add(editors)
    return lost


TAKES = {
    "email": lambda browser, user: act(browser, user, "change-email", email=NEW),
    "factors": ask_for_reset,
    "export": lambda browser, user: act(browser, user, "export"),
}


@pytest.mark.parametrize("role", [roles.SUPPORT, roles.ADMINISTRATOR])
@pytest.mark.parametrize("take", TAKES.values(), ids=TAKES)
def test_an_operator_without_the_role_takes_no_account_that_has_it(editor, take, role):
    assert take(panel(role), editor).status_code == 403
    assert not EmailProposal.objects.exists()
    assert not FactorReset.objects.exists()


@pytest.mark.parametrize("who", ["with the role", "superuser", "setting off"])
@pytest.mark.parametrize("take", TAKES.values(), ids=TAKES)
def test_an_operator_with_the_role_helps(editor, editors, actor, take, who, settings):
    settings.TOKEN_ROLES = who != "setting off"
    if who == "with the role":
        actor.groups.add(editors)

    assert (
        take(panel("superuser") if who == "superuser" else panel_of(actor), editor).status_code
        == 200
    )


def test_every_operator_locks_an_account_with_a_role(editor, actor):
    act(panel_of(actor), editor, "lock")

    assert not User.objects.get(pk=editor.pk).is_active


def test_a_role_given_meanwhile_stops_the_change(lost, editors, actor):
    proposals.propose(lost, by(actor), email=NEW)
    lost.groups.add(editors)
    past = timezone.now() - timedelta(days=2)
    EmailProposal.objects.update(created_at=past, proved_at=past, due_at=past)

    assert proposals.carry_out_due() == 0
    assert User.objects.get(pk=lost.pk).email == lost.email
    assert proposals.open_of(lost) is None


def give(browser, user, *groups, name=""):
    form = {
        "display_name": name,
        "locale": "",
        "reason": WHY,
        "groups": [each.pk for each in groups],
    }
    return browser.post(page_of(user), form)


def test_an_administrator_gives_no_role_that_is_not_the_own(editors):
    second = UserFactory()
    give(panel(roles.ADMINISTRATOR), second, editors)

    assert not second.groups.exists()


def test_a_member_and_a_superuser_give_the_role(editors):
    member, one, other = operator(roles.ADMINISTRATOR), *UserFactory.create_batch(2)
    member.groups.add(editors)
    give(panel_of(member), one, editors)
    give(panel("superuser"), other, editors)

    assert set(editors.user_set.all()) == {member, one, other}


def test_the_form_keeps_roles_that_the_operator_cannot_give(editor, editors):
    form = {"display_name": "Kim", "locale": ""}
    answer = panel(roles.ADMINISTRATOR).post(page_of(editor), form)

    assert answer.status_code == 302
    assert User.objects.get(pk=editor.pk).display_name == "Kim"
    assert list(editor.groups.all()) == [editors]
