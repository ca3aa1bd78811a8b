"""Complete the OpenAPI document: credentials, strict bodies, and the errors of all operations."""

from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
)
from typing_extensions import override

PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details. Branch on `code`; `detail` is for people.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "link_token": {
            "type": "string",
            "description": "With `account_exists`: send it to `/api/token/` beside the password.",
        },
        "expires_in": {"type": "integer", "description": "Seconds that `link_token` is good for."},
        "max_age": {
            "type": "integer",
            "description": "With `fresh_proof_required`: how old a proof may be, in seconds.",
        },
        "flows": {
            "type": "array",
            "description": "With `fresh_proof_required`: the proofs that this account can give.",
            "items": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string"},
                    "recipients": {"type": "array", "items": {"type": "object"}},
                    "providers": {"type": "array", "items": {"type": "object"}},
                },
            },
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "api.authentication.BearerAuthentication"
    name = "bearer"
    priority = 1

    @override
    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class CookieScheme(OpenApiAuthenticationExtension):
    target_class = "api.authentication.CookieAuthentication"
    name = "cookie"

    @override
    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        from django.conf import settings  # noqa: PLC0415 - read when the schema is made

        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


class StrictBody(OpenApiSerializerExtension):
    """Declares that a strict serializer takes no members but its own."""

    target_class = "api.serializers.StrictSerializer"
    match_subclasses = True

    @override
    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(  # noqa: SLF001 - as its own extensions do
            self.target, direction, bypass_extensions=True
        )
        return schema | {"additionalProperties": False} if direction == "request" else schema


def add_problem_responses(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Declare that every operation may answer with problem details."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    answer = {
        "description": "Problem details",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    for path in result["paths"].values():
        for operation in path.values():
            operation["responses"]["default"] = answer
    return result
