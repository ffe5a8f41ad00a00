# Two commands carry a newcomer: `make mnist` and `make test`. `make test-backends` compares the array libraries.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
BACKENDS := .venv-backends

.PHONY: mnist test test-backends lint types format install install-dev clean

install: $(VENV)/installed
install-dev: $(VENV)/installed-dev

$(VENV)/pip:
	$(PYTHON) -c 'import sys; sys.exit("lamella needs Python 3.11 or newer; this is %s (set PYTHON=...)" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@touch $@

$(VENV)/installed: $(VENV)/pip pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

mnist: install
	$(BIN)/lamella run examples/tutorial_mnist.py

test: install-dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope

# What compares array libraries, in an environment that has them all; NumPy's part runs in `make test` already.
test-backends: $(BACKENDS)/installed
	$(BACKENDS)/bin/python -m pytest -n $(WORKERS) -m backends -k "not on_numpy" tests/backend tests/parity

$(BACKENDS)/installed: pyproject.toml
	$(PYTHON) -m venv $(BACKENDS)
	$(BACKENDS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BACKENDS)/bin/python -m pip install --quiet --editable ".[torch,tensorflow]" --group dev
	@touch $@

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-dev
	$(BIN)/basedpyright --level error

format: install-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(BACKENDS) build dist .pytest_cache .ruff_cache
