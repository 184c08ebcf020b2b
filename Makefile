# BookMeUp. The two commands of the README are `make run` and `make test`; each sets up what it needs.

PORT ?= 8000
DEMO ?= yes
ARGS ?=
NEWEST = python3.14 python3.13 python3.12 python3.11 python3
PYTHON ?= $(shell for p in $(NEWEST); do command -v $$p >/dev/null && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN = .venv/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet install

.DEFAULT_GOAL := help
.PHONY: help run test prove versions browser check fix coverage bench bench-against check-manifests image release rehearse canary canary-promote canary-abort e2e chaos lock openapi clean

help: ## This list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{printf "make %-16s %s\n", $$1, $$2}'

run: .venv/run ## The whole product on one URL: PORT=8000 BOOKMEUP_DATA=folder DEMO=no
	@LOG_LEVEL=$${LOG_LEVEL:-warning} exec $(BIN)/python -m bookmeup --role all --port $(PORT) $(if $(filter no,$(DEMO)),,--demo)

test: .venv/dev ## The tests, in parallel, on the installed PostgreSQL or else the embedded one
	$(BIN)/python -m pytest -n auto -m "not browser and not e2e and not chaos and not slow" $(ARGS)

coverage: .venv/dev ## The tests with the branches measured; fails under 90 %
	rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n auto -m "not browser and not e2e and not chaos and not slow" --cov --cov-report=term:skip-covered --cov-fail-under=90 $(ARGS)

prove: .venv/dev ## The races, crashes and times in full numbers, alone on the machine; a table at the end
	PROVE=full $(BIN)/python -m pytest -n 0 -m slow tests/proofs $(ARGS)

versions: .venv/dev ## The version before this one, the newest tag: its code on the new schema, and both at once
	$(BIN)/python -m pytest -n 0 -m slow tests/versions $(ARGS)

browser: .venv/dev ## The pages in Chromium, which must be installed
	$(BIN)/python -m pytest -m browser tests/browser $(ARGS)

check: .venv/dev ## Format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: .venv/dev ## Format, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/dev ## Figures beside floors measured in the same run
	$(BIN)/python -m benchmarks $(ARGS)

bench-against: .venv/dev ## This tree's rates beside those of COMMIT=, in turns: ARGS="--rounds 5"
	$(BIN)/python -m benchmarks.against "$(COMMIT)" $(ARGS)

check-manifests: .venv/dev ## Our tests of the manifests, schemas, kube-score, checkov, dry run: ARGS=--static or --dry-run for one half
	scripts/check-manifests $(ARGS)

image: ## The container image, with docker, podman or buildah
	scripts/image

release: ## Write VERSION=, a tag or a digest, into dev, staging and prod: OVERLAY=staging for one alone
	scripts/release "$(VERSION)" $(OVERLAY)

rehearse: ## prod's data into staging, without its people, and staging's migrations over them
	scripts/rehearse

canary: ## Give a tenth of prod's requests to VERSION=
	scripts/canary try "$(VERSION)"

canary-promote: ## Give all requests to the canary's version
	scripts/canary promote

canary-abort: ## Give all requests back to the stable version
	scripts/canary abort

e2e: .venv/dev ## The proofs on the cluster of kubectl's current context
	scripts/e2e $(ARGS)

chaos: .venv/dev ## What happens to a prod, under load, on that cluster; the table goes to docs/chaos.md
	scripts/chaos $(ARGS)

openapi: .venv/dev ## The committed OpenAPI document
	$(BIN)/python -m bookmeup openapi > src/bookmeup/pages/openapi.json

lock: .venv/dev ## The lock files, from pyproject.toml: UPGRADE=--upgrade takes newer versions
	scripts/lock $(UPGRADE)

clean: ## What the other targets made
	rm -rf .venv .cache .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# A stamp for each set of packages; the larger one contains the smaller.
.venv/run: locks/laptop.lock locks/build.lock pyproject.toml | .venv/base
	$(PIP) --require-hashes -r locks/laptop.lock -r locks/build.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: locks/dev.lock locks/build.lock pyproject.toml | .venv/base
	$(PIP) --require-hashes -r locks/dev.lock -r locks/build.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ .venv/run

.venv/base:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with its venv module is needed (on Debian: apt install python3 python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@
