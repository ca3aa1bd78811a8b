"""Make a superuser: one proposes, another confirms."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from accounts.errors import NotAllowedError
from accounts.operators import superusers
from accounts.operators.acting import By
from accounts.people.models import User
from accounts.support.actions.action import Action, Answer, RefusedError


class ProposeSuperuser(Action):
    name = "propose-superuser"
    label = gettext_lazy("Propose as a superuser")
    explanation = gettext_lazy("Another superuser must confirm it within 24 hours.")
    permission = superusers.PERMISSION
    is_grave = True

    @override
    def may(self, actor: User, user: User) -> bool:
        return actor.is_superuser and super().may(actor, user)

    @override
    def is_useful(self, user: User) -> bool:
        if not settings.SUPERUSER_NEEDS_TWO or user.is_superuser or not user.is_active:
            return False
        return superusers.open_of(user) is None

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        if not settings.SUPERUSER_NEEDS_TWO:
            raise NotAllowedError
        asked = superusers.propose(user, by)
        if isinstance(asked, superusers.Refusal):
            raise RefusedError(str(asked.label))
        return _("Now another superuser must confirm it.")


class ConfirmSuperuser(Action):
    name = "confirm-superuser"
    label = gettext_lazy("Confirm as a superuser")
    explanation = gettext_lazy("The user gets all rights, and is signed out everywhere.")
    permission = superusers.PERMISSION
    is_grave = True

    @override
    def may(self, actor: User, user: User) -> bool:
        waiting = superusers.open_of(user)
        if waiting is None:
            return super().may(actor, user) and actor.is_superuser
        return superusers.may_confirm(actor, waiting)

    @override
    def is_useful(self, user: User) -> bool:
        return superusers.open_of(user) is not None

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        waiting = superusers.open_of(user)
        if waiting is None or not superusers.confirm(waiting, by):
            raise RefusedError(str(superusers.Refusal.ENDED.label))
        return _("The user is a superuser now.")


class StopSuperuser(Action):
    name = "stop-superuser"
    label = gettext_lazy("Stop the proposal of a superuser")
    permission = superusers.PERMISSION

    @override
    def is_useful(self, user: User) -> bool:
        return superusers.open_of(user) is not None

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        waiting = superusers.open_of(user)
        if waiting is None or not superusers.stop(waiting, by):
            raise RefusedError(str(superusers.Refusal.ENDED.label))
        return _("The proposal is stopped.")
