"""Tell your product the groups of a user as roles, and end sign-ins when a role is withdrawn.

Off without `TOKEN_ROLES`. A role that is granted comes with the next refresh. A role that is withdrawn ends
the user's sign-ins, because an access token keeps its roles until it expires.
"""

import json
import re
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db.models.signals import m2m_changed, pre_delete, pre_save
from django.dispatch import receiver
from structlog import get_logger

from accounts import paged
from accounts.audit.vocabulary import RevokeReason
from accounts.people.models import User
from accounts.signins import sessions

MAX_BYTES = 600
"""Most bytes of the roles in a token, which must fit into a header."""
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""A word of `scope` (RFC 6749 §3.3)."""
PREFIX = "role:"
"""Before a role in `scope`: a group named `admin` gives no `admin`."""

log = get_logger()


def of(user: User | None) -> list[str]:
    """Return the names of the user's groups, or [] if the setting is off. Costs one query.

    Returns [] also if they are too long for a token: fewer rights are safer than a token that nobody accepts.
    """
    if not settings.TOKEN_ROLES or user is None:
        return []
    names = list(user.groups.order_by("name").values_list("name", flat=True))
    if len(json.dumps(names)) > MAX_BYTES:
        log.error("roles_too_large", user_id=str(user.pk), roles=len(names))
        return []
    return names


def in_scope(names: list[str]) -> list[str]:
    """Return the words of `scope` for these roles. A name with a space or a letter like `é` has none."""
    return [f"{PREFIX}{name}" for name in names if SCOPE.fullmatch(name)]


def _end_sign_ins_of(user: User) -> None:
    sessions.revoke_all(user, reason=RevokeReason.RIGHTS_CHANGED)


@receiver(m2m_changed, sender=User.groups.through)
def withdrawn(
    instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, **kwargs: Any
) -> None:
    """End the sign-ins of users that lose a group, in the transaction of the change."""
    if not settings.TOKEN_ROLES or action not in {"post_remove", "pre_clear"}:
        return
    if not reverse:  # user.groups.remove(…), user.groups.clear()
        _end_sign_ins_of(instance)
        return
    members = instance.user_set.all() if pk_set is None else User.objects.filter(pk__in=pk_set)
    for user in members:
        _end_sign_ins_of(user)


@receiver(pre_delete, sender=Group)
def deleted(instance: Group, **kwargs: Any) -> None:
    if settings.TOKEN_ROLES:
        for user in paged.rows(instance.user_set.all()):
            _end_sign_ins_of(user)


@receiver(pre_save, sender=Group)
def renamed(instance: Group, **kwargs: Any) -> None:
    """End the sign-ins of the members: the former name must give no rights any more."""
    if not settings.TOKEN_ROLES or instance.pk is None:
        return
    if Group.objects.filter(pk=instance.pk).exclude(name=instance.name).exists():
        for user in paged.rows(instance.user_set.all()):
            _end_sign_ins_of(user)
