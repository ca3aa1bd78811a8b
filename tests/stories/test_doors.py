"""Ask for every kind of second factor at every door, and for a factor where the policy wants one.

The doors come from the URLconf, the factors from the registry. A door or factor that is added later
fails here, or in test_fresh_proof.py, until it is walked through.
"""

import pytest

from accounts.factors.registry import FACTORS
from accounts.signins.models import AuthSession
from tests.kit import doors
from tests.kit.doors import DOORS, Site

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
    answer = finish(site.code(kind))

    assert before == []
    assert wrong == []
    assert answer.status_code in (200, 302), answer.content
    assert set(FACTORS[kind].amr) <= set(signed_in().get().amr)


@pytest.mark.django_db
@pytest.mark.parametrize("door", LINKING)
def test_a_link_is_made_after_the_second_step_only(site, door):
    finish = door(site)
    before = site.owner.socialaccount_set.count()
    finish(site.code("totp"))

    assert (before, site.owner.socialaccount_set.count()) == (0, 1)


@pytest.mark.django_db
def test_a_deletion_is_undone_after_the_second_step_only(site):
    finish = doors.deletion_undo(site)
    site.owner.refresh_from_db()
    before = site.owner.erase_at
    finish(site.code("totp"))
    site.owner.refresh_from_db()

    assert before is not None
    assert site.owner.erase_at is None


@pytest.mark.django_db
def test_a_link_does_not_replace_the_factor_of_the_other_account(site):
    """The provider signs in afterwards, and is asked for the second step, too."""
    finish = doors.link_page(site)
    finish(site.code("totp"))
    site.browser.post("/accounts/logout/")
    asked = site.walk(site.kakao)

    assert asked["Location"] == doors.STEP
