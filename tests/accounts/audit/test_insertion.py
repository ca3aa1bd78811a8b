"""Write an event in the statement of its act. `signins/test_sign_outs.py` compares the rows."""

from uuid import uuid4

import pytest
from django.db import connection

from accounts.audit import insertion, trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo

Type = AuditEvent.Type


def test_the_statement_names_each_column_but_the_key():
    sql = insertion.insert("act")

    names = sql.partition("(")[2].partition(")")[0].split(", ")
    assert names == [field.column for field in AuditEvent._meta.concrete_fields][1:]
    assert sql.endswith(" FROM act")


@pytest.mark.django_db
def test_each_row_of_the_act_is_one_event(user):
    event = trail.made(
        Type.SESSION_PROVED,
        user=None,
        sid=uuid4(),
        client=ClientInfo("192.0.2.1", "curl/8.1"),
        reason="why",
        actor=user,
        note="words",
        amr=["pwd", "otp"],
    )
    act = "(SELECT id AS user_id, email FROM accounts_user UNION ALL SELECT NULL, NULL) AS act"
    values = {
        name: value.hex if connection.vendor == "sqlite" and hasattr(value, "hex") else value
        for name, value in insertion.values(event).items()
    }

    with connection.cursor() as cursor:
        cursor.execute(insertion.insert(act), values)

    found = AuditEvent.objects.order_by("pk")
    same = ("type", "sid", "ip", "user_agent", "reason", "note", "amr", "actor_id", "created_at")
    for row in found:
        assert [getattr(row, name) for name in same] == [getattr(event, name) for name in same]
    assert {(row.user_id, row.identifier) for row in found} == {(user.pk, user.email), (None, "")}
