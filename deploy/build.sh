#!/bin/sh
# Installs and builds everything that an image or a server needs besides the source. The Dockerfile
# and CI run the same steps:
#
#   deploy/build.sh VENV install   a virtual environment with the locked packages
#   deploy/build.sh VENV site      translations, static files in $VAR_DIR/static, then the checks
#   deploy/build.sh VENV           both
#
# PYTHON is the interpreter to use. VAR_DIR is the directory for static files (default: var).
set -eu

venv=${1:?usage: deploy/build.sh VENV [install|site]}
step=${2:-all}
case $venv in /*) ;; *) venv=$PWD/$venv ;; esac
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

install() {
    "${PYTHON:-python3}" -m venv "$venv"
    # Installs wheels only, so it needs no compiler.
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir \
        --only-binary :all: --require-hashes -r "$root/requirements.lock"
}

site() (
    cd "$root"
    # Settings of a production site, with secrets that only this process uses.
    draw() { "$venv/bin/python" -c 'import secrets; print(secrets.token_urlsafe(50))'; }
    fernet() {
        "$venv/bin/python" -c \
            'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'
    }
    unset DEMO DEBUG STATIC_HASHED ALLOWED_HOSTS FRONTEND_ORIGINS REDIS_CACHE_URL
    export ENV_FILE=/dev/null PYTHONDONTWRITEBYTECODE=1 LOG_LEVEL=WARNING
    SECRET_KEY=$(draw) SESSION_ID_KEY=$(draw) DATA_ENCRYPTION_KEYS=$(fernet)
    export SECRET_KEY SESSION_ID_KEY DATA_ENCRYPTION_KEYS
    export SITE_URL=https://auth.example.com TRUSTED_PROXY_COUNT=1
    export DATABASE_URL=postgres://build@localhost/build REDIS_URL=redis://localhost:6379/0
    export EMAIL_URL=smtp+tls://build:build@localhost:587
    "$venv/bin/python" manage.py collectstatic --noinput --clear --verbosity 0
    "$venv/bin/python" manage.py check --deploy --fail-level WARNING
)

case $step in
    install) install ;;
    site) site ;;
    all) install && site ;;
    *) echo "deploy/build.sh: unknown step '$step'" >&2 && exit 2 ;;
esac
