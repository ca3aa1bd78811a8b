"""Page through the sign-ins that ended while an access token of them may still be valid.

For services that verify tokens themselves. A sign-in may be listed again; none is left out.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID

from typing_extensions import override

from accounts.signins import revocations
from accounts.signins.models import AuthSession

PAGE_SIZE = 5000
PATTERN = r"^[0-9]{1,16}(-[0-9]{1,16}-[0-9a-f]{32})?$"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Cursor:
    """A place in the list: everything that was ended before `since` has been listed.

    After a page with more behind it, `until` is the `since` of the first cursor after the last page, and
    `last` the last sign-in of this page.
    """

    since: datetime
    until: datetime | None = None
    last: UUID | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the cursor that `str` made. Raises ValueError for any other text."""
        if not re.fullmatch(PATTERN, text):
            raise ValueError(text)
        since, *rest = text.split("-")
        if not rest:
            return cls(_moment(since))
        return cls(_moment(since), _moment(rest[0]), UUID(rest[1]))

    @override
    def __str__(self) -> str:
        if self.until is None or self.last is None:
            return _micros(self.since)
        return f"{_micros(self.since)}-{_micros(self.until)}-{self.last.hex}"


@dataclass(frozen=True)
class Page:
    ended: list[tuple[UUID, datetime]]
    next: Cursor
    has_more: bool


def page(cursor: Cursor | None, *, size: int = PAGE_SIZE) -> Page:
    """Return what ended since this cursor; without one, in the last lifetime of an access token.

    An old cursor is no fault: the tokens of earlier ends have expired. Reads the database, by its clock.
    """
    horizon = (
        revocations.committed_until()
    )  # before the rows are read: one that commits in between is seen
    oldest = horizon - timedelta(seconds=revocations.keep_seconds())
    since = max(oldest, min(cursor.since, horizon)) if cursor else oldest
    until = min(cursor.until, horizon) if cursor and cursor.until else horizon
    # By id, because many may have ended at the same moment. What ends meanwhile is after `until`.
    rows = AuthSession.objects.filter(revoked_at__gte=since - revocations.LOOK_BACK).order_by("pk")
    if cursor and cursor.last:
        rows = rows.filter(pk__gt=cursor.last)
    found = [
        (sid, moment)
        for sid, moment in rows.values_list("pk", "revoked_at")[: size + 1]
        if moment is not None
    ]
    if len(found) > size:
        ended = found[:size]
        return Page(ended, Cursor(since, until, ended[-1][0]), has_more=True)
    return Page(found, Cursor(until), has_more=False)


def _moment(text: str) -> datetime:
    return EPOCH + int(text) * MICROSECOND


def _micros(moment: datetime) -> str:
    return str((moment - EPOCH) // MICROSECOND)
