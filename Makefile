# Two commands set up everything: `make app` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8000

.PHONY: app test coverage lint format types lock bench clean

app: $(VENV)/app.stamp  ## install and serve the page
	@$(BIN)/jakinib serve --host $(HOST) --port $(PORT)

test: $(VENV)/dev.stamp lint types  ## everything: format, lint, types, tests in real Chromium
	@sh tests/chromium.sh
	@$(BIN)/python -m pytest -n 2 --dist loadfile

coverage: $(VENV)/dev.stamp  ## the tests again, with the lines they reach (a third slower)
	@sh tests/chromium.sh
	@$(BIN)/python -m pytest -n 2 --dist loadfile --cov=jakinib --cov-report=term:skip-covered

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(VENV)/dev.stamp
	@$(BIN)/mypy

format: $(VENV)/dev.stamp
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/dev.stamp  ## every benchmark, one table each
	@for script in bench/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

lock:  ## resolve the locked requirements anew (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-emit-index-url -q -o requirements/app.txt
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-emit-index-url -q -c requirements/app.txt -o requirements/dev.txt

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .coverage

$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit("jakinib needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 $(MAKECMDGOALS)") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python has no venv module. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Creating the environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/app.stamp: requirements/app.txt pyproject.toml | $(VENV)/python.stamp
	@echo "Installing the locked requirements (about a minute the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/app.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/app.stamp
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	@touch $@
