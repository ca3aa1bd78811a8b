"""Set up `/events`, the streams that tell open pages and apps about their sign-ins."""

from urllib.parse import urlsplit

from config.settings.base import DEMO_PORT, PORT, SITE_URL, env

# The port of `manage.py events`, a process of its own.
EVENTS_PORT = env.port("EVENTS_PORT", default=DEMO_PORT + 4)
# The most streams of one user, and of one process. A stream takes about 12 kB.
EVENTS_PER_USER = env.int("EVENTS_PER_USER", default=30)
EVENTS_PER_PROCESS = env.int("EVENTS_PER_PROCESS", default=5000)
_site = urlsplit(SITE_URL)
# True if browsers reach the site's own port without a proxy, as after `make run`. Cookies ignore ports,
# so that another port of the same host has them, too.
_has_no_proxy = _site.scheme == "http" and _site.port == PORT
# The address of the streams for pages. A proxy routes `/events` of the site's own origin.
EVENTS_URL = env.str("EVENTS_URL", default="") or (
    f"http://{_site.hostname}:{EVENTS_PORT}/events" if _has_no_proxy else f"{SITE_URL}/events"
)
EVENTS_ORIGIN = "{0.scheme}://{0.netloc}".format(urlsplit(EVENTS_URL))
