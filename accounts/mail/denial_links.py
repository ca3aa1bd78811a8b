"""Make and read the links in notices by which an owner reports: it wasn't me.

A link is sealed and holds all that it needs, so no row stores it. It knows the password that the
account had (a digest of its version). `signins.denials` makes that password useless, and so uses up this
link and all others from the same time. A new password makes them void as well.
"""

import hashlib
import struct
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from accounts import encryption
from accounts.audit.vocabulary import DENIED, Denied
from accounts.errors import DecryptionError
from accounts.people.models import User

NAME = b"accounts.mail.denial_links"
DIGEST_BYTES = 16
FORMAT = struct.Struct(f"!16s16sqI{DIGEST_BYTES}s{DIGEST_BYTES}s")
NOBODY = UUID(int=0)
MAX_LENGTH = 512


@dataclass(frozen=True)
class Denial:
    """The content of a link."""

    user_id: UUID
    about: Denied
    sid: UUID | None
    """The sign-in that the mail is about, if it is about one."""
    connection: int | None
    """The id of the `SocialAccount` that the mail is about, if it is about one."""
    made_at: datetime
    password: bytes
    """A digest of the version that the account's password had. An upgrade of the hash keeps it."""
    mailed_to: bytes
    """A digest of the address that got the mail."""

    def fits(self, user: User) -> bool:
        """Return True if the password of this account has not been changed since the mail."""
        return constant_time_compare(self.password, _digest(user.password_version.hex))

    def went_to(self, email: str) -> bool:
        """Return True if the mail went to this address."""
        return constant_time_compare(self.mailed_to, _digest(email.lower()))


def url(
    user: User, *, about: Denied, to: str, sid: UUID | None = None, connection: int | None = None
) -> str:
    """Return the address for a notice about this account that goes to the address `to`."""
    fixed = FORMAT.pack(
        user.pk.bytes,
        (sid or NOBODY).bytes,
        connection or 0,
        int(time.time()),
        _digest(user.password_version.hex),
        _digest(to.lower()),
    )
    sealed = encryption.seal(fixed + about.encode(), name=NAME)
    token = urlsafe_b64encode(sealed).decode().rstrip("=")
    return settings.SITE_URL + reverse("accounts:denial-link", args=[token])


def read(token: str) -> Denial | None:
    """Return the content of a link's token, or None if it isn't ours or is too old."""
    if len(token) > MAX_LENGTH:
        return None
    try:
        sealed = urlsafe_b64decode(token.encode("ascii") + b"==")
        content = encryption.unseal(sealed, name=NAME)
        user, sid, connection, made, password, mailed_to = FORMAT.unpack(content[: FORMAT.size])
        about = DENIED[content[FORMAT.size :].decode()]
    except (
        Error,
        ValueError,
        KeyError,
        DecryptionError,
        struct.error,
    ):  # or what another release made
        return None
    if time.time() >= made + settings.DENIAL_LINK_LIFETIME.total_seconds():
        return None
    return Denial(
        user_id=UUID(bytes=user),
        about=about,
        sid=UUID(bytes=sid) if sid != NOBODY.bytes else None,
        connection=connection or None,
        made_at=datetime.fromtimestamp(made, UTC),
        password=password,
        mailed_to=mailed_to,
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:DIGEST_BYTES]
