"""List what happened to the caller's account."""

from typing import TYPE_CHECKING, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from typing_extensions import override

from accounts.audit.models import AuditEvent
from api.rows import EventSerializer

if TYPE_CHECKING:
    from accounts.people.models import User


@extend_schema_view(get=extend_schema(operation_id="activity_list", tags=["account"]))
class ActivityListView(ListAPIView[AuditEvent]):
    """List the events of the account, newest first: sign-ins, changes, refusals."""

    serializer_class = EventSerializer
    queryset = AuditEvent.objects.none()

    @override
    def get_queryset(self) -> QuerySet[AuditEvent]:
        return AuditEvent.objects.filter(user_id=cast("User", self.request.user).pk)
