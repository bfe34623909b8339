#!/usr/bin/env bash
# Runs a command in the environment of the suite, in the place of this shell: signals reach the command itself.
set -e
source /opt/vla/scripts/env.sh
exec "$@"
