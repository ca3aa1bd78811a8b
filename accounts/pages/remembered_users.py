"""Remember the user of a session for a few seconds.

Reading the user's row is half of the cost of a request by cookie (`bench/README.md`), and rows
hardly ever change. So a process keeps the user that Django's `get_user` returned for a session, and
returns it again for `MAX_AGE_SECONDS` to requests that only read (`AuthSessionMiddleware`).

**Why this lets nobody in.** Each request still checks whether the sign-in has ended
(`revocations`), and everything that ends an account ends its sign-ins. Two sessions share a
remembered user only if both name that user and agree in all of `PROOF`; otherwise Django checks the
session itself. The process remembers no refusal and no password hash.

**How it learns of a change.** Saving or deleting a user forgets that user: in this process before
and after the commit (`receivers`), in other processes by the bell. `update()` and SQL by hand send
no signal, and the bell needs Redis: without them the old user stays for up to `MAX_AGE_SECONDS`.
"""

import os
import threading
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import auth
from django.contrib.sessions.backends.base import SessionBase

from accounts.bell import Topic, bell
from accounts.people.models import User
from accounts.store.engine import RIGHTS

MAX_AGE_SECONDS = 5.0
CAPACITY = 4096
PROOF = (auth.BACKEND_SESSION_KEY, auth.HASH_SESSION_KEY, RIGHTS)
"""Entries of a session that must be the same as when the user was remembered."""
UNREAD = {"password", "last_login"}
"""Columns that aren't remembered: the first access reads them."""

COLUMNS = [field.attname for field in User._meta.concrete_fields if field.name not in UNREAD]  # noqa: SLF001 - Django's documented API


@dataclass(frozen=True, slots=True)
class Known:
    proof: list[Any]
    values: list[Any]
    until: float


class RememberedUsers:
    """The users that one process remembers. Entries live equally long, so the oldest ends first."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.changes = 0
        """Number of change notices received. Read it before loading a row; if it grew, don't cache."""
        self._known: dict[str, Known] = {}
        self._lock = threading.Lock()

    def find(self, session: SessionBase) -> User | None:
        """Return a new `User` object for this session, or None if the user isn't remembered."""
        known = self._known.get(session.get(auth.SESSION_KEY, ""))
        if known is None or known.until < time.monotonic() or known.proof != _proof(session):
            return None
        return User.from_db("default", COLUMNS, known.values)

    def add(self, session: SessionBase, user: User, *, changes: int) -> None:
        now, name = time.monotonic(), str(user.pk)
        values = [getattr(user, column) for column in COLUMNS]
        with self._lock:
            if changes != self.changes:
                return  # what was read may be older than a change told meanwhile
            self._known.pop(name, None)
            while oldest := next(iter(self._known), None):
                if len(self._known) < CAPACITY and self._known[oldest].until >= now:
                    break
                del self._known[oldest]
            self._known[name] = Known(_proof(session), values, now + MAX_AGE_SECONDS)

    def forget(self, user_id: UUID | str) -> None:
        with self._lock:
            self.changes += 1
            self._known.pop(str(user_id), None)

    def forget_each(self, user_ids: list[str]) -> None:
        for user_id in user_ids:
            self.forget(user_id)


remembered = RememberedUsers()
"""The remembered users of this process."""

bell.subscribe(Topic.USERS, remembered.forget_each)
os.register_at_fork(after_in_child=remembered.clear)


def _proof(session: SessionBase) -> list[Any]:
    return [session.get(name) for name in PROOF]
