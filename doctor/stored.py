"""Check the rows in the database: signing keys, encrypted secrets, waiting jobs, the audit log."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.utils import timezone

from accounts import encryption, paged
from accounts.audit import chain, checkpoints
from accounts.audit.models import AuditEvent
from accounts.errors import DecryptionError
from accounts.outbox.models import Job
from accounts.webhooks.models import WebhookEndpoint
from api.keys import jwk, ring
from doctor.findings import Finding, error, ok, warning

OVERDUE = timedelta(minutes=10)
"""A rotation this late is a fault: the worker checks once a minute whether one is due."""
STUCK = timedelta(minutes=2)
"""A job this late is a fault: the worker looks for jobs every half second."""
UNSEALED = timedelta(minutes=5)
"""An audit event that waits this long is a fault: the worker seals each second."""
UNSIGNED = timedelta(hours=2)
"""A checkpoint this late is a fault: the worker signs each hour, if there are new events."""
MOST_JOBS = 1000
RESTORE = "Add the key that encrypted them to DATA_ENCRYPTION_KEYS again."
WORKER = "Start `manage.py worker`, and read its log."


def signing_keys() -> Finding:
    """Check the rows of the keys.

    Doesn't call `ring.held()`, which makes a key if there is none.
    """
    now = timezone.now()
    rows = ring.verifying(now)
    signing = [row for row in rows if row.active_at <= now]
    if not signing:
        return error("no key signs tokens", "Run `manage.py signing_keys rotate --now`.")
    current, newest = signing[-1], rows[-1]
    try:
        private = load_pem_private_key(encryption.decrypt(current.private_pem).encode(), None)
    except DecryptionError:
        return error(f"{current.kid} can't be decrypted: the site can't sign tokens", RESTORE)
    if jwk.thumbprint(current.algorithm, private.public_key()) != current.kid:
        advice = "Retire it: `manage.py signing_keys`."
        return error(f"{current.kid} isn't the thumbprint of the stored key", advice)
    text = f"{current.algorithm} {current.kid[:8]}… signs, {len(rows)} verify"
    if newest.algorithm != settings.SIGNING_ALGORITHM:
        return warning(
            f"{text}; SIGNING_ALGORITHM is {settings.SIGNING_ALGORITHM}",
            "Run `manage.py signing_keys rotate`.",
        )
    due = newest.active_at + settings.SIGNING_KEY_LIFETIME
    if now > due + OVERDUE:
        return warning(f"{text}; rotation was due {_age(now - due)} ago", WORKER)
    return ok(f"{text}, next rotation on {due:%Y-%m-%d}")


def encryption_keys() -> Finding:
    """Check that all stored secrets can be decrypted, and tell whether older keys are needed."""
    fernets = [Fernet(key) for key in settings.DATA_ENCRYPTION_KEYS]
    used = Counter(_opens(fernets, secret) for secret in _secrets())
    if not used:
        return ok("the database holds no encrypted secrets")
    count = used.total()
    if closed := used[len(fernets)]:
        return error(f"{closed} of {count} stored secrets can't be decrypted", RESTORE)
    text = f"stored secrets: {count}, all readable"
    if older := count - used[0]:
        return ok(f"{text}, {older} with an older key: keep it listed")
    if len(fernets) > 1:
        return ok(f"{text} with the first key")
    return ok(text)


def _secrets() -> Iterator[str]:
    yield from (row.private_pem for row in ring.verifying())
    apps = Authenticator.objects.filter(type=Authenticator.Type.TOTP).only("data")
    yield from (each.data["secret"] for each in paged.rows(apps))
    for row in paged.rows(WebhookEndpoint.objects.all()):
        yield from filter(None, (row.secret, row.former_secret))
    yield from Job.objects.order_by("created_at").values_list("payload", flat=True)[:MOST_JOBS]


def _opens(fernets: list[Fernet], secret: str) -> int:
    """Return the index of the key that decrypts this secret; the number of keys if none does."""
    for number, fernet in enumerate(fernets):
        try:
            fernet.decrypt(secret.encode())
        except InvalidToken:
            continue
        return number
    return len(fernets)


def mail_queue() -> Finding:
    """Check that no due job stays in the queue; otherwise no worker runs."""
    now = timezone.now()
    waiting = Job.objects.count()
    due = Job.objects.filter(not_before__lte=now).order_by("not_before")
    oldest = due.first()
    if oldest and (late := now - oldest.not_before) > STUCK:
        return error(f"{due.count()} due, the oldest for {_age(late)}", WORKER)
    if failed := Job.objects.filter(attempts__gt=0).count():
        return warning(
            f"{waiting} waiting, {failed} of them after a failed attempt",
            "Read the worker's log and the line `mail server`.",
        )
    return ok(f"{waiting} waiting" if waiting else "empty")


def audit_log() -> Finding:
    """Check that the worker seals audit events and signs the end of their chain.

    Doesn't verify the chain, which takes minutes in a large log.
    """
    now = timezone.now()
    oldest = chain.waiting().order_by("created_at").first()
    if oldest and (late := now - oldest.created_at) > UNSEALED:
        return error(f"an event has not been sealed for {_age(late)}", WORKER)
    end, last = chain.end(), checkpoints.last_end()
    if end.seq == 0:
        return ok("no sealed event yet")
    text = f"{end.seq} events sealed"
    if last is None or last.seq < end.seq:
        after = last.seq if last else 0
        unsigned = AuditEvent.objects.filter(seq__gt=after).order_by("seq").first()
        since = unsigned.sealed_at if unsigned else None
        if since and (late := now - since) > UNSIGNED:
            return warning(f"{text}, without a checkpoint for {_age(late)}", WORKER)
    return ok(f"{text}, {last.seq} signed" if last else f"{text}, none signed yet")


def _age(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    hours, days = minutes // 60, span.days
    return f"{days} d" if days > 1 else f"{hours} h" if hours > 1 else f"{minutes} min"
