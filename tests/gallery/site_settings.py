"""The settings of a demo, with one address more: pages that fail in every way."""

from config.settings import *  # noqa: F403 - the site's own settings
from config.settings import LIMITS as SITE_LIMITS
from tests.gallery.people import MUST_GROUP

MFA_REQUIRED_FOR = f"group:{MUST_GROUP}"
MFA_TRUSTED_BROWSER_DAYS = 30
ROOT_URLCONF = "tests.gallery.site_urls"
# The walk signs in and fails more often in a minute than one visitor may.
ACCOUNT_RATE_LIMITS = False
LIMITS = SITE_LIMITS | dict.fromkeys(
    (
        *("social", "sign_in_device", "sign_in_network"),
        *("code_tries", "factor", "factor_day"),
    ),
    (10000, 60),
)
# A session of an earlier scene opens every page.
FRESH_PROOF_SECONDS = 86400
