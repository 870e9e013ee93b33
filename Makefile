# Every target sets up what it needs; running it again installs nothing again.

PYTHON ?=
WITH_OPS ?= 0
ARGS ?=
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install test faults gpu demo reproduce lint format docs clean

help: ## Show this help
	@echo 'Targets of wwt_mm:'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) \
		| awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

install: ## Set up .venv (WITH_OPS=1: with compiled mmcv ops; PYTHON=python3.12)
	@PYTHON='$(PYTHON)' WITH_OPS='$(WITH_OPS)' tools/install.sh

# More threads than one for each of the two workers would only contend for the cores.
test: export OMP_NUM_THREADS ?= 1
test: install ## Run the tests (ARGS='tests/test_compat.py -k ops')
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

faults: export OMP_NUM_THREADS ?= 1
faults: install ## Run the long tests of faults and load, half an hour
	@$(BIN)/python -m pytest -m slow_faults tests/faults $(ARGS)

gpu: install ## What a GPU does with it, in 9 minutes (ARGS='--device cpu' rehearses)
	@$(BIN)/python tools/analysis_tools/check_gpu.py $(ARGS)

demo: install ## From nothing to a page of pictures, in 10 minutes
	@$(BIN)/python tools/demo.py $(ARGS)

reproduce: install ## Measure the paper's claims, renew docs/reproduction.md (ARGS='photos ...')
	@$(BIN)/python tools/reproduce.py --report docs $(ARGS)

lint: install ## Check style, and types where it is worth it
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/basedpyright

format: install ## Correct what of the style can be corrected by itself
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

docs: install ## Build the documentation as a site, build/docs/index.html
	@$(BIN)/python -m mkdocs build --quiet && echo 'Open build/docs/index.html'

clean: ## Remove .venv, caches and build leftovers
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
