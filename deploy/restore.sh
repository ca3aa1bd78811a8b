#!/bin/sh
# Restores what deploy/backup.sh has saved:
#
#   DATABASE_URL=postgres://… deploy/restore.sh DIRECTORY/munjigi-TIME [--replace]
#
# Stop the site, the worker and the streams first. The database must be empty; with --replace its tables are
# deleted. Then this release's migrations run, and the sessions come back. A session that is still in Redis
# stays as it is.
#
# MANAGE, PSQL and PG_RESTORE are commands, as in deploy/backup.sh. With containers:
#
#   MANAGE="docker compose run --rm -T --no-deps web python manage.py" \
#   PSQL="docker compose exec -T postgres psql --username=munjigi munjigi" \
#   PG_RESTORE="docker compose exec -T postgres pg_restore --username=munjigi --dbname=munjigi" \
#       deploy/restore.sh DIRECTORY/munjigi-TIME
set -eu

name=${1:?usage: deploy/restore.sh DIRECTORY/munjigi-TIME [--replace]}
name=${name%.dump}
for file in "$name.dump" "$name.sessions"; do
    [ -s "$file" ] || { echo "deploy/restore.sh: $file is missing or empty" >&2 && exit 2; }
done
dump=$(CDPATH='' cd -- "$(dirname -- "$name")" && pwd)/$(basename -- "$name").dump
sessions=${dump%.dump}.sessions
cd "$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)"

psql_() {
    # shellcheck disable=SC2086
    if [ -n "${PSQL:-}" ]; then $PSQL "$@"; else psql --dbname="${DATABASE_URL:?}" "$@"; fi
}

tables=$(psql_ --no-psqlrc --tuples-only --no-align \
    --command="SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
if [ "$tables" -gt 0 ]; then
    if [ "${2:-}" != --replace ]; then
        echo "deploy/restore.sh: the database has $tables tables: give --replace to delete them" >&2
        exit 2
    fi
    psql_ --no-psqlrc --quiet --set=ON_ERROR_STOP=1 \
        --command="SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public"
fi

# All or nothing.
# shellcheck disable=SC2086
if [ -n "${PG_RESTORE:-}" ]; then
    $PG_RESTORE --no-owner --no-privileges --single-transaction --exit-on-error <"$dump"
else
    pg_restore --dbname="${DATABASE_URL:?}" --no-owner --no-privileges --single-transaction \
        --exit-on-error <"$dump"
fi
# shellcheck disable=SC2086
${MANAGE:-python manage.py} migrate --no-input --verbosity 0
# shellcheck disable=SC2086
${MANAGE:-python manage.py} sessions load <"$sessions"
echo "Restored. Start the site, then run manage.py doctor."
