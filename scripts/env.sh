# The environment of the suite, for bash and zsh:  source scripts/env.sh
# After it `python`, `vla`, `colcon` and every node are at hand. Sourcing it twice changes nothing.

if [ -n "${BASH_SOURCE:-}" ]; then _vla_file="${BASH_SOURCE[0]}"; else _vla_file="${(%):-%x}"; fi
VLA_ROOT="$(cd "$(dirname "$_vla_file")/.." && pwd)"
unset _vla_file

if [ ! -f "$VLA_ROOT/.venv/bin/python" ] || [ ! -f "$VLA_ROOT/install/setup.sh" ]; then
    echo "The environment does not exist yet. Make it with:  make -C $VLA_ROOT setup" >&2
    return 1 2>/dev/null || exit 1
fi

# Puts $2 in front of the path list named $1, once.
_vla_prepend() {
    eval "_vla_list=\${$1:-}"
    case ":$_vla_list:" in
        *":$2:"*) ;;
        *) eval "export $1=\"$2\${_vla_list:+:\$_vla_list}\"" ;;
    esac
}

export VLA_ROOT
export VIRTUAL_ENV="$VLA_ROOT/.venv"
_vla_prepend PATH "$VIRTUAL_ENV/bin"
_vla_prepend PATH "$VLA_ROOT/scripts/bin"
_vla_prepend AMENT_PREFIX_PATH "$VIRTUAL_ENV"
_vla_prepend CMAKE_PREFIX_PATH "$VIRTUAL_ENV"

# The ROS wheels start Python twice to set the library path; with it set here they start it once.
for _vla_dir in "$VIRTUAL_ENV"/lib "$VIRTUAL_ENV"/lib/python3.*/site-packages/ros_*.libs; do
    if [ -d "$_vla_dir" ]; then _vla_prepend LD_LIBRARY_PATH "$_vla_dir"; fi
done
export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1

case ":$AMENT_PREFIX_PATH:" in
    *":$VLA_ROOT/install/vla_bringup:"*) ;;
    *) COLCON_CURRENT_PREFIX="$VLA_ROOT/install" . "$VLA_ROOT/install/local_setup.sh" ;;
esac

# The simulated arm stays on this machine unless you say otherwise.
export ROS_AUTOMATIC_DISCOVERY_RANGE="${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}"
# Camera images whole through shared memory; in pieces over UDP many are lost.
export FASTRTPS_DEFAULT_PROFILES_FILE="${FASTRTPS_DEFAULT_PROFILES_FILE:-$VLA_ROOT/src/vla_bringup/config/fastdds.xml}"
# Cameras are rendered without a display.
export MUJOCO_GL="${MUJOCO_GL:-egl}"

unset -f _vla_prepend
unset _vla_list _vla_dir
