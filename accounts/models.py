"""Where Django looks for models: each stands in its room."""

from accounts.audit.models import AuditEvent
from accounts.outbox.models import Job
from accounts.people.models import User
from accounts.signins.models import AuthSession

__all__ = ["AuditEvent", "AuthSession", "Job", "User"]
