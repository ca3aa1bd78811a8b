"""Set up the REST API and its tokens."""

from datetime import timedelta

from config.settings.base import SITE_NAME, SITE_URL, env

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.authentication.BearerAuthentication",
        "api.authentication.CookieAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.negotiation.ContentNegotiation",
    "DEFAULT_PARSER_CLASSES": ["api.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "api.pagination.NewestFirst",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "api.exceptions.exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": f"{SITE_NAME} API",
    "DESCRIPTION": "Tokens, profile and signed-in devices. Errors are RFC 9457 problem details.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": ["api.schema.add_problem_responses"],
    "COMPONENT_SPLIT_REQUEST": True,
}
API_AUDIENCE = env.str("API_AUDIENCE", default="") or SITE_URL
ACCESS_TOKEN_LIFETIME = timedelta(seconds=env.int("ACCESS_TOKEN_SECONDS", default=3600))
# Of tokens of API keys; at most ACCESS_TOKEN_SECONDS.
SERVICE_TOKEN_LIFETIME = timedelta(seconds=env.int("SERVICE_TOKEN_SECONDS", default=600))
REFRESH_TOKEN_LIFETIME = timedelta(seconds=env.int("REFRESH_TOKEN_SECONDS", default=14 * 86400))
AUTH_SESSION_LIFETIME = timedelta(seconds=env.int("AUTH_SESSION_SECONDS", default=90 * 86400))
REVOCATION_MAX_STALE = env.float("REVOCATION_MAX_STALE_SECONDS", default=60.0)
REFRESH_REQUIRES_ACCESS_TOKEN = env.bool("REFRESH_REQUIRES_ACCESS_TOKEN", default=False)
# A function of the deployment, such as acme.tokens.claims: it takes the user and the sign-in, and returns more claims.
ACCESS_TOKEN_CLAIMS = env.str("ACCESS_TOKEN_CLAIMS", default="")
ACCESS_TOKEN_CLAIMS_SECONDS = env.float("ACCESS_TOKEN_CLAIMS_SECONDS", default=0.1)
ACCESS_TOKEN_PERSONAL_CLAIMS = env.bool("ACCESS_TOKEN_PERSONAL_CLAIMS", default=False)
# On: tokens and /api/me/ have the names of the user's groups as `roles`, and `scope` has them as `role:NAME`.
TOKEN_ROLES = env.bool("TOKEN_ROLES", default=False)
API_CLIENTS: dict[str, str] = env.dict("API_CLIENTS", default={})
REFRESH_GRACE = timedelta(seconds=env.int("REFRESH_GRACE_SECONDS", default=60))
SIGNING_KEY_LEAD = timedelta(seconds=env.int("SIGNING_KEY_LEAD_SECONDS", default=3600))
SIGNING_KEY_LIFETIME = timedelta(
    seconds=env.int("SIGNING_KEY_LIFETIME_SECONDS", default=90 * 86400)
)
# Refresh tokens of the site that this one replaces, exchanged once for a pair. '' means off.
# A secret for HS256, HS384 and HS512, otherwise a public key in PEM (with \n for line ends).
LEGACY_TOKEN_KEY = env.str("LEGACY_TOKEN_KEY", default="").replace("\\n", "\n")
LEGACY_TOKEN_ALGORITHM = env.str("LEGACY_TOKEN_ALGORITHM", default="") or "HS256"
LEGACY_TOKEN_ISSUER = env.str("LEGACY_TOKEN_ISSUER", default="")
LEGACY_TOKEN_AUDIENCE = env.str("LEGACY_TOKEN_AUDIENCE", default="")
# The claim with the id of the user there, and the source by which `import_users` brought these users.
LEGACY_TOKEN_USER_CLAIM = env.str("LEGACY_TOKEN_USER_CLAIM", default="") or "user_id"
LEGACY_TOKEN_SOURCE = env.str("LEGACY_TOKEN_SOURCE", default="") or "django"
SIGNING_ALGORITHM = env.str("SIGNING_ALGORITHM", default="ES256")
