"""Operators in their roles, and what they send from the page of a user."""

from django.contrib.auth.models import Group
from django.test import Client

from accounts.client_info import ClientInfo
from accounts.operators.acting import By, state_of
from tests.kit.clients import CHROME
from tests.kit.factories import UserFactory

WHY = "The owner asked on the phone"


def operator(role):
    """Return a new operator: `superuser`, `staff` without rights, or the name of a role."""
    if role == "superuser":
        return UserFactory(admin=True)
    member = UserFactory(staff=True)
    if role != "staff":
        member.groups.add(Group.objects.get(name=role))
    return member


def panel_of(member):
    """Return a browser in which this operator is signed in, with a fresh proof."""
    browser = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    browser.force_login(member)
    return browser


def panel(role):
    return panel_of(operator(role))


def page_of(user):
    return f"/admin/accounts/user/{user.pk}/change/"


def act_page(user, name):
    return f"/admin/accounts/user/{user.pk}/act/{name}/"


def act(browser, user, name, **values):
    """Send the form of this act as the page had it, and follow to the page of the user."""
    form = {"reason": WHY, "seen": state_of(user), "until": "3600"} | values
    return browser.post(act_page(user, name), form, follow=True)


def by(actor, reason=WHY, **more):
    return By(actor=actor, reason=reason, client=ClientInfo(ip="203.0.113.9"), **more)
