# `make demo` opens the app, `make test` runs the tests; each sets everything up first. Needs make and Python 3.11+.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
UV := $(shell command -v uv 2>/dev/null)

# Without bytecode, each process of the tests would compile all of the tests and of the engine anew: seconds, each time.
test test-slow: export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test test-slow check format clean help
.DEFAULT_GOAL := help

help: ## say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(VENV)/.run ## open the app on the quick start; without a terminal, train one quick-start experiment
	@if [ -t 1 ] && [ -t 2 ]; then $(BIN)/vitui; else $(BIN)/engine run quick-Hybrid; fi

test: $(VENV)/.dev ## the quick tests (under two minutes on two cores)
	$(BIN)/pytest -n 2 --dist loadgroup

test-slow: $(VENV)/.dev ## the long ones: whole runs, kills, every architecture against the reference
	$(BIN)/pytest -m slow -n 2 --dist loadgroup

check: $(VENV)/.dev ## lint, types, and which package may import which
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## lay the code out as `make check` wants it
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean: ## remove what was installed; runs and images stay
	rm -rf $(VENV) build *.egg-info

$(VENV)/.python:
	@[ -n "$(PYTHON)" ] || { echo "vitui needs Python 3.11 or newer; set PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "setting up $(VENV) with $(if $(UV),uv,pip): PyTorch is large, the first time takes a minute or more" >&2
ifdef UV
	@$(UV) venv --quiet --allow-existing --python "$$(command -v $(PYTHON))" $(VENV)
else
	@$(PYTHON) -m venv $(VENV)
endif
	@touch $@

# What is installed is pinned by constraints.txt; the bytecode is written now, so that the first start is as quick as any.
define install
	@$(if $(UV),$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python,$(BIN)/python -m pip install --quiet) \
	    --constraint constraints.txt --editable '$(1)'
	@$(BIN)/python -m compileall -q engine tui
	@touch $@
endef

$(VENV)/.run: $(VENV)/.python pyproject.toml constraints.txt
	$(call install,.[train])

$(VENV)/.dev: $(VENV)/.python pyproject.toml constraints.txt
	$(call install,.[dev])
	@touch $(VENV)/.run
