"""Describe the state of an account's password and factors, to which a trusted browser is bound."""

import hashlib
import json

from allauth.mfa.models import Authenticator

from accounts.people.models import User


def of(user: User) -> str:
    """Return a hash that changes if the password or a factor is added, removed or replaced.

    The use of a code does not change it, nor does an upgrade of the password's hash.
    """
    rows = Authenticator.objects.filter(user_id=user.pk).order_by("pk")
    factors = [
        [pk, kind, at.isoformat()] for pk, kind, at in rows.values_list("pk", "type", "created_at")
    ]
    state = json.dumps([str(user.pk), user.password_version.hex, factors])
    return hashlib.sha256(state.encode()).hexdigest()
