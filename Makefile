# make setup | setup-dev | demo | test | test-all | lint | lock | clean
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PYTEST = $(BIN)/python -m pytest -n 2 --dist loadgroup
MARK ?=

.PHONY: setup setup-dev demo test test-all lint lock clean

setup: $(VENV)/setup

setup-dev: $(VENV)/setup-dev

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/setup: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	touch $@

$(VENV)/setup-dev: requirements-dev.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	touch $(VENV)/setup $@

demo: setup
	$(BIN)/python -m classifier demo

test: setup-dev
	$(PYTEST) -m "not slow"

# MARK=slow runs only the tests that `make test` leaves out
test-all: setup-dev
	$(PYTEST) -m "$(MARK)"

lint: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# New pins from pyproject.toml, without any address of a package index (needs uv)
lock:
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --extra dev pyproject.toml -o requirements-dev.txt

clean:
	rm -rf demo
