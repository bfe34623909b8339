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
SAFETY_TESTS := src/vla_core/test/safety src/vla_core/test/test_limits.py src/vla_core/test/test_urdf.py
ARGS ?=
N ?= 1000000
export INSTRUCTION

.PHONY: help setup demo test testpolicy bench faults fuzz crosstest coverage mutants train lint format clean distclean requirements

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup:  ## make the environment: .venv with ROS 2, and install/; quick when nothing changed
	@$(PYTHON) scripts/setup_env.py

demo: setup  ## the arm obeys: INSTRUCTION="grab the blue block" SEED=7 EPISODES=3
	@$(ENV) exec vla demo --seed $(SEED) $(if $(EPISODES),--episodes $(EPISODES)) $(ARGS)

test: setup  ## every test; ARGS="-k name" to choose
	@$(ENV) python -m pytest -n 2 --dist loadgroup $(ARGS)

testpolicy:  ## the tests that need PyTorch, which it installs into .venv-train; ARGS="-k name" to choose
	@$(PYTHON) scripts/setup_env.py --train
	@$(ENV) env -u VIRTUAL_ENV .venv-train/bin/python -m pytest -m train src/vla_policy/test $(ARGS)

bench: setup  ## the benchmarks; results in out/bench
	@$(ENV) python -m bench $(ARGS)

faults: setup  ## one fault after another while the arm moves: time to stop, recovery; ARGS="--repeat 5 NaN" to choose
	@$(ENV) python -m proof.faults $(ARGS)

coverage: setup  ## line and branch coverage of the safety core by its own tests; fails below 100 %
	@$(ENV) python -m pytest -q $(SAFETY_TESTS) --cov=vla_core.safety --cov=vla_core.limits --cov=vla_core.urdf \
		--cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100 $(ARGS)

mutants: setup  ## change the safety core in thousands of small ways; each must fail a test; ARGS="quintic" to choose
	@$(ENV) nice -n 10 python -m proof.mutation $(ARGS)

fuzz: setup  ## generated commands against the gate, judged independently: N=1000000 SEED=0; out/fuzz/report.json
	@$(ENV) python -m proof.fuzz --commands $(N) --seed $(SEED) $(ARGS)

crosstest: setup  ## planner against gate, 200 episodes of the shipped policy in lock-step; out/proof/cross_test.json
	@$(ENV) python -m proof.cross_test $(ARGS)

train:  ## reproduce the shipped policy from nothing, about an hour on 2 cores
	@$(PYTHON) scripts/setup_env.py --train
	@scripts/train.sh $(ARGS)

lint: setup  ## ruff and mypy; hadolint and the compose schema
	@$(ENV) ruff check . && $(ENV) ruff format --check . && $(ENV) python -m mypy
	@$(ENV) hadolint docker/Dockerfile docker/Dockerfile.ros && \
		check-jsonschema --quiet --builtin-schema vendor.compose-spec docker/compose.*.yaml

format: setup  ## let ruff rewrite
	@$(ENV) ruff check --fix . && $(ENV) ruff format .

clean:  ## remove what was built and written; the environment stays
	rm -rf build install log out .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src bench proof -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean  ## remove the environments too
	rm -rf .venv .venv-train

requirements:  ## renew the locked versions (needs uv)
	@scripts/lock.sh
