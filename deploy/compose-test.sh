#!/bin/sh
# Builds the images, starts compose.yaml as shipped, and walks through it. `make compose-test` runs it.
#
# Needs docker or podman with an engine that answers; otherwise prints one line, `skipped: …`, and ends well.
# It works on a copy of the committed files, with secrets of its own and on ports 8080 and 8443 of this machine
# (HTTP_PORT, HTTPS_PORT), and removes all that it has made.
set -eu

engine=
reason="neither docker nor podman is installed"
for program in docker podman; do
    command -v "$program" >/dev/null 2>&1 || continue
    if ! "$program" info >/dev/null 2>&1; then
        reason="$program is installed, but no engine answers"
    elif ! "$program" compose version >/dev/null 2>&1; then
        reason="$program has no compose"
    else
        engine=$program
        break
    fi
done
if [ -z "$engine" ]; then
    echo "skipped: $reason"
    exit 0
fi

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
http=${HTTP_PORT:-8080} https=${HTTPS_PORT:-8443}
site="https://localhost:$https"
copy=$(mktemp -d)
compose() { "$engine" compose --project-name munjigi-compose-test "$@"; }
clean() {
    status=$?
    [ "$status" = 0 ] || compose logs --tail 50 || true
    compose down --volumes --remove-orphans >/dev/null 2>&1 || true
    rm -rf -- "$copy"
}
git -C "$root" archive HEAD | tar -x -C "$copy"
cd "$copy"
trap clean EXIT
trap 'exit 130' INT TERM

draw() { openssl rand -hex 32; }
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout deploy/tls/privkey.pem -out deploy/tls/fullchain.pem 2>/dev/null
cat >.env <<END
SITE_URL=$site
SECRET_KEY=$(draw)$(draw)
SESSION_ID_KEY=$(draw)
DATA_ENCRYPTION_KEYS=$(openssl rand -base64 32 | tr '+/' '-_')
POSTGRES_PASSWORD=$(draw)
REDIS_PASSWORD=$(draw)
EMAIL_URL=smtp+tls://user:password@smtp.example.com:587
DEFAULT_FROM_EMAIL=Munjigi <no-reply@example.com>
METRICS_PORT=9100
END
cat >compose.override.yaml <<END
services:
  nginx:
    ports: !override
      - "127.0.0.1:$http:80"
      - "127.0.0.1:$https:443"
END

compose up --build --detach --wait --wait-timeout 300

walk() { # PATH STATUS [WORD]
    answer=$(curl --silent --show-error --cacert deploy/tls/fullchain.pem --max-time 20 \
        --write-out '\n%{http_code}' "$site$1")
    status=$(printf '%s' "$answer" | tail -n 1)
    [ "$status" = "$2" ] || { echo "$1: $status instead of $2" >&2 && exit 1; }
    case $answer in *"${3:-}"*) ;; *) echo "$1: without \"$3\"" >&2 && exit 1 ;; esac
    echo "ok $1: $status"
}
walk /livez 200 ok
walk /readyz 200 ok
walk /accounts/login/ 200 csrfmiddlewaretoken
walk /api/me/ 401 code
walk /.well-known/jwks.json 200 keys
walk /metrics 404
compose exec -T web python -c "import urllib.request as u; \
assert b'munjigi_processes' in u.urlopen('http://127.0.0.1:9100/metrics').read()"
echo "ok metrics of web"
compose exec -T web python manage.py migrate --check
compose exec -T web python manage.py audit verify
MANAGE="$engine compose --project-name munjigi-compose-test exec -T web python manage.py" \
    PG_DUMP="$engine compose --project-name munjigi-compose-test exec -T postgres pg_dump --username=munjigi munjigi" \
    deploy/backup.sh "$copy/backups"
echo "ok: compose.yaml runs as shipped"
