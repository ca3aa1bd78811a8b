"""Decide whether an operator may act on an account: never on one that has more rights.

With `TOKEN_ROLES` each group is a role of the product, and gives rights there that we don't know. So a group
that the operator lacks counts as more rights for acts that can give the operator the account or its data.
"""

from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

from accounts.people.models import User

TAKING = frozenset({"accounts.propose_email", "accounts.add_factorreset", "accounts.export_user"})
"""The permissions of acts that can give the operator the account or its data."""


def may(actor: User, permission: str, user: User, *, also_on_self: bool = False) -> bool:
    """Return True if this operator has the permission, and the account no more rights than the operator.

    `permission` is as for `has_perm`. On the own account only with `also_on_self`: an operator could
    otherwise get locked out, or get around a rule of the own pages.
    """
    if not (actor.is_active and actor.is_staff and actor.has_perm(permission)):
        return False
    if actor.pk == user.pk:
        return also_on_self
    if permission in TAKING and _has_more_roles(user, than=actor):
        return False
    return not has_more_rights(user, than=actor)


def has_more_rights(user: User, *, than: User) -> bool:
    """Return True if the account has a right that the operator `than` lacks.

    A locked account counts with the rights that it has again after the lock.
    """
    if than.is_superuser:
        return False
    return user.is_superuser or bool(_permissions_of(user) - _permissions_of(than))


def _has_more_roles(user: User, *, than: User) -> bool:
    if than.is_superuser or not settings.TOKEN_ROLES:
        return False
    return user.groups.exclude(pk__in=than.groups.values("pk")).exists()


def below(actor: User) -> Q:
    """Return the condition of the accounts, other than the own, on which this operator may act."""
    if actor.is_superuser:
        return ~Q(pk=actor.pk)
    lacking = Permission.objects.exclude(pk__in=_permissions_of(actor))
    above = User.objects.filter(
        Q(is_superuser=True)
        | Q(user_permissions__in=lacking)
        | Q(groups__in=Group.objects.filter(permissions__in=lacking))
    )
    return ~Q(pk=actor.pk) & ~Q(pk__in=above.values("pk"))


def groups_to_give(actor: User) -> QuerySet[Group]:
    """Return the groups that this operator may give to others: those without a further right, and with
    `TOKEN_ROLES` only the own ones."""
    if actor.is_superuser:
        return Group.objects.all()
    lacking = Permission.objects.exclude(pk__in=_permissions_of(actor))
    groups = Group.objects.filter(user=actor) if settings.TOKEN_ROLES else Group.objects.all()
    return groups.exclude(pk__in=Group.objects.filter(permissions__in=lacking).values("pk"))


def _permissions_of(user: User) -> frozenset[int]:
    """Return the ids of the permissions, in one query for each instance of the user.

    Django's own answer for a locked user is none.
    """
    kept: dict[str, frozenset[int]] = user.__dict__
    if "_ids_of_permissions" not in kept:
        own = Permission.objects.filter(Q(user=user) | Q(group__user=user))
        kept["_ids_of_permissions"] = frozenset(own.values_list("pk", flat=True))
    return kept["_ids_of_permissions"]
