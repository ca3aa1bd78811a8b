"""Use our settings with one more address: a DRF view that needs no SQL."""

from config.settings import *  # noqa: F403 - all of them

ROOT_URLCONF = "bench.ours.urls"
