#!/bin/sh
# Starts Redis with $REDIS_PASSWORD. Passes it through a pipe: `ps` would show it in a command line.
set -eu
: "${REDIS_PASSWORD:?}"
exec redis-server - <<CONFIG
include ${REDIS_CONFIG:-/etc/munjigi/redis.conf}
requirepass $REDIS_PASSWORD
CONFIG
