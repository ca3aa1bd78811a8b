"""Make a superuser by four eyes. No operator does it alone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.errors import ConflictError, NotAllowedError
from accounts.operators import roles, superusers
from accounts.operators.acting import state_of
from accounts.operators.models import SuperuserProposal
from accounts.people.models import User
from tests.kit.factories import UserFactory
from tests.kit.operators import WHY, act, by, operator, page_of, panel, panel_of
from tests.kit.proofs import let_proofs_age
from tests.kit.racing import at_once


@pytest.fixture(autouse=True)
def two(settings):
    settings.SUPERUSER_NEEDS_TWO = True


def is_superuser(user):
    return User.objects.get(pk=user.pk).is_superuser


def test_one_proposes_and_another_superuser_confirms(user, deliver):
    act(panel("superuser"), user, "propose-superuser")
    between = is_superuser(user)
    done = act(panel("superuser"), user, "confirm-superuser")

    assert not between
    assert "is a superuser now" in done.text
    assert is_superuser(user)
    proposed = AuditEvent.objects.get(type="superuser.proposed")
    granted = AuditEvent.objects.get(type="rights.changed", reason="superuser_granted")
    assert proposed.note == granted.note == WHY
    assert proposed.actor != granted.actor
    assert "You are a superuser" in deliver()[-1].body


def test_nobody_confirms_an_own_proposal(user):
    me = operator("superuser")
    browser = panel_of(me)
    act(browser, user, "propose-superuser")
    answer = act(browser, user, "confirm-superuser")

    assert answer.status_code == 403
    assert not is_superuser(user)


@pytest.mark.parametrize("role", list(roles.ROLES))
def test_only_a_superuser_confirms(user, role):
    superusers.propose(user, by(operator("superuser")))
    answer = act(panel(role), user, "confirm-superuser")

    assert answer.status_code == 403
    assert not is_superuser(user)


@pytest.mark.parametrize("role", [*roles.ROLES, "staff"])
def test_only_a_superuser_proposes(user, role):
    assert act(panel(role), user, "propose-superuser").status_code == 403
    with pytest.raises(NotAllowedError):
        superusers.propose(user, by(operator(role)))
    assert not SuperuserProposal.objects.exists()


@pytest.mark.slow
def test_a_puppet_of_one_superuser_is_no_second_pair_of_eyes(user):
    """One superuser makes an administrator, lets it propose, and confirms."""
    puppet = operator(roles.ADMINISTRATOR)
    act(panel_of(puppet), user, "propose-superuser")
    act(panel("superuser"), user, "confirm-superuser")

    assert not is_superuser(user)


@pytest.mark.parametrize("needs_two", [True, False])
def test_an_older_proposal_of_an_administrator_makes_nobody(user, settings, needs_two):
    settings.SUPERUSER_NEEDS_TWO = needs_two
    SuperuserProposal.objects.create(
        user=user,
        asked_by=operator(roles.ADMINISTRATOR),
        expires_at=timezone.now() + timedelta(hours=1),
    )
    act(panel("superuser"), user, "confirm-superuser")

    assert not is_superuser(user)
    assert superusers.open_of(user) is None


def test_a_confirmation_of_another_state_is_refused(user):
    proposal = superusers.propose(user, by(operator("superuser")))
    seen = state_of(user)
    User.objects.filter(pk=user.pk).update(email="other@example.com")

    with pytest.raises(ConflictError):
        superusers.confirm(proposal, by(operator("superuser"), seen=seen))
    assert not is_superuser(user)


def test_nobody_proposes_oneself(db):
    me = operator("superuser")

    assert act(panel_of(me), me, "propose-superuser").status_code == 403
    assert not SuperuserProposal.objects.exists()


def test_the_form_makes_no_superuser(user):
    form = {"display_name": "", "locale": "", "reason": WHY, "is_superuser": "on"}
    answer = panel("superuser").post(page_of(user), form)

    assert "Propose it instead" in answer.text
    assert not is_superuser(user)


def test_the_form_still_takes_the_right_away(user):
    User.objects.filter(pk=user.pk).update(is_superuser=True, is_staff=True)
    form = {"display_name": "", "locale": "", "reason": WHY, "is_staff": "on"}
    panel("superuser").post(page_of(user), form)

    assert not is_superuser(user)


def test_a_confirmation_needs_a_fresh_proof(user):
    superusers.propose(user, by(operator("superuser")))
    browser = panel("superuser")
    let_proofs_age()
    act(browser, user, "confirm-superuser")

    assert not is_superuser(user)


def test_a_proposal_ends_after_a_day(user):
    superusers.propose(user, by(operator("superuser")))
    SuperuserProposal.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    act(panel("superuser"), user, "confirm-superuser")

    assert not is_superuser(user)
    again = superusers.propose(user, by(operator("superuser")))
    assert isinstance(again, SuperuserProposal)


@pytest.mark.parametrize("change", ["dismissed", "disabled", "deleted", "user locked"])
def test_a_proposal_of_a_former_operator_makes_nobody(user, change):
    actor = operator("superuser")
    superusers.propose(user, by(actor))
    if change == "dismissed":
        User.objects.filter(pk=actor.pk).update(is_superuser=False)
    elif change == "deleted":
        User.objects.get(pk=actor.pk).delete()
    else:
        User.objects.filter(pk=user.pk if change == "user locked" else actor.pk).update(
            is_active=False
        )
    act(panel("superuser"), User.objects.get(pk=user.pk), "confirm-superuser")

    assert not is_superuser(user)


def test_a_stopped_proposal_makes_nobody(user):
    superusers.propose(user, by(operator("superuser")))
    act(panel(roles.ADMINISTRATOR), user, "stop-superuser")
    act(panel("superuser"), user, "confirm-superuser")

    assert not is_superuser(user)
    assert AuditEvent.objects.get(type="superuser.refused").note == WHY


def test_a_second_proposal_waits_for_the_first(user):
    superusers.propose(user, by(operator("superuser")))
    again = superusers.propose(user, by(operator("superuser")))

    assert again is superusers.Refusal.PENDING


def test_without_the_setting_there_is_nothing_to_propose(user, settings):
    settings.SUPERUSER_NEEDS_TWO = False

    assert act(panel("superuser"), user, "propose-superuser").status_code == 403
    assert not SuperuserProposal.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_confirmations_at_once_count_once():
    user = UserFactory()
    proposal = superusers.propose(user, by(operator("superuser")))
    bosses = [operator("superuser"), operator("superuser")]

    results = at_once(2, lambda n: superusers.confirm(proposal, by(bosses[n])))

    assert sorted(results) == [False, True]
    assert AuditEvent.objects.filter(reason="superuser_granted").count() == 1


def test_a_demoted_superuser_confirms_nothing(user):
    proposal = superusers.propose(user, by(operator("superuser")))
    boss = operator("superuser")
    User.objects.filter(pk=boss.pk).update(is_superuser=False)

    with pytest.raises(NotAllowedError):
        superusers.confirm(proposal, by(boss))
    assert not is_superuser(user)
