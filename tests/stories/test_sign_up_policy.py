"""Close sign-up, or ask for an invitation, at every door that makes an account or finishes one."""

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.db import OperationalError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.federation.providers.google import Provider as Google
from accounts.invitations import invitations
from accounts.invitations.models import Invitation
from accounts.people import addresses
from accounts.people.models import User
from tests.kit import doors, standins
from tests.kit.clients import CHROME, is_signed_in
from tests.kit.doors import FINISHES, NEW, NO_DOORS, SIGN_UPS, Site
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in, link_in
from tests.kit.problems import problem
from tests.kit.racing import at_once
from tests.kit.waiting import Asking, is_somebody_waiting, wait_until

pytestmark = pytest.mark.django_db
SIGNUP = "/accounts/signup/"
OTHER = "other@example.com"
EVERY = pytest.mark.parametrize(
    "door", [walk for walks in SIGN_UPS.values() for walk in walks], ids=lambda door: door.__name__
)
FINISH = pytest.mark.parametrize(
    "door", [walk for walks in FINISHES.values() for walk in walks], ids=lambda door: door.__name__
)


@pytest.fixture
def site(google, kakao, naver, walk, send, deliver, visitor, settings):
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"confirm_email": None}
    return Site(None, google, kakao, naver, walk, None, send, deliver, visitor, settings)


@pytest.fixture
def by_invitation(settings):
    settings.SIGN_UP = "invitation"


def new_browser():
    return Client(raise_request_exception=False, headers={"user-agent": CHROME})


def invited_browser(deliver, email=NEW):
    invitations.invite(email)
    browser = new_browser()
    browser.get(link_in(deliver()[-1]))
    return browser


# Every door


def test_every_door_that_makes_an_account_is_in_the_matrix():
    makes = {address for address, why in NO_DOORS.items() if why == doors.NEW_ACCOUNT}
    by_providers = {
        address for address in doors.DOORS if re.search("login/callback|social|token$", address)
    }

    # The passkey is added to an account that the door before has made.
    assert makes - {"accounts/signup/passkey/add/"} | by_providers == SIGN_UPS.keys()


@EVERY
def test_an_open_door_makes_an_account(site, door):
    door(site)

    assert User.objects.count() == 1


@EVERY
@pytest.mark.parametrize("mode", ["closed", "invitation"])
def test_a_closed_door_makes_none(site, door, mode, settings):
    settings.SIGN_UP = mode

    answer = door(site)

    assert User.objects.count() == 0
    assert not is_signed_in(site.browser)
    assert answer.status_code < 500


@pytest.mark.parametrize("mode", ["closed", "invitation"])
def test_an_app_learns_why_it_makes_no_account(client, mode, settings):
    settings.SIGN_UP = mode
    body = {"email": NEW, "password": PASSWORD}

    answer = client.post("/_allauth/app/v1/auth/signup", body, content_type="application/json")

    assert answer.status_code == 403
    assert answer.json() == problem(403, "sign_up_closed")


@EVERY
def test_closed_means_closed_for_invited_people_too(site, door, settings):
    for email in (NEW, standins.MINJI):
        invitations.invite(email)
    settings.SIGN_UP = "closed"

    door(site)

    assert User.objects.count() == 0


@FINISH
@pytest.mark.parametrize("mode", ["closed", "invitation"])
def test_an_account_begun_earlier_cannot_be_finished(site, door, mode, settings):
    begun = UserFactory(email=NEW, verified=False)
    settings.SIGN_UP = mode

    answer = door(site)

    assert not begun.emailaddress_set.filter(verified=True).exists()
    assert not is_signed_in(site.browser)
    assert answer.status_code == 403


@FINISH
def test_it_can_be_finished_while_sign_up_is_open(site, door):
    begun = UserFactory(email=NEW, verified=False)

    answer = door(site)

    assert begun.emailaddress_set.filter(verified=True).exists()
    assert answer.status_code < 400


@pytest.mark.parametrize("mode", ["closed", "invitation"])
def test_accounts_that_exist_still_sign_in(mode, settings, user, browser):
    settings.SIGN_UP = mode

    browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})

    assert is_signed_in(browser)


# Nobody learns who has an account, or who is invited


@pytest.mark.parametrize("mode", ["closed", "invitation"])
@pytest.mark.parametrize("door", [doors.sign_up_page, doors.sign_up_headless("app")])
def test_the_answer_is_the_same_for_every_address(site, door, mode, settings, deliver):
    settings.SIGN_UP = mode
    answers = []
    for prepare in (
        lambda: None,
        lambda: invitations.invite(NEW),
        lambda: UserFactory(email=NEW),
    ):
        prepare()
        answer = door(site)
        answers.append((answer.status_code, len(answer.content)))

    assert len(set(answers)) == 1, answers
    assert [mail.to for mail in deliver()] == [[NEW]]  # the invitation


def test_pages_offer_no_sign_up_that_is_closed(settings, client):
    is_open = 'href="/accounts/signup/' in client.get("/accounts/login/").text
    settings.SIGN_UP = "closed"
    is_closed = 'href="/accounts/signup/' not in client.get("/accounts/login/").text
    page = client.get(SIGNUP).text

    assert (is_open, is_closed) == (True, True)
    assert "Sign-up is closed" in page
    assert '<form class="form"' not in page


def test_a_reset_mails_no_link_to_a_closed_sign_up(settings, client, deliver):
    settings.SIGN_UP = "closed"

    client.post("/accounts/password/reset/", {"email": NEW})

    assert "/signup/" not in deliver()[-1].body


def test_our_api_answers_with_a_code_of_its_own(site, settings):
    settings.SIGN_UP = "closed"

    answer = doors.sign_up_by_native_api(site)

    assert (answer.status_code, answer.json()["code"]) == (403, "sign_up_closed")


# The link


def test_the_link_leads_to_a_form_with_the_invited_address(by_invitation, deliver):
    browser = invited_browser(deliver)

    page = browser.get(SIGNUP)
    answer = browser.post(SIGNUP, {"email": OTHER, "password1": PASSWORD})

    assert NEW in page.text
    assert Invitation.objects.get().accepted_at is not None
    assert answer.status_code == 302
    user = User.objects.get()
    assert user.email == NEW  # the form's own address is locked
    assert user.emailaddress_set.get().verified
    assert is_signed_in(browser)
    assert user.invitation == Invitation.objects.get()


@pytest.mark.parametrize("path", [SIGNUP, "/accounts/signup/passkey/"])
def test_the_form_promises_an_invited_person_no_code(deliver, client, path):
    """The link has proved the address, so no code is mailed."""
    invited = invited_browser(deliver).get(path).text
    other = client.get(path).text

    assert [page.count("send a code to") for page in (invited, other)] == [0, 1]
    assert "Send me the code" not in invited


@pytest.mark.parametrize("mode", ["open", "invitation"])
@pytest.mark.parametrize("end", ["revoked", "expired", "unknown"])
def test_a_link_that_no_longer_works_says_so(mode, end, settings, deliver):
    settings.SIGN_UP = mode
    invitations.invite(NEW)
    link = link_in(deliver()[-1])
    if end == "revoked":
        invitations.revoke(Invitation.objects.get())
    elif end == "expired":
        Invitation.objects.update(expires_at=timezone.now())
    else:
        link = "/accounts/invitation/unknown/"

    page = new_browser().get(link, follow=True).text

    assert "This invitation no longer works" in page


@pytest.mark.parametrize("mode", ["open", "invitation"])
def test_a_used_link_leads_its_owner_to_the_sign_in(mode, settings, deliver):
    settings.SIGN_UP = mode
    invited_browser(deliver).post(SIGNUP, {"password1": PASSWORD})

    page = new_browser().get(link_in(deliver()[-1]), follow=True)

    assert page.redirect_chain == [("/accounts/login/", 302)]
    assert "You have an account with this email already" in page.text


def test_a_link_that_a_signed_in_person_opens_says_what_to_do(by_invitation, deliver, signed_in):
    invitations.invite(NEW)
    link = link_in(deliver()[-1])

    page = signed_in.get(link, follow=True).text
    signed_in.post("/accounts/logout/")

    assert "sign out and open its link again" in page
    assert NEW in signed_in.get(link, follow=True).text


def test_opening_the_link_uses_nothing_up(by_invitation, deliver):
    invitations.invite(NEW)
    link = link_in(deliver()[-1])

    for _ in range(3):
        assert new_browser().get(link)["Location"] == SIGNUP

    assert Invitation.objects.open().count() == 1
    assert User.objects.count() == 0


def test_a_used_link_opens_nothing(by_invitation, deliver):
    browser = invited_browser(deliver)
    link = link_in(deliver()[-1])
    browser.post(SIGNUP, {"password1": PASSWORD})
    User.objects.update(email=OTHER)

    second = new_browser()
    second.get(link)
    second.post(SIGNUP, {"email": NEW, "password1": PASSWORD})

    assert User.objects.count() == 1


@pytest.mark.parametrize("end", ["revoked", "expired", "sent again", "wrong"])
def test_an_ended_link_opens_nothing(by_invitation, deliver, end, settings):
    invitation = invitations.invite(NEW)
    link = link_in(deliver()[-1])
    early = new_browser()
    early.get(link)  # before the end
    match end:
        case "revoked":
            invitations.revoke(invitation)
        case "expired":
            Invitation.objects.update(expires_at=invitation.created_at)
        case "sent again":
            invitations.invite(NEW)
        case "wrong":
            Invitation.objects.update(digest="0" * 64)

    for browser in (early, new_browser()):
        browser.get(link)
        browser.post(SIGNUP, {"email": NEW, "password1": PASSWORD})

    assert User.objects.count() == 0


def test_a_link_sent_again_works(by_invitation, deliver):
    invitations.invite(NEW)
    browser = invited_browser(deliver)

    browser.post(SIGNUP, {"password1": PASSWORD})

    assert User.objects.get().email == NEW
    assert Invitation.objects.count() == 1


def test_an_app_sends_the_token_as_a_header(by_invitation, deliver, post):
    invitations.invite(NEW)
    token = link_in(deliver()[-1]).rstrip("/").rpartition("/")[2]
    path, body = "/_allauth/app/v1/auth/signup", {"email": NEW, "password": PASSWORD}

    answer = post(path, body, headers={"x-invitation": token})
    again = post(path, body, headers={"x-invitation": token})

    assert answer.status_code == 200, answer.content
    assert answer.json()["meta"]["is_authenticated"]
    assert again.status_code == 403


def test_an_app_cannot_use_the_token_for_another_address(by_invitation, deliver, post):
    invitations.invite(NEW)
    token = link_in(deliver()[-1]).rstrip("/").rpartition("/")[2]
    body = {"email": OTHER, "password": PASSWORD}

    answer = post("/_allauth/app/v1/auth/signup", body, headers={"x-invitation": token})

    assert answer.status_code == 400
    assert User.objects.count() == 0
    assert Invitation.objects.open().exists()


@pytest.mark.parametrize(
    "door",
    [
        doors.sign_up_by_provider("google"),
        doors.sign_up_by_native_api,
        doors.sign_up_by_native_app,
    ],
)
def test_an_invited_person_may_use_a_provider_with_that_address(site, door, settings):
    settings.SIGN_UP = "invitation"
    invitations.invite(standins.MINJI)

    door(site)

    assert User.objects.get().email == standins.MINJI
    assert Invitation.objects.get().accepted_at is not None


def test_an_address_that_a_provider_does_not_verify_is_not_invited(site, settings):
    settings.SIGN_UP = "invitation"
    invitations.invite(standins.MINJI)

    doors.sign_up_by_provider("naver")(site)  # vouches for nobody

    assert User.objects.count() == 0


def test_with_the_link_a_shy_provider_may_be_used(site, settings, deliver):
    settings.SIGN_UP = "invitation"
    invitations.invite(NEW)
    site.browser.get(link_in(deliver()[-1]))

    doors.sign_up_by_shy_provider(site)

    assert User.objects.get().email == NEW


def test_the_invitation_replaces_an_account_begun_by_a_stranger(by_invitation, deliver):
    begun = UserFactory(email=NEW, verified=False)
    browser = invited_browser(deliver)

    browser.post(SIGNUP, {"password1": "another long password"})

    user = User.objects.get()
    assert user.pk != begun.pk
    assert user.check_password("another long password")
    assert is_signed_in(browser)


def test_a_link_for_somebody_with_an_account_leads_to_the_sign_in(deliver, settings):
    """The form would promise an account, and then a code that is never mailed."""
    owners = {
        "of this email": lambda: UserFactory(email=NEW),
        "of this further email": lambda: UserFactory(email=OTHER).emailaddress_set.create(
            email=NEW, verified=True
        ),
        "disabled": lambda: UserFactory(email=NEW, is_active=False),
    }

    for mode in ("open", "invitation"):
        settings.SIGN_UP = mode
        for make in owners.values():
            invitations.invite(NEW)
            make()
            page = new_browser().get(link_in(deliver()[-1]), follow=True)
            User.objects.all().delete()

            assert page.redirect_chain == [("/accounts/login/", 302)]
            assert "You have an account with this email already" in page.text


def test_a_provider_with_another_email_is_told_why_and_leads_back(site, by_invitation, deliver):
    invitations.invite(NEW)
    site.browser.get(link_in(deliver()[-1]))

    page = doors.sign_up_by_provider("google")(site)
    back = site.browser.get(SIGNUP)

    assert page.status_code == 403
    assert "Your invitation is for another email." in page.text
    assert f'href="{SIGNUP}"' in page.text
    assert NEW in back.text
    assert User.objects.count() == 0
    assert Invitation.objects.open().exists()


def test_a_provider_uses_the_invitation_up_while_sign_up_is_open(site):
    """Otherwise the link would stay good for another account, and outlive this one."""
    invitations.invite(standins.MINJI)

    doors.sign_up_by_provider("google")(site)

    assert not Invitation.objects.open().exists()
    assert User.objects.get().invitation.accepted_at


def test_an_invitation_also_works_while_sign_up_is_open(deliver):
    browser = invited_browser(deliver)

    browser.post(SIGNUP, {"password1": PASSWORD})

    assert is_signed_in(browser)  # without a mailed code
    assert User.objects.get().emailaddress_set.get().verified


def test_an_open_sign_up_without_the_link_still_asks_for_the_code(deliver):
    invitations.invite(NEW)
    browser = new_browser()

    browser.post(SIGNUP, {"email": NEW, "password1": PASSWORD})

    assert not is_signed_in(browser)
    assert code_in(deliver()[-1])


@FINISH
def test_whoever_proves_the_address_uses_the_invitation_up(site, door):
    """By any door, and also without the link. An operator would see it as open for days."""
    begun = UserFactory(email=NEW, verified=False)
    invitations.invite(NEW)

    door(site)

    assert not Invitation.objects.open().exists()
    assert begun.invitation.accepted_at


def test_an_account_may_prove_two_invited_addresses():
    """The second invitation ends, too. It belongs to no account, so it is deleted after some weeks."""
    user = UserFactory(email=NEW, verified=False)
    for email in (NEW, OTHER):
        invitations.invite(email)
        user.emailaddress_set.update_or_create(email=email, defaults={"verified": True})

    assert not Invitation.objects.open().exists()
    assert user.invitation.email == NEW
    Invitation.objects.update(expires_at=timezone.now() - invitations.KEEP - timedelta(days=1))
    assert [each.email for each in invitations.old()] == [OTHER]


def test_a_provider_may_prove_two_invited_addresses(site, monkeypatch):
    """A provider of a team may tell several. Each uses its invitation up, and nothing stops the sign-up."""
    told = Google.extract_email_addresses
    further = EmailAddress(email=OTHER, verified=True)
    monkeypatch.setattr(
        Google, "extract_email_addresses", lambda self, data: [*told(self, data), further]
    )
    for email in (standins.MINJI, OTHER):
        invitations.invite(email)

    doors.sign_up_by_provider("google")(site)

    assert not Invitation.objects.open().exists()
    assert Invitation.objects.filter(user=User.objects.get()).count() == 1


def test_the_deletion_of_the_account_deletes_the_invitation(by_invitation, deliver):
    invited_browser(deliver).post(SIGNUP, {"password1": PASSWORD})

    User.objects.get().delete()

    assert not Invitation.objects.exists()


def test_the_token_is_in_no_row_and_no_event(deliver):
    invitations.invite(NEW)
    token = link_in(deliver()[-1]).rstrip("/").rpartition("/")[2]

    assert token not in str(Invitation.objects.values())
    assert token not in str(AuditEvent.objects.values())
    assert reverse("accounts:invitation", args=[token]).endswith(f"/{token}/")


@pytest.mark.django_db(transaction=True)
def test_two_sign_ups_at_once_use_one_invitation_once(settings, deliver):
    settings.SIGN_UP = "invitation"
    invitations.invite(NEW)
    token = link_in(deliver()[-1]).rstrip("/").rpartition("/")[2]

    def sign_up(number):
        body = {"email": NEW, "password": f"{PASSWORD} {number}"}
        client = Client(raise_request_exception=False)
        headers = {"x-invitation": token}
        return doors.post(client, "/_allauth/app/v1/auth/signup", body, **headers).status_code

    answers = at_once(4, sign_up)

    assert answers.count(200) == 1, answers
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_proof_and_a_sign_up_by_the_link_do_not_wait_for_each_other():
    """Each takes the invitation first, then the account that a stranger began."""
    UserFactory(email=NEW, verified=False)  # the stranger's
    typed = UserFactory(email=OTHER).emailaddress_set.create(email=NEW)
    invitations.invite(NEW)
    typed.verified = True

    @transaction.atomic
    def prove():
        typed.save()

    with transaction.atomic():
        assert invitations.spend(NEW)
        proof = Asking(prove)
        wait_until(is_somebody_waiting)
        addresses.claim(NEW, owner_id=None)

    # The one that comes second finds the address without its row.
    assert not isinstance(proof.result(), OperationalError)
    assert not User.objects.filter(email=NEW).exists()
