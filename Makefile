# Everything a developer runs. `make` lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test quick lint render new changelog bench pictures servers lock

BIN := .venv/bin
# Extra arguments of the command behind a target: make test ARGS='-k deadlock'
ARGS ?=

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## create .venv with everything a developer needs
	@.ci/setup

demo: setup ## start a deliberately sick PostgreSQL and pgvigil on top of it
	@$(BIN)/pgvigil demo $(ARGS)

test: setup servers ## run the tests on real servers (ARGS=--require-all: a missing tool is a failure)
	@$(BIN)/python -m tests $(ARGS)

quick: setup ## run the tests that need neither a server nor another program
	@$(BIN)/python -m tests --tier quick $(ARGS)

lint: setup ## check style, types, layers and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	@test ! -e Dockerfile || $(BIN)/hadolint Dockerfile

render: setup ## write what is generated: rules, dashboards, configuration page
	@$(BIN)/python -m monitor render $(ARGS)

new: setup ## write a skeleton: finding=NAME chapter=CHAPTER [reads=COLLECTOR], or collector=NAME [scope=database]
	@test -n "$(collector)$(finding)" || { echo 'new: say finding=NAME chapter=CHAPTER, or collector=NAME.' >&2; exit 2; }
	@$(BIN)/python -m monitor new $(if $(collector),collector $(collector) $(scope),finding $(finding) $(chapter) $(reads))

changelog: setup ## move the pieces in changes/ into CHANGELOG.md
	@$(BIN)/python -m monitor changelog $(ARGS)

bench: setup ## measure what the README claims of speed and cost (ARGS=breadth: many findings, ARGS=fleet: many servers)
	@test -e bench/__main__.py || { echo 'bench: this tree has no benchmark (bench/__main__.py).' >&2; exit 2; }
	@$(BIN)/python -m bench $(ARGS)

pictures: setup ## draw dashboards and status page anew for the docs, by Grafana's own components (npm)
	@nice $(BIN)/python -m pictures $(ARGS)

servers: ## fetch PostgreSQL 14 to 17 for the tests (npm)
	@tests/servers/setup

lock: setup ## renew the lock files from pyproject.toml
	@.ci/lock
