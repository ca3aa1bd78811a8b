"""Find the user of a session."""

from typing import Any
from uuid import UUID

from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend
from allauth.core import context
from typing_extensions import override

from accounts.people.models import User
from accounts.request import sign_in_of


class AuthenticationBackend(AllauthBackend):
    """allauth's backend, but it loads the user by `User.objects.active`."""

    @override
    def get_user(self, user_id: Any) -> User | None:
        if not isinstance(user_id, UUID):
            return None
        known = sign_in_of(context.request).bearer if context.request else None
        return known if known and known.pk == user_id else User.objects.active(user_id)
