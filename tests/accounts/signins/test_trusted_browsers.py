"""A trust counts for its own account. tests/stories/test_trusted_browsers.py has the rest."""

import pytest

from accounts.signins import trusted_browsers
from accounts.signins.models import TrustedBrowser
from tests.kit.factories import TrustedBrowserFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_a_token_of_another_account_is_no_trust(user, settings):
    """Also if both accounts had the same fingerprint of their factors."""
    settings.MFA_TRUSTED_BROWSER_DAYS = 30
    theirs = TrustedBrowserFactory(user=UserFactory(), fingerprint="f" * 64)
    TrustedBrowser.objects.update(digest=trusted_browsers._digest("token"))

    own = trusted_browsers.find(theirs.user, ["token"], fingerprint="f" * 64)
    other = trusted_browsers.find(user, ["token"], fingerprint="f" * 64)

    assert (own, other) == (theirs, None)


@pytest.mark.parametrize("change", ["is_staff", "is_superuser", "off"])
def test_an_account_that_may_trust_no_browser_lists_none(user, settings, change):
    settings.MFA_TRUSTED_BROWSER_DAYS = 0 if change == "off" else 30
    TrustedBrowserFactory(user=user, fingerprint="f" * 64)
    if change != "off":
        setattr(user, change, True)

    assert not trusted_browsers.of(user, fingerprint="f" * 64).exists()
