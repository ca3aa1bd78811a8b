#!/bin/sh
# Runs one node of a Redis with replicas. Each of three machines runs a server and a Sentinel.
#
#   REDIS_PRIMARY=10.0.0.1:6379 deploy/redis/node.sh server 10.0.0.2 6379
#   REDIS_PRIMARY=10.0.0.1:6379 deploy/redis/node.sh sentinel 10.0.0.2 26379
#
# HOST and PORT are the address where the other nodes find this one. REDIS_PRIMARY is the primary at
# the first start. REDIS_PASSWORD is the servers' password, SENTINEL_PASSWORD the Sentinels'.
# REDIS_DATA is the directory for data and state (default: /data). REDIS_CONFIG_DIR is the directory of
# the *.conf files (default: the directory of this script). REDIS_RESTART_WAIT is how many seconds a
# primary waits before it starts again (default: 5).
set -eu

role=${1:?usage: node.sh server|sentinel HOST PORT}
host=${2:?usage: node.sh server|sentinel HOST PORT}
port=${3:?usage: node.sh server|sentinel HOST PORT}
: "${REDIS_PASSWORD:?}" "${SENTINEL_PASSWORD:?}" "${REDIS_PRIMARY:?}"
data=${REDIS_DATA:-/data}
shipped=${REDIS_CONFIG_DIR:-$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)}
config=$data/$role.conf

server() {
    # Leave out `dir` of the single-server file: this node sets its own below.
    grep -v '^dir ' "$shipped/redis.conf"
    cat "$shipped/replicated.conf"
    cat <<CONFIG
dir $data
port $port
bind $host
requirepass $REDIS_PASSWORD
masterauth $REDIS_PASSWORD
replica-announce-ip $host
replica-announce-port $port
CONFIG
    [ "$REDIS_PRIMARY" = "$host:$port" ] || echo "replicaof ${REDIS_PRIMARY%:*} ${REDIS_PRIMARY##*:}"
}

sentinel() {
    cat <<CONFIG
dir $data
port $port
bind $host
requirepass $SENTINEL_PASSWORD
sentinel sentinel-pass $SENTINEL_PASSWORD
sentinel announce-ip $host
sentinel announce-port $port
sentinel monitor munjigi ${REDIS_PRIMARY%:*} ${REDIS_PRIMARY##*:} 2
sentinel auth-pass munjigi $REDIS_PASSWORD
CONFIG
    cat "$shipped/sentinel.conf"
}

case $role in
    server) sentinel_flag= ;;
    sentinel) sentinel_flag=--sentinel ;;
    *) echo "node.sh: unknown role '$role'" >&2 && exit 2 ;;
esac
# Write the file only once: from then on, Redis and Sentinel keep the current primary in it. The file
# also holds passwords.
again=yes
if [ ! -e "$config" ]; then
    again=
    umask 077
    "$role" >"$config.new"
    mv "$config.new" "$config"
fi
# A primary that is back before Sentinel has noticed may be replaced all the same. Until it learns that, it
# confirms writes that are lost. So let the fail-over (3 s) be over first.
if [ -n "$again" ] && [ "$role" = server ] && ! grep -q '^replicaof ' "$config"; then
    sleep "${REDIS_RESTART_WAIT:-5}"
fi
exec "$(command -v redis-server || command -v valkey-server)" "$config" ${sentinel_flag:+"$sentinel_flag"}
