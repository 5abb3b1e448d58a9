# run    the portal with the demo company, at http://localhost:8000 (PORT=… for another port)
# test   the tests, on SQLite unless DATABASE_URL names a PostgreSQL
# lint   everything that reads the code instead of running it
# See README.md for the rest.

PYTHON ?= python3
DEMO ?= 1
BIN = .venv/bin

.PHONY: run test browser lint format

run: .venv/.run
	@DEMO=$(DEMO) exec $(BIN)/python manage.py up

test: .venv/.dev
	$(BIN)/python -m pytest -q -n auto --ignore=tests/browser $(ARGS)

browser: .venv/.e2e
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m browser tests/browser $(ARGS)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	git ls-files -z -- 'templates/*.html' | xargs -0 -r $(BIN)/djade --check --target-version 5.2
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py draw_states --check

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	git ls-files -z -- 'templates/*.html' | xargs -0 -r $(BIN)/djade --target-version 5.2

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: $(PYTHON) was not found."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it with PYTHON=…"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "No virtual environment could be made. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

.venv/.run: requirements.txt | $(BIN)/python
	@echo "Installing what the portal needs ..."
	@./bin/install requirements.txt && touch $@

.venv/.dev: requirements-dev.txt requirements.txt | $(BIN)/python
	@echo "Installing what the portal and its tests need ..."
	@./bin/install requirements-dev.txt && touch $@ .venv/.run

.venv/.e2e: requirements-e2e.txt requirements-dev.txt requirements.txt | $(BIN)/python
	@echo "Installing what the browser tests need ..."
	@./bin/install requirements-e2e.txt && touch $@ .venv/.dev .venv/.run
