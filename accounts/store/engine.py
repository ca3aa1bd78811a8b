"""Browser sessions in Redis: Django's session engine (`SESSION_ENGINE`).

`index` builds the keys, `encoding` the value; `outage` decides how long to wait for Redis.

- Redis holds no usable cookie. The engine never adopts an id that a client made up, and takes ids
  from the cookie only. (`named` finds a session by its sign-in instead.)
- A value is sealed under the name of its key (`encoding`), so a writer to Redis signs nobody in.
- An error never counts as "no session": it raises `STORE_ERRORS`, and the cookie stays. A value that
  can't be opened is no session, but the cookie stays, too: a server that lacks a key looks the same.
- The engine creates with SET NX and saves with SET XX, so a late save restores no deleted session.
- It enforces two time-outs, whatever the cookie says. Idle: the expiry of the key, which only
  `slide` extends. Absolute: `AUTH_SESSION_LIFETIME` from the sign-in, which `load` checks.
- A read writes nothing. A new id costs one write, which removes the old one.

**Why no sign-out is undone**, even if its deletion never reached Redis: the row in the database is
the truth. Every process remembers the `sid` for at least the access lifetime (`revocations`). The
expiry of the key shows when the row was last checked: a save keeps it (KEEPTTL), a new id inherits
it, and only `slide` renews it, after the row was found active (`AuthSessionMiddleware`). The
interval of these checks, `touch_seconds`, is no longer than the access lifetime. So the row is
checked before a process forgets the `sid`.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.base import (
    VALID_KEY_CHARS,
    CreateError,
    SessionBase,
)
from django.utils.crypto import get_random_string
from typing_extensions import override

from accounts.errors import SessionEndedError
from accounts.store import encoding, index, outage
from accounts.store.wire import Command

log = logging.getLogger(__name__)

SID = "sid"
"""The session entry that holds the id of its `AuthSession`."""
RIGHTS = "rights"
"""The session entry that holds the rights that the user had at the sign-in."""

TOUCH_SECONDS = 5 * 60
SECRET_CHARACTERS = 32
SESSION_ID = re.compile(rf"{index.TAG}\.[{VALID_KEY_CHARS}]{{{SECRET_CHARACTERS}}}")


class SessionStore(SessionBase):
    _get_session: Callable[..., dict[str, Any]]  # Django's, which its type stubs leave out

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._began: int | None = None
        self._left_ms: int | None = None  # of the idle time, when it was loaded
        self._stored_sid: Any = None
        self.is_unknown = False  # Redis has no session with the id of the cookie, or none to open
        self._is_new = False  # this id is not stored yet
        self._replaced: str | None = None  # key of the session that the new id replaces
        self._is_held = False  # see `held`

    @classmethod
    def unsaved(cls) -> "SessionStore":
        """Return an empty session that draws its id at the first save, so mostly never."""
        store = cls()
        store._is_new = True
        return store

    # Time

    @property
    def idle_seconds(self) -> int:
        """Return the number of seconds without a request after which the session ends.

        The number is small before a sign-in, because anybody can make such sessions.
        """
        if SID not in self:
            return int(settings.ANONYMOUS_SESSION_AGE)
        stays = self.get("_session_expiry")  # set by "Stay signed in" in allauth's form
        return int(settings.SESSION_IDLE_SECONDS if stays else settings.SESSION_SHORT_IDLE_SECONDS)

    @property
    def touch_seconds(self) -> float:
        """Return the seconds after which the row must be checked again."""
        access = settings.ACCESS_TOKEN_LIFETIME.total_seconds()
        return float(min(TOUCH_SECONDS, self.idle_seconds / 4, access))

    @property
    def is_due(self) -> bool:
        """Return True if it is time to check the row.

        Also True if the key has an expiry that this engine never sets.
        """
        if SID not in self or self._left_ms is None:
            return False
        idle = self.idle_seconds
        return not idle - self.touch_seconds <= self._left_ms / 1000 <= idle

    @property
    def seconds_left(self) -> float:
        """Return the seconds until the session ends if no request comes: idle or absolute time-out."""
        self._get_session()
        idle = self.idle_seconds if self._left_ms is None else self._left_ms / 1000
        return min(idle, float(self.get_expiry_age()))

    def slide(self) -> None:
        """Start the idle time again. Call only after checking that the sign-in's row is active.

        If Redis doesn't answer, only logs that.
        """
        slid = index.slide(self._name, sid=self[SID], idle_seconds=self.idle_seconds)
        try:
            outage.write_once(self._name, slid)
        except outage.STORE_ERRORS as error:
            log.warning("a session's idle time was not extended: %s", error)

    @override
    def get_expiry_age(self, **kwargs: Any) -> int:
        """Return the cookie's lifetime in seconds: the rest of the absolute time-out.

        Not of the idle time-out, because only a save sends the cookie again. Before a sign-in, return
        `ANONYMOUS_SESSION_AGE`.
        """
        if SID not in self:
            return int(settings.ANONYMOUS_SESSION_AGE)
        return max(0, self._beginning() + _lifetime_seconds() - _now())

    @override
    def get_expiry_date(self, **kwargs: Any) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.get_expiry_age())

    def _beginning(self) -> int:
        """Return the time when the sign-in began (seconds since 1970). Without a sign-in, now."""
        if self._began is None or self.get(SID) != self._stored_sid:
            return _now()
        return self._began

    # Reading

    @override
    def load(self) -> dict[str, Any]:
        name = self._name
        value, self._left_ms = index.fetch(name, limit=encoding.MAX_BYTES)
        data = self._opened(value, name) if value is not None else None
        self.is_unknown = value is None or self._began is None
        if data is None:
            self._session_key = None
            return {}
        self._stored_sid = data.get(SID)
        return data

    @override
    def exists(self, session_key: str) -> bool:
        if not self._validate_session_key(session_key):
            return False
        name = index.name_of(session_key)
        return bool(outage.read(name, lambda send: send([("EXISTS", name)])[0]))

    def _opened(self, value: bytes, name: str) -> dict[str, Any] | None:
        try:
            data, self._began = encoding.unpack(value, name=name)
        except encoding.UnreadableError as error:
            log.warning("a session can't be read, its visitor is signed out: %s", error)
            return None
        return None if self._began + _lifetime_seconds() <= _now() else data

    # Writing

    @override
    def create(self) -> None:
        self._session_key = self._new_id()
        self.save(must_create=True)
        self.modified = True

    @override
    def cycle_key(self) -> None:
        """Take a new id at the next save. If the request fails, the old id stays valid."""
        self._get_session()
        if not self._is_new:
            self._replaced = self._name if self.session_key else None
            self._draw_id()
        self.modified = True

    @override
    def save(self, must_create: bool = False) -> None:
        """Write the session to Redis.

        Raises `SessionEndedError` if the session was deleted meanwhile, `SessionTooLargeError`,
        `CreateError` if a new id is taken, and `STORE_ERRORS`.
        """
        if self.session_key is None:
            self._draw_id()
        data = self._get_session(no_load=must_create or self._is_new)
        if self.session_key is None:
            raise SessionEndedError  # it was deleted before this request read it
        began = self._beginning()
        value = encoding.pack(data, name=self._name, began=began)
        if must_create or self._is_new:
            is_renewed = bool(self._replaced and SID in data and data[SID] == self._stored_sid)
            self._write_new(value, is_renewed=is_renewed)
        else:
            self._write_again(value)
        self._began, self._stored_sid = began, data.get(SID)
        self._is_new, self._replaced = False, None

    def _write_again(self, value: bytes) -> None:
        is_signed_in = SID in self  # then the save keeps the expiry; see the module's docstring
        life = ("KEEPTTL",) if is_signed_in else ("EX", self.idle_seconds)
        command = ("SET", self._name, value, "XX", *life)
        if not outage.write(self._name, lambda: [command])[0]:
            raise SessionEndedError

    def _write_new(self, value: bytes, *, is_renewed: bool) -> None:
        idle_ms = self.idle_seconds * 1000
        replaced = self._replaced
        tries = 0

        def build() -> list[Command]:
            nonlocal tries
            tries += 1
            if is_renewed:
                written = index.renew(str(replaced), self._name, value, idle_ms=idle_ms)
            else:
                # A retry may find the id taken by the first try, whose answer was lost.
                only_new = ("NX",) if tries == 1 else ()
                written = [("SET", self._name, value, "PX", idle_ms, *only_new)]
                if replaced:
                    written.append(("UNLINK", replaced))
            return written + self._indexed()

        if not outage.write(self._name, build)[0]:
            raise SessionEndedError if is_renewed else CreateError

    def _indexed(self) -> list[Command]:
        sid = self.get(SID)
        if not sid:
            return []
        is_other = self._stored_sid and self._stored_sid != sid  # signed in again
        former = index.remove(sid=self._stored_sid) if is_other else []
        return former + index.add(self._name, sid=sid, idle_seconds=self.idle_seconds)

    @override
    def delete(self, session_key: str | None = None) -> None:
        if session_key is not None:
            names, sid = [index.name_of(session_key)], None
        else:
            own = self._name if self.session_key and not self._is_new else None
            names, sid = [name for name in (own, self._replaced) if name], self._stored_sid

        removed: list[Command] = [("UNLINK", name) for name in names]
        if sid:
            removed += index.remove(sid=str(sid))
        if names:
            outage.write(names[0], lambda: removed)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Ignore `flush` in this block. For Django's `get_user`, which flushes a session whose
        password was changed: the request that changed it may be about to renew the session.
        """
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False

    @override
    def flush(self) -> None:
        """Delete the session in Redis, then empty this object. Raises `STORE_ERRORS`.

        In this order: if the deletion fails, the session must not look deleted. Does nothing in a
        block of `held`.
        """
        if self._is_held:
            return
        self.delete()
        self.clear()
        self._session_key = None
        self._is_new, self._replaced, self._began, self._stored_sid = False, None, None, None

    @classmethod
    @override
    def clear_expired(cls) -> None:
        """Do nothing: Redis removes expired keys."""

    # Names

    def new_sid(self) -> UUID:
        """Return an id for a sign-in of this session. Both have the same tag (`index`).

        Put it into the session before the session takes a new id.
        """
        return index.new_sid(self._tag())

    @property
    def _name(self) -> str:
        return index.name_of(str(self.session_key))

    def _draw_id(self) -> None:
        self._session_key = self._new_id()
        self._is_new = True

    def _new_id(self) -> str:
        return f"{self._tag()}.{get_random_string(SECRET_CHARACTERS, VALID_KEY_CHARS)}"

    def _tag(self) -> str:
        """Return the tag of this session's id, or of its sign-in, or a new one."""
        if self.session_key:
            return self.session_key[: index.TAG_CHARACTERS]
        return index.tag_of(self[SID]) if SID in self else index.new_tag()

    def _validate_session_key(self, key: Any) -> bool:
        """Return True for an id of our own form. Django asks before it uses an id."""
        return isinstance(key, str) and SESSION_ID.fullmatch(key) is not None


def _lifetime_seconds() -> int:
    return int(settings.AUTH_SESSION_LIFETIME.total_seconds())


def _now() -> int:
    return int(time.time())
