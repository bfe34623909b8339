#!/usr/bin/env bash
# Runs a command in the environment of ROS 2 and of the suite, in the place of this shell: signals reach the command itself.
set -e
source "/opt/ros/$ROS_DISTRO/setup.bash"
source /opt/vla/.venv/bin/activate
source /opt/vla/install/setup.bash
exec "$@"
