"""What the worker does each hour for the chain: verify its last part, and sign its end."""

import structlog

from accounts.audit import checkpoints, verification
from accounts.audit.models import AuditCheckpoint

log = structlog.get_logger()


def sign_if_due() -> AuditCheckpoint | None:
    """Verify the rows since the last checkpoint, then sign the end. Returns the new checkpoint.

    Returns None if none is due. A fault is logged as an error (`audit_chain_broken`). It doesn't stop
    the signing: later rows need their checkpoint, and `verify` names the fault as long as it is there.
    """
    if not checkpoints.is_due():
        return None
    if fault := verification.verify_recent():
        log.error("audit_chain_broken", reason=fault)
    return checkpoints.make()
