"""The three roles of operators, as groups. Each `migrate` makes them as they are written here.

A receiver of `post_migrate` and no migration makes them: Django itself creates permissions there, after
the migrations, and a release that adds a permission to a role needs no migration of data.
"""

from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q
from django.db.models.signals import post_migrate

SUPPORT = "Support"
AUDITOR = "Auditor"
ADMINISTRATOR = "Administrator"

_SEES = {
    f"accounts.view_{name}"
    for name in ("user", "authsession", "auditevent", "factorreset", "report")
}
_SEES_ALL = {
    *_SEES,
    *(
        f"accounts.view_{name}"
        for name in ("webhookendpoint", "webhookdelivery", "invitation", "apikey")
    ),
    "auth.view_group",
}
_HELPS = {
    f"accounts.{name}"
    for name in (
        *("change_authsession", "add_factorreset", "change_factorreset", "add_operatornote"),
        "change_report",
        *("lock_user", "lift_limits", "mail_user", "propose_email", "export_user"),
    )
}
_MANAGES = {
    f"accounts.{name}"
    for name in (
        *("add_user", "change_user", "delete_user", "grant_rights", "propose_superuser"),
        *("add_webhookendpoint", "change_webhookendpoint", "delete_webhookendpoint"),
        *("change_webhookdelivery", "add_invitation", "change_invitation", "delete_invitation"),
        *("add_apikey", "change_apikey", "delete_apikey"),
    )
}

ROLES: dict[str, set[str]] = {
    SUPPORT: _SEES | _HELPS,
    AUDITOR: _SEES_ALL,
    ADMINISTRATOR: _SEES_ALL | _HELPS | _MANAGES,
}
"""The permissions of each role, as for `has_perm`."""


def make() -> None:
    """Make the groups of the roles, or set their permissions again."""
    with transaction.atomic():
        for name, permissions in ROLES.items():
            group, _created = Group.objects.get_or_create(name=name)
            group.permissions.set(_rows_of(permissions))


def connect() -> None:
    """Make the roles after each `migrate`. Call in `AppConfig.ready`.

    Django sends the signal for one app after the other. The last one comes when all permissions exist.
    """
    last = [config for config in apps.get_app_configs() if config.models_module is not None][-1]
    post_migrate.connect(_make, sender=last, dispatch_uid="accounts.operators.roles")


def _make(using: str, **kwargs: Any) -> None:
    make()


def _rows_of(permissions: set[str]) -> list[Permission]:
    """Return the rows. Raises `LookupError` if one is missing: a role must not be less than it says."""
    wanted = Q()
    for each in permissions:
        label, _, codename = each.partition(".")
        wanted |= Q(content_type__app_label=label, codename=codename)
    rows = list(Permission.objects.filter(wanted))
    if len(rows) != len(permissions):
        found = {row.codename for row in rows}
        raise LookupError(sorted(each for each in permissions if each.split(".")[1] not in found))
    return rows
