"""Run the site so that it learns of ends and changes by the bell alone: it polls once an hour.

So a change that another server knows must have come by Redis, even on a slow machine. (Without
Redis a process polls the database each time it fails to connect.)
"""

from config.wsgi import application

# isort: split

# Import these after Django is set up. The first request starts the bell, so change the values before.
from accounts import bell
from accounts.signins import revocations
from api.keys import ring

__all__ = ["application"]

bell.POLL_SECONDS = revocations.FIRST_POLL_SECONDS = 3600.0
ring.RELOAD_SECONDS = 3600.0
