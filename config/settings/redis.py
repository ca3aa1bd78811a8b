"""Set up Redis and the sessions in it."""

from config import embedded, redis
from config.settings.base import VAR_DIR, env

REDIS_URL = env.str("REDIS_URL", default="")
REDIS_SENTINELS: list[str] = env.list("REDIS_SENTINELS", default=[])
REDIS_CLUSTER: list[str] = env.list("REDIS_CLUSTER", default=[])
REDIS_IS_EMBEDDED = not (REDIS_URL or REDIS_SENTINELS or REDIS_CLUSTER)
# The number of replicas that must have a sign-in before the answer, and the milliseconds to wait.
REDIS_REPLICA_ACKS = env.int(
    "REDIS_REPLICA_ACKS", default=1 if REDIS_SENTINELS or REDIS_CLUSTER else 0
)
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
    cluster=redis.Cluster(
        REDIS_CLUSTER,
        username=env.str("REDIS_USERNAME", default=""),
        password=env.str("REDIS_PASSWORD", default=""),
        tls=env.bool("REDIS_TLS", default=False),
    )
    if REDIS_CLUSTER
    else None,
    # WAIT blocks for up to REDIS_REPLICA_ACK_MS, so the time-out must be longer.
    answer_seconds=max(redis.ANSWER_SECONDS, REDIS_REPLICA_ACK_MS / 1000 + 0.5),
)
# Pub/sub ignores database numbers: without the number in its name, two sites on one server would
# share a channel.
REVOCATION_CHANNEL = f"munjigi:revocations:{redis.database_number(CACHES['default']['LOCATION'])}"
SESSION_ENGINE = "accounts.store.engine"
SESSION_CACHE_ALIAS = "sessions"
SESSION_STORE_DEADLINE_SECONDS = env.float("SESSION_STORE_DEADLINE_SECONDS", default=6.0)
SESSION_STORE_WAITERS = env.int("SESSION_STORE_WAITERS", default=4)
# Seconds that a session without a sign-in lives: for a sign-up or a social sign-in in progress.
ANONYMOUS_SESSION_AGE = 3600
# Without "Stay signed in" the cookie ends with the browser. The server ends sessions by the two
# idle times and by AUTH_SESSION_LIFETIME, even if the browser keeps the cookie.
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_IDLE_SECONDS = SESSION_COOKIE_AGE = env.int("SESSION_IDLE_SECONDS", default=14 * 86400)
SESSION_SHORT_IDLE_SECONDS = env.int("SESSION_SHORT_IDLE_SECONDS", default=12 * 3600)
