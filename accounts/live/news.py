"""Ring the bell for events of an account, so that open activity pages show them at once.

The message has the id of the user, and nothing of the event: pages load their list again.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import EventType
from accounts.bell import Topic, bell

TOLD_OTHERWISE = {EventType.LOGIN_SUCCEEDED, EventType.SESSION_REVOKED}
"""The events of which `signins.sessions` tells."""


def follow(recorded: Sequence[AuditEvent], _user_id: UUID | None) -> None:
    """Tell all processes after the commit that something happened to these accounts."""
    users = {event.user_id for event in recorded} - {None}
    if users:
        ids = [str(each) for each in users]
        transaction.on_commit(lambda: bell.publish(Topic.ACTIVITY, ids), robust=True)


trail.subscribe(follow, types=set(EventType) - TOLD_OTHERWISE)
