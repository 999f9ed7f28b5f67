# make demo      set everything up and watch the model complete code in three small repositories
# make test      set everything up and run every test, real model included
# make test-all  the same, and the tests that take minutes each or need the 1.5B model
# make test-team  a real vLLM on this machine's processor; its setup takes some minutes, once
# make vscode    the VS Code extension, as editors/vscode/qwen-lsp.vsix
# make dist      every file of a release, in dist/: the same sources give the same bytes
# make check     format, lint and types       make fix   repair what can be repaired
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Three processes on two cores, as each waits now and then; tests/conftest.py says which tests stay together.
PYTEST := $(BIN)/python -m pytest
PARALLEL := -n 3 --no-loadscope-reorder
# Windows lose clicks where much else runs: they come last, one at a time.
TOURS := $(wildcard tests/editors/vscode/test_*_tour*.py)

# The tests start hundreds of servers; without compiled files each one would compile the package again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup model demo vscode dist test test-all test-team check fix clean

help:
	@sed -n 's/^# //p' Makefile

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; name one with PYTHON=...") if sys.version_info < (3, 11) else None'
	@echo "Installing into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(STAMP)

setup: $(STAMP)

model: $(STAMP)
	@$(BIN)/qwen-lsp models pull qwen2.5-coder-0.5b

demo: model
	@$(BIN)/python -m qwen_lsp.bench.demo fixtures/repos

test: model
	@$(PYTEST) $(PARALLEL) -m "not slow" $(TOURS:%=--ignore=%)
	@$(PYTEST) -m "not slow" $(TOURS)

test-all: model
	@$(BIN)/qwen-lsp models pull qwen2.5-coder-1.5b
	@$(PYTEST) $(PARALLEL) $(TOURS:%=--ignore=%)
	@$(PYTEST) $(TOURS)

# Where vLLM and the model that it serves are kept.
TEAM ?= $(HOME)/.cache/qwen-lsp-team
test-team: model
	@mkdir -p $(TEAM)
	@QWEN_LSP_TEAM=$(TEAM) $(PYTEST) tests/team

vscode: $(STAMP)
	@$(BIN)/python -m tests.editors.vscode.host editors/vscode/qwen-lsp.vsix

dist: $(STAMP)
	@$(BIN)/python -m tests.editors.dist dist

check: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

fix: $(STAMP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
