"""Redis, and the sessions in it."""

from config import embedded, redis
from config.settings.base import VAR_DIR, env

REDIS_URL = env.str("REDIS_URL", default="")
REDIS_SENTINELS: list[str] = env.list("REDIS_SENTINELS", default=[])
REDIS_IS_EMBEDDED = not (REDIS_URL or REDIS_SENTINELS)
# How many replicas must have a sign-in before the visitor gets the answer; milliseconds to wait.
REDIS_REPLICA_ACKS = env.int("REDIS_REPLICA_ACKS", default=1 if REDIS_SENTINELS else 0)
REDIS_REPLICA_ACK_MS = env.int("REDIS_REPLICA_ACK_MS", default=400)
CACHES = redis.caches(
    REDIS_URL or f"unix://{embedded.socket_path(VAR_DIR)}",
    env.str("REDIS_CACHE_URL", default=""),
    sentinels=redis.Sentinels(
        REDIS_SENTINELS,
        master_name=env.str("REDIS_MASTER_NAME", default="munjigi"),
        username=env.str("REDIS_USERNAME", default=""),
        password=env.str("REDIS_PASSWORD", default=""),
        sentinel_password=env.str("SENTINEL_PASSWORD", default=""),
        tls=env.bool("REDIS_TLS", default=False),
    )
    if REDIS_SENTINELS
    else None,
    # WAIT answers late on purpose.
    answer_seconds=max(redis.ANSWER_SECONDS, REDIS_REPLICA_ACK_MS / 1000 + 0.5),
)
# Pub/sub knows no databases: two sites on one server would ring each other's bells.
REVOCATION_CHANNEL = f"munjigi:revocations:{redis.database_number(CACHES['default']['LOCATION'])}"
SESSION_ENGINE = "accounts.store.engine"
SESSION_CACHE_ALIAS = "sessions"
SESSION_STORE_DEADLINE_SECONDS = env.float("SESSION_STORE_DEADLINE_SECONDS", default=6.0)
SESSION_STORE_WAITERS = env.int("SESSION_STORE_WAITERS", default=4)
# Of a session that nobody has signed in with: a sign-up or a social sign-in under way.
ANONYMOUS_SESSION_AGE = 3600
# Only "Stay signed in" outlives the browser; the server ends sessions by these and by
# AUTH_SESSION_LIFETIME, whatever the cookie says.
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_IDLE_SECONDS = SESSION_COOKIE_AGE = env.int("SESSION_IDLE_SECONDS", default=14 * 86400)
SESSION_SHORT_IDLE_SECONDS = env.int("SESSION_SHORT_IDLE_SECONDS", default=12 * 3600)
