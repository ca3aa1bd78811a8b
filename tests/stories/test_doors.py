"""Ask for every kind of second factor at every door, and for a factor where the policy wants one.

The doors come from the URLconf, the factors from the registry. A door or factor that is added later
fails here, or in test_fresh_proof.py, until it is walked through.
"""

import hashlib
from contextlib import suppress
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.factors.registry import FACTORS
from accounts.operators import locks
from accounts.signins.models import AuthSession
from tests.kit import doors
from tests.kit.clients import sign_in
from tests.kit.doors import DOORS, PASSKEY_DOORS, Site
from tests.kit.factories import TrustedBrowserFactory, UserFactory
from tests.kit.operators import by

WALKS = [(address, walk) for address, walks in DOORS.items() for walk in walks]
LINKING = [
    *(doors.link_page, doors.link_page_by_mailed_code),
    *(doors.link_api, doors.known_address_page),
]
EVERY = pytest.mark.parametrize(
    "door",
    [walk for _, walk in WALKS],
    ids=[f"{address} {walk.__name__}" for address, walk in WALKS],
)

PASSKEY_IDS = [
    f"{address} {number}"
    for address, walks in PASSKEY_DOORS.items()
    for number, _ in enumerate(walks)
]

ALONE = pytest.mark.parametrize(
    "door",
    [walk for walks in PASSKEY_DOORS.values() for walk in walks],
    ids=lambda door: door.__name__,
)


@pytest.fixture
def site(owner, google, kakao, naver, walk, prove, send, deliver, visitor, settings):
    return Site(owner, google, kakao, naver, walk, prove, send, deliver, visitor, settings)


def signed_in():
    return AuthSession.objects.filter(revoked_at=None)


@pytest.mark.django_db
@EVERY
@pytest.mark.parametrize(("policy", "opens"), [("nobody", True), ("all", False)])
def test_a_door_opens_without_a_factor_only_if_the_policy_allows(site, door, policy, opens):
    site.policy, site.has_factors = policy, False
    door(site)

    assert signed_in().exists() is opens


@pytest.mark.django_db
@EVERY
@pytest.mark.parametrize("kind", list(FACTORS))
def test_a_door_opens_by_the_second_step_only(site, door, kind):
    finish = door(site)
    before = list(signed_in())
    finish("000000 wrong")
    wrong = list(signed_in())
    answer = finish(site.answer(kind))

    assert before == []
    assert wrong == []
    assert answer.status_code in (200, 302), answer.content
    assert set(FACTORS[kind].amr) <= set(signed_in().get().amr)


@pytest.mark.django_db
@pytest.mark.parametrize("door", LINKING)
def test_a_link_is_made_after_the_second_step_only(site, door):
    finish = door(site)
    before = site.owner.socialaccount_set.count()
    finish(site.answer("totp"))

    assert (before, site.owner.socialaccount_set.count()) == (0, 1)


@pytest.mark.django_db
def test_a_deletion_is_undone_after_the_second_step_only(site):
    finish = doors.deletion_undo(site)
    site.owner.refresh_from_db()
    before = site.owner.erase_at
    finish(site.answer("totp"))
    site.owner.refresh_from_db()

    assert before is not None
    assert site.owner.erase_at is None


@pytest.mark.django_db
def test_a_link_does_not_replace_the_factor_of_the_other_account(site):
    """The provider signs in afterwards, and is asked for the second step, too."""
    finish = doors.link_page(site)
    finish(site.answer("totp"))
    site.browser.post("/accounts/logout/")
    asked = site.walk(site.kakao)

    assert asked["Location"] == doors.STEP


TRUSTING = {
    *("password_page", "proved_email_page", "code_page", "walk", "password_headless_browser"),
    "deletion_undo",  # of a real deletion, the request for it has ended the trust
}
"""The walks through pages, or the headless API for browsers, that make no link. `walk` is by provider."""


@pytest.mark.django_db
@EVERY
def test_a_trusted_browser_skips_the_step_on_pages_only(site, door, monkeypatch):
    """No app or token client skips it, not even with the cookie, nor a sign-in that makes a link."""
    token = "t" * 43
    site.settings.MFA_TRUSTED_BROWSER_DAYS = 30
    site.browser.cookies["trusted"] = token
    monkeypatch.setattr(doors, "Client", lambda: Client(headers={"cookie": f"trusted={token}"}))
    enrol = site.enrol

    def enrol_and_trust():
        enrol()
        digest = hashlib.sha256(token.encode()).hexdigest()
        TrustedBrowserFactory(user=site.owner, digest=digest)

    site.enrol = enrol_and_trust
    door(site)

    assert signed_in().exists() is (door.__name__ in TRUSTING)
    assert site.owner.socialaccount_set.count() <= (door not in LINKING)
    assert all("mfa" not in row.amr and row.lacks_second_step for row in signed_in())


# A passkey alone


@pytest.mark.django_db
@ALONE
@pytest.mark.parametrize("policy", ["nobody", "staff", "all"])
def test_a_passkey_opens_its_door_under_every_policy(site, door, policy):
    type(site.owner).objects.update(is_staff=True)
    site.policy = policy
    site.enrol()
    answer = door(site)

    assert answer.status_code in (200, 302), answer.content
    assert signed_in().get().amr == list(FACTORS["webauthn"].amr)


@pytest.mark.django_db
@ALONE
@pytest.mark.parametrize("change", ["disabled", "deleted", "passkey removed"])
def test_a_passkey_opens_no_door_of_an_account_that_is_gone(site, door, change):
    site.enrol()
    if change == "deleted":
        site.owner.delete()
    elif change == "disabled":
        type(site.owner).objects.update(is_active=False)
    else:
        site.owner.authenticator_set.filter(type="webauthn").delete()
    answer = door(site)

    assert answer.status_code in (400, 401), answer.content
    assert not signed_in().exists()


@pytest.mark.django_db
@ALONE
def test_a_passkey_undoes_a_deletion(site, door):
    type(site.owner).objects.update(erase_at=timezone.now() + timedelta(days=3))
    site.enrol()
    door(site)
    site.owner.refresh_from_db()

    assert site.owner.erase_at is None


@pytest.mark.django_db
@ALONE
def test_a_wrong_password_locks_no_door_of_a_passkey(site, door):
    site.enrol()
    for _ in range(6):
        locked = sign_in(Client(), site.owner, "a wrong password", door="api")
    door(site)

    assert locked.status_code == 429
    assert signed_in().exists()


@pytest.mark.django_db
def test_a_passkey_makes_no_link_that_waits_for_its_proof(site):
    """The link names the account by its email: its proof is the password or a mailed code."""
    site.enrol()
    site.walk(site.kakao)
    doors.passkey_page(site)

    assert signed_in().exists()
    assert not site.owner.socialaccount_set.exists()


# A lock by an operator


@pytest.mark.django_db
@pytest.mark.parametrize(
    "door",
    [walk for _, walk in WALKS] + [walk for walks in PASSKEY_DOORS.values() for walk in walks],
    ids=[f"{address} {walk.__name__}" for address, walk in WALKS] + PASSKEY_IDS,
)
@pytest.mark.parametrize("hours", [1, None])
def test_a_locked_account_opens_no_door(site, door, hours):
    """Lock it when all is ready for the door. Without the lock, each of these doors opens (above)."""
    is_passkey = any(door in walks for walks in PASSKEY_DOORS.values())
    site.has_factors = is_passkey
    enrol = site.enrol
    until = hours and timezone.now() + timedelta(hours=hours)
    operator = UserFactory(admin=True)

    def enrol_and_lock():
        enrol()
        locks.lock(site.owner, by(operator), until=until)

    site.enrol = enrol_and_lock
    if is_passkey:
        site.enrol()
    with suppress(Exception):  # the next step of the door is missing
        door(site)

    site.owner.refresh_from_db()
    assert not site.owner.is_active
    assert not signed_in().filter(user=site.owner).exists()
