"""The settings of a demo, with one address more: pages that fail in every way."""

from accounts.federation import limits
from accounts.store.counters import Limit
from config.settings import *  # noqa: F403 - the site's own settings

ROOT_URLCONF = "tests.gallery.site_urls"
# The walk signs in and fails more often in a minute than one visitor may.
ACCOUNT_RATE_LIMITS = False
limits.SOCIAL = Limit("social", 10_000)
