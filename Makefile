# Every target works on a machine with nothing but Python, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_STORE ?= bench-store
STAMP := $(VENV)/.installed
# pytest rewrites the assertions of every test file: a third of collecting, kept where Python may write bytecode.
CACHED := PYTHONDONTWRITEBYTECODE=
# Two workers share two cores: threads that wait must not spin. Two threads each, as in a run, keep the numbers.
WAITING := OMP_WAIT_POLICY=PASSIVE KMP_BLOCKTIME=0
THREADS := OMP_NUM_THREADS=2 MKL_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2 $(WAITING)
CODE := bench configs downstream examples methods metrics reports tests

.PHONY: demo test test-slow proofs test-gpu bench precision check install format

demo: $(STAMP)
	$(BIN)/bench run --method diffmix --dataset phantom --preset smoke --store $(DEMO_STORE)
	$(BIN)/bench leaderboard --dataset phantom --store $(DEMO_STORE)

test: $(STAMP)
	$(CACHED) $(WAITING) $(BIN)/python -m pytest -m "not slow and not gpu" -n 2 --dist loadfile --no-loadscope-reorder

# Simulations call the same functions millions of times, so shapes are checked by all other tests and not by them.
test-slow: $(STAMP)
	$(CACHED) $(THREADS) $(BIN)/python -m pytest -m "slow and not proof" -n 2 --dist loadfile --no-loadscope-reorder \
		--timeout 900 --ignore tests/statistics
	$(CACHED) $(WAITING) JAXTYPING_DISABLE=1 $(BIN)/python -m pytest -m "slow and not proof" -n 2 --dist worksteal \
		--timeout 900 tests/statistics

# What takes an hour in all: before a release, and after a change of what they prove.
proofs: $(STAMP)
	$(CACHED) $(THREADS) $(BIN)/python -m pytest -m proof -n 2 --dist loadfile tests/methods tests/bench
	$(CACHED) $(WAITING) JAXTYPING_DISABLE=1 $(BIN)/python -m pytest -m proof -n 2 --dist worksteal --timeout 900 tests/statistics

# On a machine with a GPU: OUT is the folder of the results.
test-gpu: $(STAMP)
	$(WAITING) $(BIN)/python -m pytest -m gpu tests/gpu

bench: $(STAMP)
	$(BIN)/python -m pytest -q -o python_files='bench_*.py' --benchmark-quiet tests/benchmarks

precision: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[all,dev,parity]' -c constraints.txt
	$(BIN)/python -m pytest -q -m "not slow" --write-precision tests/metrics

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pymarkdown scan --recurse --exclude docs/datasets.md --exclude docs/precision.md *.md docs examples
	$(BIN)/codespell *.md docs $(CODE)
	$(BIN)/codespell --dictionary tests/words/words.txt --skip docs/precision.md,docs/schemas *.md docs $(filter-out tests,$(CODE))
	$(BIN)/python -m pytest -q tests/test_import_rules.py tests/test_safety.py tests/test_words.py
	$(BIN)/python -m tests.audit

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): some minutes, once"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[all,dev]' -c constraints.txt
	touch $(STAMP)
