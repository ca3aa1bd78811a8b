"""Ask the former system about a password that we can't check, and bring the account in (`LEGACY_SIGN_IN_URL`).

For sources that give no hashes, such as Cognito. Nothing fails open: without a clear answer nobody signs in.
"""

import json
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import QuerySet
from structlog import get_logger

from accounts.errors import FormerSystemUnavailableError
from accounts.moving import fields, judging, lookups, writer
from accounts.moving.errors import RefusedError
from accounts.moving.formats.joins import Seen, database
from accounts.moving.models import ExternalId
from accounts.moving.options import Options
from accounts.moving.person import Person
from accounts.people.models import User
from accounts.webhooks import addresses, sending, signing

SECONDS = 3.0
NO = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
"""Statuses that mean: there is no such account, or this is not its password."""

log = get_logger()
_free = threading.BoundedSemaphore(4)
"""Calls of this process at a time, so that a slow system leaves threads for others."""


@dataclass(frozen=True)
class Known:
    """The answer of the former system: this is the password of this account."""

    id: str
    email: str
    is_verified: bool
    name: str
    language: str


def bring(email: str, password: str) -> bool:
    """Ask the former system, and take the account over if the password is right there.

    Call after the password was refused here. Returns True if it opens an account here from now on.
    Raises `FormerSystemUnavailableError` for no answer and for one that is neither yes nor no.

    Asks also about an account that has a password here, with a random password: so each refusal takes as
    long, and the time doesn't show which addresses have an account. That answer counts for nothing.
    """
    user = User.objects.filter(email=email).first()
    is_open = user is None or (user.is_active and _waiting(user).exists())
    known = _ask(email, password if is_open else secrets.token_urlsafe(16))
    if known is None or not is_open:
        return False
    return _add(email, password, known) if user is None else _complete(user, password, known)


def _waiting(user: User) -> QuerySet[ExternalId]:
    """Select the row by which this account came without a hash, if it has had no password since."""
    return user.external_ids.filter(source=settings.LEGACY_SIGN_IN_SOURCE, waits_for_password=True)


def _add(email: str, password: str, known: Known) -> bool:
    person = Person(
        external_id=known.id,
        id=fields.identifier(known.id),
        email=email,
        is_verified=known.is_verified,
        name=known.name,
        language=known.language,
        password=make_password(password),
    )
    try:
        _judge(person)
    except RefusedError as exc:
        log.warning("former_account_refused", reason=exc.reason)
        return False
    # False: another request made the account at the same time. The password may fit that one.
    failed = writer.write([person], source=settings.LEGACY_SIGN_IN_SOURCE)
    return not failed or User.objects.filter(email=email).exists()


def _judge(person: Person) -> None:
    """Raise `RefusedError` if this account can't come."""
    judging.prepare(person, Options())
    present = lookups.present([person], source=settings.LEGACY_SIGN_IN_SOURCE)
    if judging.is_known(person, present):
        raise RefusedError("known", "This account came, and has another address now.")
    with database() as temporary:
        judging.accept(person, present, Seen(temporary))


def _complete(user: User, password: str, known: Known) -> bool:
    """Give an imported account its password, if the former system means the same account."""
    hashed = make_password(password)
    with transaction.atomic():
        # The user's row first, as a report locks it: of the two, one is over before the other reads.
        rows = User.objects.select_for_update(no_key=True).filter(pk=user.pk, is_active=True)
        if rows.first() is None:
            return False
        if not _waiting(user).filter(external_id=known.id).update(waits_for_password=False):
            log.warning("former_account_refused", reason="other_id")
            return False
        return bool(User.objects.filter(pk=user.pk).update(password=hashed))


def _ask(email: str, password: str) -> Known | None:
    """Ask the former system about this password. Returns its answer, or None if it is wrong."""
    if not _free.acquire(blocking=False):
        raise _unavailable("busy")
    try:
        body = json.dumps({"email": email, "password": password}).encode()
        signed = signing.headers(
            f"msg_{uuid4().hex}",
            timestamp=int(time.time()),
            body=body,
            keys=[settings.LEGACY_SIGN_IN_SECRET],
        )
        headers = {"Content-Type": "application/json", **signed}
        answer = sending.post(settings.LEGACY_SIGN_IN_URL, body, headers=headers, seconds=SECONDS)
    except (sending.SendError, addresses.RefusedError) as exc:
        raise _unavailable(str(exc)) from exc
    finally:
        _free.release()
    if answer.status in NO:
        return None
    if answer.status != HTTPStatus.OK:
        raise _unavailable(f"answered {answer.status}")
    content: Any = None
    with suppress(ValueError, RecursionError):
        content = json.loads(answer.body)
    try:
        known = _read(content)
    except RefusedError as exc:
        raise _unavailable(exc.reason) from exc
    if known.email != User.objects.normalize_email(email):
        # It found another account, such as by a spelling that is the same there and not here.
        log.warning("former_account_refused", reason="other_email")
        return None
    return known


def _read(content: Any) -> Known:
    if not isinstance(content, dict) or not fields.text(content, "id"):
        raise RefusedError("no_id", "The answer has no id.")
    return Known(
        id=fields.text(content, "id"),
        email=User.objects.normalize_email(fields.text(content, "email")),
        is_verified=fields.flag(content, "email_verified"),
        name=fields.name(fields.text(content, "name")),
        language=fields.language(fields.text(content, "language")),
    )


def _unavailable(reason: str) -> FormerSystemUnavailableError:
    log.warning("former_system_unavailable", reason=reason)
    return FormerSystemUnavailableError()
