"""Complete the OpenAPI document: credentials, strict bodies, and the errors of all operations."""

from typing import Any

from django.core.validators import RegexValidator
from django.utils.translation import override as override_language
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from typing_extensions import override

from api import problems
from api.tokens import retry_keys

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
            "description": "With `account_exists`: send it to `/api/token/` beside the password, or "
            "to `/api/token/code/confirm/` beside a code.",
        },
        "tries_left": {
            "type": "integer",
            "description": "With `invalid_code`: how often the code can be tried again.",
        },
        "mfa_token": {
            "type": "string",
            "description": "With `mfa_required`: send it to `/api/token/mfa/` beside a code, or to "
            "`/api/token/passkey/options/`.",
        },
        "enrolment_url": {
            "type": "string",
            "description": "With `mfa_enrolment_required`: the page that adds an app.",
        },
        "factors": {
            "type": "array",
            "description": "With `mfa_required`: the kinds of factors that this account has.",
            "items": {"type": "string"},
        },
        "expires_in": {
            "type": "integer",
            "description": "Seconds that the `link_token` or `mfa_token` is good for.",
        },
        "error": {
            "type": "string",
            "enum": [
                *("invalid_client", "invalid_request"),
                *("invalid_scope", "unsupported_grant_type"),
            ],
            "description": "At revocation, introspection and API keys: the word of RFC 6749 §5.2.",
        },
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


RETRY_KEY = OpenApiParameter(
    name=retry_keys.HEADER,
    location=OpenApiParameter.HEADER,
    type={"type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$"},
    description="A random name of this attempt, stored before the call and sent again with it. If the "
    "body has a `retry_key`, too, both must be equal.",
)
REFRESH_PROBLEMS = (
    *(problems.REFRESH_EXPIRED, problems.REFRESH_LOST, problems.REFRESH_REUSED),
    *(problems.REFRESH_SESSION_ENDED, problems.INVALID_TOKEN),
)


def _refusal(*rows: problems.Problem) -> OpenApiResponse:
    """Document an answer that is one of these problems: its codes, and what each means."""
    with override_language("en"):  # the document is made once, for everybody
        described = "\n".join(f"- `{row.code}`: {row.detail}" for row in rows)
    code = {"type": "object", "properties": {"code": {"enum": [row.code for row in rows]}}}
    return OpenApiResponse(
        {"allOf": [{"$ref": "#/components/schemas/Problem"}, code]}, description=described
    )


REFRESH_REFUSALS = {
    (400, problems.CONTENT_TYPE): _refusal(
        problems.INVALID_RETRY_KEY, problems.INVALID_FIELDS, problems.MALFORMED_JSON
    ),
    (401, problems.CONTENT_TYPE): _refusal(*REFRESH_PROBLEMS),
}


PASSKEY_PROBLEMS = (
    *(problems.PASSKEY_UNREADABLE, problems.PASSKEY_EXPIRED, problems.PASSKEY_UNKNOWN),
    *(problems.PASSKEY_REFUSED, problems.PASSKEY_UNVERIFIED, problems.PASSKEY_CLONED),
)
SECOND_STEP_REFUSALS = {
    (401, problems.CONTENT_TYPE): _refusal(
        *(problems.INCORRECT_CODE, problems.INVALID_MFA_TOKEN),
        *PASSKEY_PROBLEMS,
        *(problems.INVALID_CREDENTIALS, problems.LOGIN_INCOMPLETE),
    ),
}
CHALLENGE = {
    "public_key": {
        "challenge": "n8e7FUYXhTQW4uMqGS2-9HMA9AT6KH2qDnVDRtcmpEs",
        "timeout": 300000,
        "rpId": "auth.example.com",
        "allowCredentials": [],
        "userVerification": "required",
    },
    "expires_in": 300,
}
"""An example of the document: a challenge for a sign-in, and the next one an answer."""
ASSERTION = {
    "id": "AuSAcIJ0LQfYr7ZNu7T-dw",
    "rawId": "AuSAcIJ0LQfYr7ZNu7T-dw",
    "type": "public-key",
    "authenticatorAttachment": "platform",
    "clientExtensionResults": {},
    "response": {
        "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiLi4uIn0",
        "authenticatorData": "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MdAAAAAA",
        "signature": "MEUCIQDx0a4cpS0p",
        "userHandle": "AAECAwQFBgcICQoLDA0ODw",
    },
}
PASSKEY_OPTIONS_REFUSALS = {
    (401, problems.CONTENT_TYPE): _refusal(problems.INVALID_MFA_TOKEN, problems.PASSKEY_UNKNOWN),
}
PASSKEY_REFUSALS = {
    (401, problems.CONTENT_TYPE): _refusal(
        *PASSKEY_PROBLEMS,
        *(problems.EMAIL_UNVERIFIED, problems.LOGIN_INCOMPLETE),
    ),
}

CODE_PROBLEMS = (problems.INVALID_CODE, problems.INVALID_CODE_TOKEN)
CODE_REFUSALS = {
    (401, problems.CONTENT_TYPE): _refusal(*CODE_PROBLEMS, problems.INVALID_LINK_TOKEN),
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
    """Declare that a strict serializer refuses unknown members."""

    target_class = "api.serializers.fields.StrictSerializer"
    match_subclasses = True

    @override
    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(  # noqa: SLF001 - as its own extensions do
            self.target, direction, bypass_extensions=True
        )
        if direction != "request":
            return schema
        for name, field in self.target.fields.items():
            if getattr(field, "takes_blank", False):
                schema["properties"][name].pop("minLength", None)
        schema["additionalProperties"] = False
        for name, choices in (("anyOf", "any_of"), ("oneOf", "one_of")):
            if alternatives := getattr(self.target, choices, ()):
                schema[name] = [*alternatives]
        return schema


class TextWithoutNul(OpenApiSerializerFieldExtension):
    """Declares that our texts take no NUL, which no database stores."""

    target_class = "api.serializers.fields.StringField"
    match_subclasses = True

    @override
    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer_field(  # noqa: SLF001 - as above
            self.target, direction, bypass_extensions=True
        )
        # A field with a pattern of its own gets that one, after this call.
        has_own = any(isinstance(each, RegexValidator) for each in self.target.validators)
        if has_own or direction != "request":
            return schema
        return {"pattern": r"^[^\u0000]*$"} | schema


def add_problem_responses(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Declare that every operation may answer with problem details. Returns the document."""
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
