"""What `make setup` needs from the machine itself: the interpreter, the compiler, CMake, EGL."""

import ctypes
import ctypes.util
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

FULL_ROS = (
    "On other machines use a full ROS 2 installation (Jazzy or newer): the same sources build there with rosdep and "
    "colcon, see docs/full_ros.md."
)


class SystemPackagesError(Exception):
    """The machine lacks something; the message says what and how to get it."""


def check_interpreter():
    """Refuse an interpreter or a machine that the ROS 2 wheels do not exist for."""
    version = "%d.%d" % sys.version_info[:2]
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise SystemPackagesError(
            "Python %s has no ROS 2 Jazzy wheels in the locked set; Python 3.11, 3.12 or 3.13 has. Install one and "
            "name it: make setup PYTHON=python3.12. %s" % (version, FULL_ROS)
        )
    if platform.python_implementation() != "CPython":
        raise SystemPackagesError(
            "%s cannot load the ROS 2 wheels, which are for CPython." % platform.python_implementation()
        )
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise SystemPackagesError(
            "There are no ROS 2 wheels for %s on %s: they exist for Linux on x86-64 alone. %s"
            % (sys.platform, platform.machine(), FULL_ROS)
        )
    libc, release = platform.libc_ver()
    if libc != "glibc" or tuple(int(part) for part in release.split(".")[:2]) < (2, 28):
        raise SystemPackagesError("The wheels need glibc 2.28 or newer, this is %s %s. %s" % (libc, release, FULL_ROS))


def loads(library):
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def has_mesa():
    """Whether a software driver for EGL is there, so that cameras render without a GPU."""
    folders = ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib")
    names = ("dri/swrast_dri.so", "dri/kms_swrast_dri.so", "libgallium-*.so", "libEGL_nvidia.so.0")
    return any(next(Path(folder).glob(name), None) for folder in folders if Path(folder).is_dir() for name in names)


def missing():
    """Debian and Ubuntu names of the packages that are not there."""
    needed = []
    if not (shutil.which("cc") and shutil.which("c++")):
        needed.append("build-essential")
    if not shutil.which("cmake"):
        needed.append("cmake")
    if not shutil.which("make"):
        needed.append("make")
    # Debian's own interpreter comes without pip for new environments and without headers.
    if importlib.util.find_spec("ensurepip") is None:
        needed.append("python%d.%d-venv" % sys.version_info[:2])
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        needed.append("python%d.%d-dev" % sys.version_info[:2])
    for library, package in (("libEGL.so.1", "libegl1"), ("libGL.so.1", "libgl1"), ("libOpenGL.so.0", "libopengl0")):
        if not loads(library):
            needed.append(package)
    if not has_mesa():
        needed.append("libgl1-mesa-dri")
    return needed


def ensure(say):
    """Install what is missing when that needs no password; else say the exact command and stop.

    Raises:
        SystemPackagesError: something is missing and cannot be installed from here.
    """
    packages = missing()
    if not packages:
        return
    say("missing on this system: %s" % " ".join(packages))
    install = ["apt-get", "install", "-y", "--no-install-recommends"] + packages
    as_user = "sudo apt-get update && sudo " + " ".join(install)
    prefix = privileges()
    if prefix is None or shutil.which("apt-get") is None:
        raise SystemPackagesError("system packages are missing. Install them, then run this again:\n\n    %s" % as_user)
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (["apt-get", "update"], install):
        say("%s" % " ".join(prefix + command))
        result = subprocess.run(
            prefix + command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if result.returncode != 0:
            end = "\n".join(result.stdout.decode(errors="replace").splitlines()[-15:])
            raise SystemPackagesError("%s failed:\n%s\nBy hand:\n\n    %s" % (" ".join(command), end, as_user))
    importlib.invalidate_caches()
    if missing():
        raise SystemPackagesError("still missing after installation: %s" % " ".join(missing()))


def privileges():
    """How to run as root without a password: ``[]`` as root, ``["sudo", "-n"]``, or None."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.call([sudo, "-n", "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
        return ["sudo", "-n"]
    return None
