# `make` without a target lists the commands.
.DEFAULT_GOAL := help
.PHONY: help run doctor test test-all test-rest coverage bench sweep cluster soak gallery schema compose-test lint types migrations audit sbom check format lock messages

PYTHON ?= python3
BIN := .venv/bin

help: ## List the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: .venv/runtime .env ## Run everything on this machine, with demo accounts (PORT=…, DEMO_PORT=…)
run: export DEMO = 1
run:
	@$(BIN)/python manage.py serve

doctor: .venv/runtime ## Check this deployment (ARGS=--help lists the options; after `make run`: DEMO=1)
	@$(BIN)/python manage.py doctor $(ARGS)

test: .venv/dev ## Run the quick tests, on SQLite and without other processes: a minute and a half
	$(BIN)/python -m tests fast

test-all: .venv/dev ## Run all tests: those of `test`, then those of `test-rest`
	$(BIN)/python -m tests all

test-rest: .venv/dev ## Run the tests that start processes, use PostgreSQL or Chromium
	$(BIN)/python -m tests rest

coverage: .venv/dev ## Print the lines that the last tests with TEST_COVERAGE=1 did not run
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

bench: .venv/dev .env ## Compare the speed with a plain DRF + SimpleJWT app and with five libraries (ARGS=--help)
	$(BIN)/python -m bench $(ARGS)

sweep: .venv/dev ## Run the slow tests: garbage at all addresses, provider faults at all doors, fail-overs
	$(BIN)/python -m tests sweep

cluster: .venv/dev ## Kill servers, Redis and PostgreSQL under load, and print a table of the effects
	$(BIN)/python -m tests cluster

soak: .venv/dev ## Run a mixed load for half an hour with restarts, and reconcile every count (ARGS=--help)
	$(BIN)/python -m tests.cluster.soak $(ARGS)

gallery: .venv/dev var/npm/.installed ## Take a picture of every page, run axe and Lighthouse (needs Chromium, node, npm)
	@rm -rf var/gallery
	$(BIN)/python -m tests gallery
	@echo "All pictures, side by side: var/gallery/index.html"

schema: .venv/dev ## Compare the API's answers with its OpenAPI document
	$(BIN)/python -m pytest -q -n 2 -m sweep tests/api/test_contract.py

compose-test: ## Build and walk compose.yaml (needs docker or podman with an engine)
	@deploy/compose-test.sh

lint: .venv/dev ## Check style, templates, workflows, spelling and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	.ci/rewrites --check
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/lint-imports
	$(BIN)/typos

types: .venv/dev .env ## Check static types
	$(BIN)/mypy

migrations: .venv/dev ## Check that the old release works while a new one migrates (needs PostgreSQL)
	$(BIN)/python .ci/migrations.py

audit: .venv/dev ## Look up known vulnerabilities of the locked packages
	$(BIN)/python .ci/audit.py

sbom: ## Print the bill of materials of an installation (CycloneDX): make -s sbom > sbom.json
	@$(PYTHON) .ci/sbom.py

format: .venv/dev ## Rewrite files in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	.ci/rewrites

check: ## Run all of CI
	.ci/run

lock: .venv/dev ## Lock the newest allowed versions
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --upgrade pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --upgrade pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 -c requirements.lock bench/requirements.in -o bench/requirements.lock
	@for peer in dj_rest_auth djoser allauth; do $(BIN)/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 -c requirements.lock bench/peers/$$peer/requirements.in -o bench/peers/$$peer/requirements.lock || exit 1; done
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --upgrade bench/peers/fastapi_users/requirements.in -o bench/peers/fastapi_users/requirements.lock

messages: .venv/dev .env ## Collect the texts to translate (needs gettext)
	$(BIN)/python manage.py makemessages --locale ko --no-location --no-wrap --ignore .venv --ignore var --ignore tests

.env: | .venv/bin/python
	@$(BIN)/python -m config.dotenv

# The files .venv/runtime and .venv/dev are stamps: a second `make run` installs nothing.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older or missing. Try: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing. On Debian: apt-get install -y python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/runtime: requirements.lock | .venv/bin/python
	@echo "Installing the packages of requirements.lock into .venv: the first time this takes a minute."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.venv/dev: requirements-dev.lock | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@ .venv/runtime

# Apart from the sources, so that no tool of ours looks through it.
var/npm/.installed: tests/gallery/package.json tests/gallery/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing. On Debian: apt-get install -y nodejs npm"; exit 1; }
	@mkdir -p -m 700 var && mkdir -p var/npm
	cp tests/gallery/package.json tests/gallery/package-lock.json var/npm/
	@cd var/npm && npm ci --ignore-scripts --no-audit --no-fund || { echo "npm could not install axe-core and Lighthouse: it needs its registry, or a mirror (npm config set registry)."; exit 1; }
	@touch $@
