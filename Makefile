# Everything a newcomer needs: `make demo`. Everything a change needs: `make lint test`.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# The newest interpreter that the ROS 2 wheels exist for; python3 first, so that your default wins where it can.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done \
	|| echo python3)
ENV := source scripts/env.sh &&

SEED ?= 0
EPISODES ?=
INSTRUCTION ?=
ARGS ?=
export INSTRUCTION

.PHONY: help setup demo test bench faults train lint format clean distclean requirements

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup:  ## make the environment: .venv with ROS 2, and install/; quick when nothing changed
	@$(PYTHON) scripts/setup_env.py

demo: setup  ## the arm obeys: INSTRUCTION="grab the blue block" SEED=7 EPISODES=3
	@$(ENV) exec vla demo --seed $(SEED) $(if $(EPISODES),--episodes $(EPISODES)) $(ARGS)

test: setup  ## every test; ARGS="-k name" to choose
	@$(ENV) python -m pytest -n 2 --dist loadgroup $(ARGS)

bench: setup  ## the benchmarks; results in out/bench
	@$(ENV) python -m bench $(ARGS)

faults: setup  ## one fault after another while the arm moves: time to stop, recovery; ARGS="--repeat 5 NaN" to choose
	@$(ENV) python -m proof.faults $(ARGS)

train:  ## reproduce the shipped policy from nothing, about an hour on 2 cores
	@$(PYTHON) scripts/setup_env.py --train
	@scripts/train.sh $(ARGS)

lint: setup  ## ruff and mypy
	@$(ENV) ruff check . && $(ENV) ruff format --check . && $(ENV) python -m mypy

format: setup  ## let ruff rewrite
	@$(ENV) ruff check --fix . && $(ENV) ruff format .

clean:  ## remove what was built and written; the environment stays
	rm -rf build install log out .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src bench proof -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean  ## remove the environments too
	rm -rf .venv .venv-train

requirements:  ## renew the locked versions (needs uv)
	@scripts/lock.sh
