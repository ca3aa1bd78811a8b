"""Let a view ask for words of `scope`, of a person's token or session and of a service's token."""

from typing import Any, cast

from django.http import HttpRequest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from typing_extensions import override

from accounts.people.models import User
from api.authentication import account
from api.tokens import claims
from api.tokens.jwts import AccessJWT


class _HasScope(BasePermission):
    needed: frozenset[str] = frozenset()

    @override
    def has_permission(self, request: Request, view: Any) -> bool:
        return self.needed <= scope_of(request)


def has_scope(*words: str) -> type[BasePermission]:
    """Return a permission that needs all these words, such as `role:editors` or `orders:read`."""
    return cast(
        "type[BasePermission]", type("HasScope", (_HasScope,), {"needed": frozenset(words)})
    )


def scope_of(request: Request | HttpRequest) -> frozenset[str]:
    """Return the words of the caller's scope. Of a session, the rights as they are now."""
    if isinstance(token := getattr(request, "auth", None), AccessJWT):
        return frozenset(str(token.payload.get("scope", "")).split())
    if not isinstance(getattr(request, "user", None), User):
        return frozenset()
    return frozenset(claims.scope_of(account(cast("Request", request))).split())
