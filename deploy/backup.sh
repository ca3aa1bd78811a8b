#!/bin/sh
# Saves the database and the browser sessions:
#
#   DATABASE_URL=postgres://… deploy/backup.sh DIRECTORY
#
# Writes DIRECTORY/munjigi-TIME.dump and DIRECTORY/munjigi-TIME.sessions, readable by this user only, and
# prints their common name. Deletes backups that are older than BACKUP_KEEP_DAYS (default: 30; 0: none).
# Nobody needs to be stopped. Keep .env in another place: a backup is useless without its keys.
#
# MANAGE is the command that runs manage.py, PG_DUMP the one that writes a dump to standard output. With
# containers:
#
#   MANAGE="docker compose run --rm -T --no-deps web python manage.py" \
#   PG_DUMP="docker compose exec -T postgres pg_dump --username=munjigi munjigi" deploy/backup.sh DIRECTORY
set -eu
umask 077

directory=${1:?usage: deploy/backup.sh DIRECTORY}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
mkdir -p -- "$directory"
directory=$(CDPATH='' cd -- "$directory" && pwd)
name="$directory/munjigi-$(date -u +%Y%m%dT%H%M%SZ)"
trap 'rm -f -- "$name.dump.part" "$name.sessions.part"' EXIT
cd "$root"

# The database first: a session whose row is not in the dump would be refused anyway.
# shellcheck disable=SC2086 # PG_DUMP and MANAGE are commands with arguments
if [ -n "${PG_DUMP:-}" ]; then
    $PG_DUMP --format=custom --no-owner --no-privileges >"$name.dump.part"
else
    pg_dump --dbname="${DATABASE_URL:?}" --format=custom --no-owner --no-privileges >"$name.dump.part"
fi
# shellcheck disable=SC2086
${MANAGE:-python manage.py} sessions save >"$name.sessions.part"

[ -s "$name.dump.part" ] && [ -s "$name.sessions.part" ]
mv -- "$name.dump.part" "$name.dump"
mv -- "$name.sessions.part" "$name.sessions"
if [ "${BACKUP_KEEP_DAYS:-30}" -gt 0 ]; then
    find "$directory" -maxdepth 1 -type f \( -name 'munjigi-*.dump' -o -name 'munjigi-*.sessions' \) \
        -mtime "+${BACKUP_KEEP_DAYS:-30}" -delete
fi
echo "$name"
