.PHONY: demo test test-slow soak bench coverage mutants lint format docs setup-demo setup-dev

demo: setup-demo
	.venv/bin/harmcu demo $(ARGS)

test: setup-dev
	.venv/bin/python -m pytest -n 2 -m "not slow and not soak" $(ARGS)

# What takes minutes: long fuzzing, full training. CI runs it too.
test-slow: setup-dev
	.venv/bin/python -m pytest -n 2 -m "slow and not soak" $(ARGS)

# What takes hours: ten million inputs. CI does not run it.
soak: setup-dev
	.venv/bin/python -m pytest -n 2 -m soak $(ARGS)

# The reference models beside the data sets, or those of a folder: make bench ARGS=FOLDER.
bench: setup-dev
	.venv/bin/python benchmarks/table.py $(ARGS)

# What the quick tests run through, in build/coverage/.
coverage: setup-dev
	.venv/bin/python tools/measure_coverage.py $(ARGS)

# Breaks the code at random places and counts what the tests notice: make mutants ARGS=decision.
mutants: setup-dev
	.venv/bin/python tools/mutate.py $(ARGS)

C_SOURCES = $(shell find firmware tests -name '*.c' -o -name '*.cpp' -o -name '*.h')

lint: setup-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/clang-format --dry-run --Werror $(C_SOURCES)

format: setup-dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
	.venv/bin/clang-format -i $(C_SOURCES)

# The site, in site/.
docs: setup-dev
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --quiet $(ARGS)

setup-demo:
	@sh tools/setup.sh demo

setup-dev:
	@sh tools/setup.sh demo,dev
