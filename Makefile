# Two commands for a fresh machine with Python 3.11+ and pip: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
NODE_PACKAGES := tests/independent/node/node_modules/.package-lock.json

.PHONY: demo test check bench format cards clean

demo: $(VENV)/.demo  ## start the gateway and drive the main job through it with the official SDK
	$(BIN)/python -m overt.cli demo

test: $(VENV)/.dev $(NODE_PACKAGES)  ## all tests
	$(BIN)/python -m pytest

check: $(VENV)/.dev  ## format, lint, strict types, import contracts, documentation tests
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/docs

bench: $(VENV)/.dev  ## performance, as ratios measured side by side in one run
	$(BIN)/python bench/classify.py
	$(BIN)/python bench/gateway.py
	$(BIN)/python bench/log.py
	$(BIN)/python bench/start.py

format: $(VENV)/.dev
	$(BIN)/ruff format src tests bench
	$(BIN)/ruff check --fix src tests bench

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Overt needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Say which with: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(VENV)/.demo

# Other people's programs that check the log's formats. Without npm the tests say what was not checked.
$(NODE_PACKAGES): tests/independent/node/package-lock.json
	@if command -v npm >/dev/null; then \
		npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --prefix $(dir $<) && touch $@ \
		|| echo "npm could not install $<: the tests skip what needs it"; \
	else echo "npm is not installed: the tests skip what needs it"; fi

clean:
	rm -rf $(VENV) tests/independent/node/node_modules build dist .mypy_cache .ruff_cache .hypothesis
