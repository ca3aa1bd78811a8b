"""The site, told of ends and changes by the bell alone: its next look into the database is an hour
away.

So what another server knows came by Redis, however long the machine took over it. (Without Redis a
process looks into the database each time it finds it away.)
"""

from config.wsgi import application

# isort: split

# Once Django is set up, and before the first question starts the feed.
from accounts.signins import remembered_users, revocations

__all__ = ["application"]

revocations.POLL_SECONDS = remembered_users.MAX_AGE_SECONDS = 3600.0
