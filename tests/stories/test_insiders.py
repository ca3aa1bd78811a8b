"""Attack as an operator, or as a thief who deceived one: no account falls at once, or unseen."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import Denied, EventType
from accounts.factors.models import FactorReset
from accounts.mail import denial_links
from accounts.operators import locks, proposals, roles
from accounts.operators.models import EmailProposal
from accounts.people.models import User
from tests.kit.factories import AuthSessionFactory, UserFactory
from tests.kit.factors import enrol
from tests.kit.operators import WHY, act, by, operator, panel_of

THIEF = "thief@example.com"


@pytest.fixture
def actor(db):
    return operator(roles.SUPPORT)


def links_in(mails):
    """Return the path of the link in the mail to each address."""
    found = {
        mail.to[0]: re.search(r"https?://\S+(/accounts/email/\S+)", mail.body) for mail in mails
    }
    return {address: match[1] for address, match in found.items() if match}


def let_a_day_pass():
    day = timedelta(days=1, seconds=1)
    for proposal in EmailProposal.objects.all():
        proposal.created_at -= day
        proposal.due_at -= day
        proposal.save()


def email_of(user):
    return User.objects.get(pk=user.pk).email


# An account without a proved address


@pytest.fixture(params=["imported", "prepared", "used"])
def unproved(request, db):
    """Return an account whose owner exists, and has proved no address here."""
    user = UserFactory(verified=False)
    if request.param == "imported":
        user.external_ids.create(source="keycloak", external_id="7")
    elif request.param == "prepared":
        user.emailaddress_set.all().delete()
    else:
        User.objects.filter(pk=user.pk).update(last_login=timezone.now())
    return user


def test_an_operator_takes_no_unproved_account_at_once(unproved, actor, deliver):
    act(panel_of(actor), unproved, "change-email", email=THIEF)
    Client().post(links_in(deliver())[THIEF])

    assert email_of(unproved) == unproved.email
    assert proposals.carry_out_due() == 0


def test_the_unproved_address_stops_the_change(unproved, actor, deliver):
    act(panel_of(actor), unproved, "change-email", email=THIEF)
    links = links_in(deliver())
    Client().post(links[THIEF])
    Client().post(links[unproved.email])
    let_a_day_pass()

    assert proposals.carry_out_due() == 0
    assert email_of(unproved) == unproved.email


def test_the_unproved_address_learns_of_the_change(unproved, actor, deliver):
    former = unproved.email
    act(panel_of(actor), unproved, "change-email", email=THIEF)
    Client().post(links_in(deliver())[THIEF])
    let_a_day_pass()
    before = len(deliver())
    proposals.carry_out_due()

    assert email_of(unproved) == THIEF
    assert {mail.to[0] for mail in deliver()[before:]} == {former, THIEF}


@pytest.mark.parametrize("name", ["lock", "export", "delete-account"])
def test_an_unproved_address_learns_of_each_act(unproved, deliver, name):
    act(panel_of(operator(roles.ADMINISTRATOR)), unproved, name)

    assert [mail.to for mail in deliver()] == [[unproved.email]]


def test_the_present_address_needs_no_delay(unproved, actor, deliver):
    act(panel_of(actor), unproved, "send-verification")
    (mail,) = deliver()
    Client().post(links_in([mail])[unproved.email])

    assert unproved.emailaddress_set.get().verified


def test_a_sign_up_that_nobody_uses_needs_no_delay(actor, deliver):
    user = UserFactory(verified=False)
    act(panel_of(actor), user, "change-email", email="right@example.com")
    links = links_in(deliver())
    Client().post(links["right@example.com"])

    assert user.email in links
    assert email_of(user) == "right@example.com"


def test_a_sign_up_that_is_proved_meanwhile_gets_the_delay(actor, deliver):
    user = UserFactory(verified=False)
    act(panel_of(actor), user, "change-email", email=THIEF)
    user.emailaddress_set.update(verified=True)
    Client().post(links_in(deliver())[THIEF])
    early = email_of(user)
    let_a_day_pass()

    assert early == user.email
    assert proposals.carry_out_due() == 1


# A thief who deceived an operator


@pytest.fixture
def waiting(user, actor, deliver):
    """Let an operator propose the address of a thief, who proves it. Return the proposal."""
    proposals.propose(user, by(actor), email=THIEF)
    Client().post(links_in(deliver())[THIEF])
    return EmailProposal.objects.get()


def report_by_link(user, actor):
    browser = Client()
    browser.get(denial_links.url(user, about=Denied.SIGN_IN, to=user.email))
    return browser.post("/accounts/not-me/", {"token": browser.session["denial"]})


def report_by_row(user, actor):
    other = AuthSessionFactory(user=user)
    return panel_of(user).post("/accounts/activity/not-me/", {"sid": str(other.pk)})


def lock(user, actor):
    return locks.lock(user, by(operator(roles.SUPPORT)), until=None)


STOPS = {
    "link": (report_by_link, "by_report"),
    "row": (report_by_row, "by_report"),
    "lock": (lock, "by_lock"),
}


@pytest.mark.parametrize("how", STOPS)
def test_a_report_and_a_lock_stop_a_proposed_email(user, actor, waiting, how):
    stop, reason = STOPS[how]
    stop(user, actor)
    let_a_day_pass()

    assert proposals.carry_out_due() == 0
    assert email_of(user) == user.email
    event = AuditEvent.objects.get(type="email.proposal_stopped")
    assert event.reason == reason


@pytest.mark.parametrize("kind", [EventType.ACTIVITY_DENIED, EventType.ACCOUNT_LOCKED])
def test_nothing_is_carried_out_after_a_report_or_a_lock(user, waiting, kind):
    """Also if a report at the same time did not see the proposal."""
    let_a_day_pass()
    trail.record(kind, user=user)

    assert proposals.carry_out_due() == 0
    assert email_of(user) == user.email
    assert proposals.open_of(user) is None


def test_an_earlier_report_hinders_no_proposal(user, actor, deliver):
    """An operator helps an owner who has reported."""
    trail.record(EventType.ACTIVITY_DENIED, user=user)
    AuditEvent.objects.update(created_at=timezone.now() - timedelta(days=2))
    proposals.propose(user, by(actor), email=THIEF)
    Client().post(links_in(deliver())[THIEF])
    let_a_day_pass()

    assert proposals.carry_out_due() == 1


# Both locks of one account


@pytest.fixture
def lost(user):
    enrol(user)
    return user


def ask_for_reset(browser, user):
    path = f"/admin/accounts/user/{user.pk}/reset-factors/"
    return browser.post(path, {"reason": WHY}, follow=True)


def test_one_operator_changes_no_email_while_the_factors_go(lost, actor):
    browser = panel_of(actor)
    ask_for_reset(browser, lost)
    answer = act(browser, lost, "change-email", email=THIEF)

    assert FactorReset.objects.filter(user=lost).exists()
    assert "Another operator must ask for the second" in answer.text
    assert not EmailProposal.objects.exists()


def test_one_operator_resets_no_factors_while_the_email_changes(lost, actor):
    browser = panel_of(actor)
    act(browser, lost, "change-email", email=THIEF)
    answer = ask_for_reset(browser, lost)

    assert EmailProposal.objects.filter(user=lost).exists()
    assert "Another operator must ask for the second" in answer.text
    assert not FactorReset.objects.exists()


@pytest.mark.parametrize("first", ["email", "factors"])
def test_another_operator_may_ask_for_the_second(lost, actor, first):
    acts = [
        lambda browser: act(browser, lost, "change-email", email=THIEF),
        lambda browser: ask_for_reset(browser, lost),
    ]
    one, other = acts if first == "email" else reversed(acts)
    one(panel_of(actor))
    other(panel_of(operator(roles.SUPPORT)))

    assert EmailProposal.objects.filter(user=lost).exists()
    assert FactorReset.objects.filter(user=lost).exists()
