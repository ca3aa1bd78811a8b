"""Find the session of a sign-in without its cookie, by the `sid`: for programs and for streams."""

from typing import Any
from uuid import UUID

from typing_extensions import override

from accounts.store import index
from accounts.store.engine import SESSION_ID, SID, SessionStore


def lookup(sid: UUID) -> "NamedSessionStore | None":
    """Return the session of this sign-in, or None if Redis has none. Raises `STORE_ERRORS`.

    Call only after checking that the `AuthSession` row is still active.
    """
    session = peek(sid)
    if session is not None and session.is_due:
        session.slide()
    return session


def peek(sid: UUID) -> "NamedSessionStore | None":
    """Return the session of this sign-in, or None. Never extends its idle time.

    Raises `STORE_ERRORS`.
    """
    name = index.find(sid)
    session = NamedSessionStore(name) if name else None
    if session is None or session.get(SID) != str(sid):
        return None  # the index isn't sealed; the session says whose it is
    return session


class NamedSessionStore(SessionStore):
    """A session that is known by its key in Redis. Only `peek` makes one, never a cookie.

    No client has the id, so the id needs no rotation.
    """

    @property
    @override
    def _name(self) -> str:
        key = str(self.session_key)  # after a flush and a write it is an id again
        return index.name_of(key) if SESSION_ID.fullmatch(key) else key

    @override
    def _tag(self) -> str:
        return index.tag_of(self[SID]) if SID in self else index.new_tag()

    @override
    def cycle_key(self) -> None:
        self.modified = True

    @override
    def _validate_session_key(self, key: Any) -> bool:
        return bool(key)
