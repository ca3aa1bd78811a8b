"""The site, told of ends and changes by the bell alone: its next look into the database is an hour
away.

So what another server knows came by Redis, however long the machine took over it. (Without Redis a
process looks into the database each time it finds it away.)
"""

from config.wsgi import application

# isort: split

# Once Django is set up, and before the first question starts the bell.
from accounts import bell
from accounts.pages import remembered_users
from accounts.signins import revocations
from api.keys import ring

__all__ = ["application"]

bell.POLL_SECONDS = revocations.FIRST_POLL_SECONDS = 3600.0
remembered_users.MAX_AGE_SECONDS = ring.RELOAD_SECONDS = 3600.0
