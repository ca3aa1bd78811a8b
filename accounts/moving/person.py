"""Define the values of one person, which are the same for all sources."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.moving import fields
from accounts.moving.errors import RefusedError

TOTP = "totp"


@dataclass(frozen=True)
class Address:
    email: str
    is_verified: bool
    is_primary: bool = True


@dataclass(frozen=True)
class Connection:
    """An account at a provider. `uid` is the provider's own id (`sub`)."""

    provider: str
    uid: str
    extra_data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Factor:
    """A second factor. The data is as `Authenticator` stores it, but a TOTP secret is in plain text."""

    type: str
    data: dict[str, Any]
    created: datetime | None = None
    last_used: datetime | None = None


@dataclass
class Person:
    """One row of a source. `left` lists what the row has and we don't bring, as reason and detail."""

    external_id: str
    email: str
    is_verified: bool | None = None
    """None if the source doesn't say."""
    id: UUID | None = None
    """The id that the account shall keep, which is the `sub` of its tokens."""
    name: str = ""
    language: str = ""
    extras: dict[str, Any] = field(default_factory=dict)
    """Values of `PROFILE_FIELDS`. Only our own export has some."""
    joined: datetime | None = None
    last_login: datetime | None = None
    is_active: bool = True
    is_staff: bool = False
    is_superuser: bool = False
    password: str = ""
    """The stored form of a hash, or '' for none."""
    erase_at: datetime | None = None
    addresses: list[Address] = field(default_factory=list)
    """Addresses with their states. Only our own export has some; `judging` makes them for other sources."""
    connections: list[Connection] = field(default_factory=list)
    factors: list[Factor] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    external_ids: list[tuple[str, str]] = field(default_factory=list)
    """Former sources and ids there. Only our own export has some."""
    left: list[tuple[str, str]] = field(default_factory=list)

    def leave(self, reason: str, detail: str) -> None:
        """Note something that doesn't come, for the report."""
        self.left.append((reason, detail))

    def take_password(self, convert: Callable[[], str]) -> None:
        """Take the converted hash, or note why it doesn't come."""
        try:
            self.password = convert()
        except RefusedError as exc:
            self.leave(exc.reason, exc.detail)

    def take_app(self, secret: Callable[[], str]) -> None:
        """Take the secret of an authenticator app, in base32, or note why it doesn't come."""
        if any(factor.type == TOTP for factor in self.factors):
            self.leave("factor", "A second authenticator app. An account has one here.")
            return
        try:
            self.factors.append(Factor(TOTP, {"secret": fields.totp_secret(secret())}))
        except RefusedError as exc:
            self.leave(exc.reason, exc.detail)

    def connect(self, theirs: str, uid: str) -> None:
        """Add an account at the provider that the source calls `theirs`, or note that we lack it."""
        provider = fields.provider(theirs)
        if provider and uid:
            self.connections.append(Connection(provider, uid))
        else:
            self.leave("provider", f"An account at {theirs[:64]}.")
