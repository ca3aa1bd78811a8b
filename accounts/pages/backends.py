"""Find the user of a session."""

from typing import Any
from uuid import UUID

from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend
from typing_extensions import override

from accounts.people.models import User


class AuthenticationBackend(AllauthBackend):
    """allauth's backend, but it loads the user by `User.objects.active`."""

    @override
    def get_user(self, user_id: Any) -> User | None:
        return User.objects.active(user_id) if isinstance(user_id, UUID) else None
