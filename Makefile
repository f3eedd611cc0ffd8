# The two commands of this project: `make demo` and `make test`. Each makes its own .venv.

PYTHON ?= python3
BIN := .venv/bin
# Threads that spin while they wait make a step several times slower on a busy machine.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: demo test test-lowest results help

# The .venv is kept, unless the requirements changed.
.venv/%: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e '.[$*]'
	touch $@

demo: .venv/demo
	$(BIN)/python demo.py

# One process a core, each with one thread: the tests are small.
test: .venv/test
	$(BIN)/ruff check immersion tests benchmarks scripts demo.py
	$(BIN)/ruff format --check immersion tests benchmarks scripts demo.py
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python scripts/check_words.py
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --doctest-modules immersion

# The oldest versions that the package claims to work with, in an environment of their own.
LOWEST := .venv-lowest/bin

test-lowest:
	test -x $(LOWEST)/python || $(PYTHON) -m venv .venv-lowest
	$(LOWEST)/pip install --quiet -c constraints-lowest.txt -e '.[demo,tables]' pytest
	$(LOWEST)/python -m pytest tests/data tests/image_io tests/likelihoods tests/recipes tests/runs

# The pages that --help prints, from signatures and docstrings.
help: .venv/demo
	$(BIN)/python -m immersion.cli.help_pages

# The tables of docs/, from the recorded results of the papers and the cards of the networks.
results: .venv/demo
	$(BIN)/python -m immersion.papers.markdown > docs/results.md
	$(BIN)/python scripts/networks_page.py > docs/networks.md
