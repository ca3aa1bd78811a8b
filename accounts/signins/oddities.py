"""Find out what is odd about a new sign-in, from the account's audit events (ASVS 6.3.5)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.utils import timezone

from accounts import statements
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.people.models import User
from accounts.signins.models import AuthSession

LOOK_BACK = 200
"""Most events that are read, the newest ones."""
FIRST_LOOK = 10
"""Events that are read first: mostly, they have an earlier sign-in at the same place."""
MANY_FAILURES = 5
IDLE = timedelta(days=30)
"""How long nobody was signed in, at least, before a return is odd."""
DAY = timedelta(days=1)

Type = AuditEvent.Type
COLUMNS = ("type", "created_at", "user_agent", "ip")
_EVENTS = f"""
SELECT {", ".join(COLUMNS)} FROM accounts_auditevent
WHERE user_id = %(user)s
AND type IN ('{Type.LOGIN_SUCCEEDED.value}', '{Type.LOGIN_FAILED.value}', '{Type.ACTIVITY_DENIED.value}')
AND (type <> '{Type.LOGIN_SUCCEEDED.value}' OR sid IS NULL OR sid <> %(sid)s)
ORDER BY created_at DESC, id DESC LIMIT %(most)s
"""  # noqa: S608 - names of our own


@dataclass(frozen=True)
class Oddities:
    """Why the owner should hear of a sign-in. False if there is no reason."""

    is_new_device: bool = False
    failures: int = 0
    """Refused attempts within a day before, if there were many."""
    is_long_idle: bool = False

    def __bool__(self) -> bool:
        return self.is_new_device or bool(self.failures) or self.is_long_idle


NONE = Oddities()


def of(session: AuthSession, *, client: ClientInfo, has_mark: bool) -> Oddities:
    """Return what is odd about this sign-in, which was just opened. One SQL statement, seldom two.

    `has_mark` is True if the client has a cookie from an earlier sign-in. An app without cookies is
    known by its place (`place_of`). The first sign-in of an account is not odd.
    """
    rows = _rows(session, FIRST_LOOK)
    if len(rows) == FIRST_LOOK and not _is_here(rows, client):
        rows = _rows(session, LOOK_BACK)
    successes = [row for row in rows if row[0] == Type.LOGIN_SUCCEEDED]
    if not successes and len(rows) < LOOK_BACK:
        return NONE
    failures = _failures(rows)
    return Oddities(
        is_new_device=not _is_known(
            rows,
            client,
            keeps_cookies=session.kind == AuthSession.Kind.BROWSER,
            has_mark=has_mark,
        ),
        failures=failures if failures >= MANY_FAILURES else 0,
        is_long_idle=bool(successes) and _is_idle_since(successes[0][1]),
    )


Row = tuple[str, datetime, str, str | None]


def _rows(session: AuthSession, most: int) -> list[Row]:
    values = {"user": session.user_id, "sid": session.sid, "most": most}
    found = statements.rows(_EVENTS, values, statements.columns_of(AuditEvent, *COLUMNS))
    return [(type_, when, agent, ip and str(ip)) for type_, when, agent, ip in found]


def place_of(client: ClientInfo) -> str:
    """Return the client's device in words and its part of the network: /24 of IPv4, /48 of IPv6."""
    if client.ip is None:
        return client.device
    length = 24 if ip_address(client.ip).version == 4 else 48  # noqa: PLR2004
    return f"{client.device} {ip_network(f'{client.ip}/{length}', strict=False)}"


def was_denied(user: User) -> bool:
    """Return True if the owner reported "it wasn't me" lately."""
    since = timezone.now() - IDLE
    reports = AuditEvent.objects.filter(user=user, type=Type.ACTIVITY_DENIED)
    return reports.filter(created_at__gt=since).exists()


def _is_known(rows: list[Row], client: ClientInfo, *, keeps_cookies: bool, has_mark: bool) -> bool:
    """Return True if this client signed in before. After a report "it wasn't me": since then.

    A thief's browser has a mark, too, so after a report the mark alone proves nothing.
    """
    if keeps_cookies and not has_mark:
        return False
    was_denied = Type.ACTIVITY_DENIED in [row[0] for row in rows]
    return (has_mark and not was_denied) or _is_here(rows, client)


def _is_here(rows: list[Row], client: ClientInfo) -> bool:
    """Return True if this client's place signed in, and no report "it wasn't me" is newer."""
    here = ""
    for type_, _when, user_agent, ip in rows:
        if type_ == Type.ACTIVITY_DENIED:
            return False
        if type_ != Type.LOGIN_SUCCEEDED:
            continue
        there = ClientInfo(ip=ip, user_agent=user_agent)
        if there == client:  # mostly, and much quicker
            return True
        here = here or place_of(client)
        if place_of(there) == here:
            return True
    return False


def _failures(rows: list[Row]) -> int:
    """Count the refused attempts within a day that no sign-in followed."""
    since = timezone.now() - DAY
    count = 0
    for type_, when, *_ in rows:
        if type_ == Type.LOGIN_SUCCEEDED or when < since:
            break
        count += type_ == Type.LOGIN_FAILED
    return count


def _is_idle_since(opened: datetime) -> bool:
    """Return True if nobody was signed in for `IDLE`. Each sign-in ends by `AUTH_SESSION_LIFETIME`."""
    return timezone.now() - opened > settings.AUTH_SESSION_LIFETIME + IDLE
