"""Make chains of audit events, and say whether they verify."""

from django.utils import timezone

from accounts.audit import chain, personal, trail, verification
from accounts.audit.models import AuditChain, AuditEvent
from accounts.client_info import ClientInfo

CLIENT = ClientInfo("192.0.2.1", "curl/8.1")


def recorded(count, **columns):
    """Write `count` events that are not sealed yet."""
    kind = AuditEvent.Type.LOGIN_SUCCEEDED
    columns = {"client": CLIENT, "amr": ["pwd"], **columns}
    return [trail.record(kind, **columns) for _ in range(count)]


def sealed(count, **columns):
    """Write `count` events, seal them and return them as stored."""
    ids = [event.pk for event in recorded(count, **columns)]
    chain.seal()
    return list(AuditEvent.objects.filter(pk__in=ids).order_by("seq"))


def fault(**options):
    """Verify the chain and return the first fault, '' if there is none."""
    return verification.verify(**options).broken


def forge(row, *, seq, prev):
    """Seal a row as the worker would, which everybody can who writes the database."""
    row.refresh_from_db(fields=["user", "actor"])
    row.seq, row.sealed_at, row.personal = seq, timezone.now(), personal.salts()
    row.hash = personal.sha256(chain.content(row, prev=prev))
    row.save()
    return row.hash


def cut_after(row):
    """Delete the rows after this one, and set the stored end back."""
    AuditEvent.objects.filter(seq__gt=row.seq).delete()
    AuditChain.objects.update(seq=row.seq, hash=row.hash)
