"""Propose an email: only its owner's proof makes it count, and the former address can stop it."""

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import ResetStop
from accounts.client_info import ClientInfo
from accounts.operators import proposals, roles
from accounts.operators.models import EmailProposal
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import sign_in
from tests.kit.factories import PASSWORD, AuthSessionFactory, UserFactory
from tests.kit.operators import WHY, act, by, operator, page_of, panel, panel_of
from tests.kit.racing import at_once

NEW = "new.address@example.com"
HERE = ClientInfo(ip="203.0.113.7")


@pytest.fixture
def actor(db):
    return operator(roles.SUPPORT)


@pytest.fixture
def asked(user, actor, deliver):
    """Propose `NEW` for the user. Return the two links: of the new and of the former address."""
    proposals.propose(user, by(actor), email=NEW)
    mails = {
        sent.to[0]: re.search(r"https?://\S+(/accounts/email/\S+)", sent.body)[1]
        for sent in deliver()
    }
    return mails[NEW], mails[user.email]


def let_it_be_due():
    past = timezone.now() - timedelta(days=1, seconds=1)
    EmailProposal.objects.update(created_at=past, due_at=timezone.now() - timedelta(seconds=1))


def email_of(user):
    return User.objects.get(pk=user.pk).email


def test_a_proposal_alone_changes_nothing(user, asked):
    let_it_be_due()

    assert proposals.carry_out_due() == 0
    assert email_of(user) != NEW
    assert not EmailAddress.objects.filter(email=NEW).exists()


def test_opening_the_link_changes_nothing(user, asked):
    let_it_be_due()
    page = Client().get(asked[0])

    assert page.status_code == 200
    assert "Confirm the address" in page.text
    assert email_of(user) != NEW


def test_a_proof_waits_for_the_former_address(user, asked):
    page = Client().post(asked[0])
    early = email_of(user)
    proposals.carry_out_due()
    still = email_of(user)
    let_it_be_due()
    done = proposals.carry_out_due()

    assert "Until then, the former address can stop it" in page.text
    assert NEW not in (early, still)
    assert done == 1
    assert email_of(user) == NEW


def test_the_change_ends_sign_ins_and_tells_both_addresses(user, asked, deliver, actor):
    former = user.email
    AuthSessionFactory(user=user)
    Client().post(asked[0])
    let_it_be_due()
    before = len(deliver())
    proposals.carry_out_due()

    assert not AuthSession.objects.active().exists()
    assert {sent.to[0] for sent in deliver()[before:]} == {former, NEW}
    event = AuditEvent.objects.get(type="email.changed")
    assert (event.actor, event.note) == (actor, WHY)
    rows = EmailAddress.objects.filter(user=user).values_list("email", "verified", "primary")
    assert list(rows) == [(NEW, True, True)]
    assert sign_in(Client(), User.objects.get(pk=user.pk), door="api").status_code == 200


def test_the_former_address_stops_the_change(user, asked):
    Client().post(asked[0])
    shown = Client().get(asked[1])
    still_open = proposals.open_of(user) is not None
    stopped = Client().post(asked[1])
    let_it_be_due()
    proposals.carry_out_due()

    assert "Keep my email" in shown.text
    assert still_open
    assert "Your email stays" in stopped.text
    assert email_of(user) != NEW
    assert AuditEvent.objects.get(type="email.proposal_stopped").reason == ResetStop.BY_LINK


@pytest.mark.parametrize("which", [0, 1])
def test_a_link_works_once_and_no_other_token_works(user, asked, which):
    let_it_be_due()
    Client().post(asked[which])
    again = Client().post(asked[which])
    forged = Client().post(f"/accounts/email/{'confirm' if which == 0 else 'stop'}/forged/")

    assert "Nothing to" in again.text
    assert "Nothing to" in forged.text
    assert (email_of(user) == NEW) is (which == 0)


def test_the_link_of_one_address_is_not_that_of_the_other(user, asked):
    let_it_be_due()
    Client().post(asked[1].replace("stop", "confirm"))
    Client().post(asked[0].replace("confirm", "stop"))

    assert email_of(user) != NEW
    assert proposals.open_of(user) is not None


def test_an_expired_link_changes_nothing(user, asked):
    EmailProposal.objects.update(expires_at=timezone.now(), due_at=timezone.now())
    Client().post(asked[0])

    assert email_of(user) != NEW


@pytest.mark.parametrize("change", ["dismissed", "disabled", "user promoted", "address taken"])
def test_what_changed_meanwhile_stops_it(user, actor, asked, change):
    Client().post(asked[0])
    let_it_be_due()
    if change == "dismissed":
        actor.groups.clear()
    elif change == "disabled":
        User.objects.filter(pk=actor.pk).update(is_active=False)
    elif change == "user promoted":
        User.objects.filter(pk=user.pk).update(is_superuser=True)
    else:
        UserFactory(email=NEW)

    assert proposals.carry_out_due() == 0
    assert email_of(user) != NEW
    assert proposals.open_of(user) is None


def test_an_address_of_another_account_is_refused(user, actor):
    other = UserFactory()

    assert proposals.propose(user, by(actor), email=other.email.upper()) is proposals.Refusal.TAKEN
    assert not EmailProposal.objects.exists()


def test_two_proposals_at_a_time_are_one_too_many(user, actor, asked):
    again = proposals.propose(user, by(actor), email="third@example.com")

    assert again is proposals.Refusal.PENDING


def test_an_operator_floods_no_strangers_mailbox(actor, deliver):
    users = UserFactory.create_batch(12)
    answers = [proposals.propose(user, by(actor), email=NEW) for user in users]

    assert answers[-1] is proposals.Refusal.TOO_MANY
    assert sum(sent.to == [NEW] for sent in deliver()) <= 10


def test_an_operator_stops_the_change(user, asked):
    page = act(panel(roles.SUPPORT), user, "stop-email")

    assert "The change is stopped" in page.text
    assert proposals.open_of(user) is None
    assert AuditEvent.objects.get(type="email.proposal_stopped").note == WHY


def test_an_account_that_was_never_proved_follows_the_proof(actor, deliver):
    """A stranger may have signed up with the address and chosen the password."""
    user = UserFactory(verified=False)
    browser = panel_of(actor)
    act(browser, user, "send-verification")
    (sent,) = deliver()
    Client().post(re.search(r"https?://\S+(/accounts/email/\S+)", sent.body)[1])

    user = User.objects.get(pk=user.pk)
    assert EmailAddress.objects.get(user=user).verified
    assert not user.has_usable_password()
    assert not user.check_password(PASSWORD)


def test_the_page_shows_the_proposal(user, asked):
    page = panel(roles.AUDITOR).get(page_of(user)).text

    assert NEW in page


@pytest.mark.django_db(transaction=True)
def test_a_stop_and_a_proof_at_once_leave_one_outcome():
    user, actor = UserFactory(), operator(roles.SUPPORT)
    proposal = proposals.propose(user, by(actor), email=NEW)
    let_it_be_due()
    acts = [
        lambda: proposals.prove(EmailProposal.objects.get(pk=proposal.pk), client=HERE),
        lambda: proposals.stop(
            EmailProposal.objects.get(pk=proposal.pk), ResetStop.BY_LINK, client=HERE
        ),
    ]

    results = at_once(2, lambda n: acts[n]())

    assert sorted(results) == [False, True]
    assert (email_of(user) == NEW) is results[0]
