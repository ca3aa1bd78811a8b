"""Warn the owner of a sign-in that passed the first step and not the second (ASVS 6.3.5).

Nobody knows at the first step whether the second will follow. So a job looks for it, once the sign-in
can no longer go on.
"""

import hashlib
import logging
from datetime import datetime, timedelta
from uuid import UUID

from allauth.account import app_settings
from django.db import DatabaseError
from django.utils import timezone
from typing_extensions import override

from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.mail import notices
from accounts.outbox import jobs
from accounts.outbox.jobs import Payload
from accounts.people.models import User
from accounts.store import counters
from accounts.store.counters import Limit

KIND = "half_sign_in"
ONCE = Limit("notice_half_sign_in", 1, 24 * 3600)
"""One mail for an account and its password in a day."""
ASIDE = timedelta(seconds=5)
"""The clocks of servers differ."""

log = logging.getLogger(__name__)


def watch(user: User, *, client: ClientInfo) -> None:
    """Look later whether this sign-in was finished. Call when its first step is right."""
    now = timezone.now()
    payload = {
        "user": str(user.pk),
        "ip": client.ip,
        "user_agent": client.user_agent,
        "begun_at": now.isoformat(),
    }
    until = now + timedelta(seconds=app_settings.LOGIN_TIMEOUT)
    jobs.enqueue(KIND, payload, user_id=user.pk, not_before=until)


class HalfSignInHandler(jobs.Handler):
    """Mail the owner, unless the same client has signed in since."""

    kind = KIND
    lanes = 1
    retry_after = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))

    @override
    def do(self, payload: Payload) -> None:
        user_id, begun_at = UUID(payload["user"]), datetime.fromisoformat(payload["begun_at"])
        client = ClientInfo(ip=payload["ip"], user_agent=payload["user_agent"])
        user = User.objects.filter(pk=user_id, is_active=True).first()
        if user is None or _has_signed_in(user, client, since=begun_at - ASIDE):
            return
        # Without Redis this raises, and the job is tried again.
        account = user_id.bytes + user.password_version.bytes
        counted = [(ONCE, hashlib.sha256(account).hexdigest())]
        if counters.take(counted, is_patient=False):
            return
        try:
            notices.second_step_unfinished(user, begun_at=begun_at, client=client)
        except DatabaseError:
            counters.give_back(counted)
            raise

    @override
    def failed(self, payload: Payload, error: Exception, *, attempt: int) -> None:
        log.error("an owner was not warned (attempt %d)", attempt, exc_info=error)

    @override
    def given_up(self, payload: Payload) -> None:
        log.error("an owner was never warned of a half-finished sign-in: given up")


jobs.register(HalfSignInHandler())


def _has_signed_in(user: User, client: ClientInfo, *, since: datetime) -> bool:
    return AuditEvent.objects.filter(
        user=user,
        type=AuditEvent.Type.LOGIN_SUCCEEDED,
        created_at__gte=since,
        ip=client.ip,
        user_agent=client.user_agent,
    ).exists()
