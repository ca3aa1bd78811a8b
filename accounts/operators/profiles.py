"""Change the further profile of an account for its owner."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.mail import notices
from accounts.operators.acting import By, begin
from accounts.people.models import User
from accounts.signins import profiles

PERMISSION = "accounts.change_user"


def change(user: User, by: By, values: Mapping[str, Any]) -> bool:
    """Store these checked values, and mail the owner. Returns False if they are stored already.

    Raises as `begin` does.
    """
    with transaction.atomic():
        user = begin(user, by, PERMISSION)
        record: dict[str, Any] = by.on_record
        if not profiles.change_extras(user, values, **record):
            return False
        notices.operator_acted(user, notices.Act.PROFILE_CHANGED)
    return True
