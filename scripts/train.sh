#!/usr/bin/env bash
# Reproduce the shipped policy in .venv-train (made by `make train`): expert data, cloning, corrections, export.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONPATH="$PWD/src/vla_core:$PWD/src/vla_sim:$PWD/src/vla_policy" MUJOCO_GL="${MUJOCO_GL:-egl}"
exec .venv-train/bin/python -m vla_policy.training.pipeline "$@"
