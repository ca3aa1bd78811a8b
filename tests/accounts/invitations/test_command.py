"""Invite, list and revoke from the command line."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.invitations import invitations
from accounts.invitations.models import Invitation
from tests.kit.factories import UserFactory

pytestmark = pytest.mark.django_db
ADDRESS = "mia@example.com"


def invite(*arguments):
    out = StringIO()
    call_command("invite", *arguments, stdout=out)
    return out.getvalue()


def test_each_address_gets_a_mail_in_the_language(deliver):
    printed = invite(" Mia@Example.com", "b@example.com", "--language", "ko", "--expires", "3")

    rows = Invitation.objects.order_by("email")
    assert [row.email for row in rows] == ["b@example.com", ADDRESS]
    assert timedelta(days=2, hours=23) < rows[0].expires_at - timezone.now() < timedelta(days=3)
    assert sorted(mail.to[0] for mail in deliver()) == ["b@example.com", ADDRESS]
    assert "초대" in deliver()[0].subject
    assert printed.count("invited until") == 2
    recorded = AuditEvent.objects.filter(type="invitation.sent")
    assert {event.identifier for event in recorded} == {ADDRESS, "b@example.com"}


@pytest.mark.parametrize("wrong", ["nonsense", "a" * 60 + "@" + "b" * 50 + ".cc" * 50])
def test_a_wrong_address_invites_nobody(wrong):
    with pytest.raises(CommandError, match="Nobody was invited"):
        invite(ADDRESS, wrong)

    assert not Invitation.objects.exists()


@pytest.mark.parametrize("mode", ["open", "invitation", "closed"])
def test_a_closed_site_mails_no_link_that_leads_nowhere(mode, settings, deliver):
    settings.SIGN_UP = mode

    if mode == "closed":
        with pytest.raises(CommandError, match="SIGN_UP is closed, so no link would work"):
            invite(ADDRESS)
    else:
        invite(ADDRESS)

    assert len(deliver()) == Invitation.objects.count() == (0 if mode == "closed" else 1)


def test_an_address_with_an_account_is_not_invited():
    UserFactory(email=ADDRESS)

    assert "has an account already" in invite(ADDRESS)
    assert not Invitation.objects.exists()


def test_an_invitation_is_revoked_once():
    invite(ADDRESS)

    assert "revoked: mia" in invite("--revoke", ADDRESS)
    assert "no open invitation: mia" in invite("--revoke", ADDRESS)
    assert "Revoked" in invite("--list")


def test_it_needs_an_address():
    with pytest.raises(CommandError, match="Name at least one address"):
        invite()


def test_old_invitations_are_deleted_unless_they_led_to_an_account():
    for email in ("old@example.com", "accepted@example.com", "new@example.com"):
        invitations.invite(email)
    invitations.accept("accepted@example.com", UserFactory())
    long_ago = timezone.now() - invitations.KEEP - timedelta(days=1)
    Invitation.objects.exclude(email="new@example.com").update(expires_at=long_ago)

    assert invitations.prune() == 1
    assert not Invitation.objects.filter(email="old@example.com").exists()
