#!/bin/sh
# Redis with the password of $REDIS_PASSWORD, which so appears in no command line.
set -eu
: "${REDIS_PASSWORD:?}"
exec redis-server - <<CONFIG
include ${REDIS_CONFIG:-/etc/munjigi/redis.conf}
requirepass $REDIS_PASSWORD
CONFIG
