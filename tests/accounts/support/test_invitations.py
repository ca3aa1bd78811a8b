"""Invite from the panel, send a link again, and revoke it."""

import pytest
from django.contrib.auth.models import Permission

from accounts.audit.models import AuditEvent
from accounts.invitations import invitations
from accounts.invitations.models import Invitation
from tests.kit.clients import open_browser
from tests.kit.factories import UserFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/invitation/"
ADDRESS = "mia@example.com"


@pytest.fixture
def panel(browser, admin_user):
    open_browser(browser, admin_user)
    return browser


def act(panel, name):
    rows = [str(pk) for pk in Invitation.objects.values_list("pk", flat=True)]
    return panel.post(LIST, {"action": name, "_selected_action": rows}, follow=True)


def test_an_operator_invites_by_mail(panel, admin_user, deliver):
    answer = panel.post(f"{LIST}add/", {"email": " Mia@example.com", "locale": "ko"})

    row = Invitation.objects.get()
    assert answer.status_code == 302, answer.context["errors"]
    assert (row.email, row.locale, row.invited_by) == (ADDRESS, "ko", admin_user)
    assert [mail.to for mail in deliver()] == [[ADDRESS]]
    assert AuditEvent.objects.get(type="invitation.sent").actor_id == admin_user.pk


def test_a_known_or_invited_address_is_refused(panel, deliver):
    UserFactory(email="known@example.com")
    invitations.invite(ADDRESS)

    for email in ("known@example.com", ADDRESS):
        answer = panel.post(f"{LIST}add/", {"email": email, "locale": "en"})
        assert answer.status_code == 200
    assert Invitation.objects.count() == 1


def test_a_closed_site_mails_no_link_that_leads_nowhere(panel, deliver, settings):
    invitations.invite(ADDRESS)
    settings.SIGN_UP = "closed"

    new = panel.post(f"{LIST}add/", {"email": "new@example.com", "locale": "en"})
    again = act(panel, "send_again")

    assert "Sign-up is closed, so the link would lead nowhere." in new.text
    assert "Sign-up is closed, so the link would lead nowhere." in again.text
    assert len(deliver()) == Invitation.objects.count() == 1


def test_the_link_is_sent_again(panel, deliver):
    before = invitations.invite(ADDRESS).digest

    act(panel, "send_again")

    assert Invitation.objects.get().digest != before
    assert len(deliver()) == 2


def test_no_link_is_sent_again_to_somebody_with_an_account(panel, deliver):
    invitations.invite(ADDRESS)
    UserFactory(email=ADDRESS)

    page = act(panel, "send_again")

    assert f"Nothing was sent to {ADDRESS}: an account has this email." in page.text
    assert len(deliver()) == 1


def test_an_address_that_is_too_long_in_its_normal_form_is_refused(panel):
    """A domain is longer in ASCII, and the column has 254 characters."""
    email = "a" * 60 + "@" + ".".join(["é한글" * 5] * 7) + ".kr"

    page = panel.post(f"{LIST}add/", {"email": email, "locale": "en"})

    assert page.status_code == 200
    assert not Invitation.objects.exists()


def test_an_invitation_is_revoked(panel, admin_user):
    invitations.invite(ADDRESS)

    act(panel, "revoke")

    assert not Invitation.objects.open().exists()
    assert AuditEvent.objects.get(type="invitation.revoked").actor_id == admin_user.pk


@pytest.mark.parametrize("view", ["change/", "delete/"])
def test_an_invitation_is_not_edited_or_deleted(panel, view):
    row = invitations.invite(ADDRESS)

    answer = panel.post(f"{LIST}{row.pk}/{view}", {"email": "other@example.com", "post": "yes"})

    assert answer.status_code == 403
    assert Invitation.objects.get().email == ADDRESS


def test_staff_who_may_only_look_cannot_act(browser):
    staff = UserFactory(staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_invitation"))
    open_browser(browser, staff)
    invitations.invite(ADDRESS)

    shown = browser.get(LIST)
    act(browser, "revoke")
    added = browser.get(f"{LIST}add/")

    assert shown.status_code == 200
    assert Invitation.objects.open().exists()
    assert added.status_code == 403
