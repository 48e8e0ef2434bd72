# make demo    the hub with the demonstration city on http://127.0.0.1:8000/ (make demo PORT=8080 moves it)
# make test    all tests, on SQLite and on PostgreSQL
# make check   everything that is not a test: style, types, floors, translations, migrations, deployment
# make bench   what a page costs
# make clean   remove what was made, keep data (var/)

PORT ?= 8000
BIN := .venv/bin
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := demo
.PHONY: demo test test-sqlite test-postgres check bench clean environment environment-dev

demo: environment
	@$(BIN)/python tools/messages.py compile
	@BALAI_DEMO=true BALAI_HOME=$${BALAI_HOME:-var/demo} exec $(BIN)/balai demo --port $(PORT)

test: test-sqlite test-postgres

test-sqlite: environment-dev
	$(BIN)/pytest -n 2

test-postgres: environment-dev
	@if $(BIN)/python -m tests.postgres; then \
		echo "$(BIN)/pytest -n 2 --database=postgres -m 'not browser'"; \
		$(BIN)/pytest -n 2 --database=postgres -m 'not browser'; \
	else \
		echo "PostgreSQL's programs were not found: the tests ran on SQLite alone."; \
	fi

check: environment-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check src tests tools benchmarks
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python tools/messages.py check
	$(BIN)/python tools/settings_doc.py --check
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && export BALAI_HOME="$$home" && \
		echo "balai makemigrations --check" && $(BIN)/balai makemigrations --check --dry-run && \
		echo "balai check --deploy" && \
		BALAI_SECURE=true BALAI_ORIGIN=https://balai.example BALAI_HOSTS=balai.example \
		BALAI_MAIL_URL=smtp://localhost BALAI_SEAL_KEY=seal.p12 \
		$(BIN)/balai check --deploy --fail-level WARNING

bench: environment-dev
	$(BIN)/python -m benchmarks

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist static-collected
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
	find src -name '*.mo' -delete

environment:
	@tools/environment run

environment-dev:
	@tools/environment dev
