# make setup | setup-dev | demo | test | test-all | lint | lock | clean
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PYTEST = $(BIN)/python -m pytest -n 2
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

# New pins from pyproject.toml, without any address of a package index, for the oldest Python it
# allows and all later ones (needs uv); then the platforms that lack a wheel
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
lock:
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) --extra dev pyproject.toml -o requirements-dev.txt
	$(LOCK) --group container --constraint requirements-dev.txt -o requirements-container.txt
	$(PYTHON) -m benchmarks.platforms

clean:
	$(BIN)/python -m classifier demo --remove
