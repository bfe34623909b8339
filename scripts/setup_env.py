#!/usr/bin/env python3
"""Make everything the suite needs, from nothing: `make setup`.

Four steps, each skipped when its inputs have not changed since it last succeeded: the interpreter and
the system packages are checked, the locked wheels go into ``.venv``, the CMake files of the ROS wheels
are pointed at this interpreter, colcon builds ``src`` into ``install``. Standard library only, and kept
parsable by old interpreters, so that the wrong one gets a reason instead of a syntax error.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TRAIN_VENV = ROOT / ".venv-train"
LOG = ROOT / "log"
LOCKS = ROOT / "requirements"
STARTED = time.monotonic()

sys.path.insert(0, str(Path(__file__).resolve().parent))
import system_packages  # noqa: E402  (beside this script)


class SetupError(Exception):
    """The setup cannot go on; the message says why and what to do."""


def say(text):
    print("[%5.1f s] %s" % (time.monotonic() - STARTED, text), flush=True)


def run(step, command, **options):
    """Run ``command`` with its output in ``log/setup_<step>.log``; show the end of it on failure."""
    LOG.mkdir(exist_ok=True)
    path = LOG / ("setup_%s.log" % step)
    with path.open("wb") as log:
        code = subprocess.call([str(part) for part in command], stdout=log, stderr=subprocess.STDOUT, **options)
    if code != 0:
        tail = path.read_text(errors="replace").splitlines()[-25:]
        raise SetupError("step '%s' failed (exit %d). The end of %s:\n%s" % (step, code, path, "\n".join(tail)))


def digest(paths, extra=""):
    """One hash over the names and contents of ``paths``."""
    total = hashlib.sha256(extra.encode())
    for path in sorted(paths):
        total.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def is_done(stamp, key):
    return stamp.is_file() and stamp.read_text() == key


def install_wheels(venv, lock, env_key):
    """The packages of ``requirements/<lock>.txt`` in ``venv``, every file checked against its hash."""
    key = digest([LOCKS / "build.txt", LOCKS / (lock + ".txt")], env_key)
    stamp = venv / ("stamp_" + lock)
    if is_done(stamp, key):
        return False
    python = venv / "bin" / "python"
    if not venv_matches(venv):
        say("creating %s with Python %s" % (venv.name, sys.version.split()[0]))
        shutil.rmtree(str(venv), ignore_errors=True)
        run("venv", [sys.executable, "-m", "venv", venv])
    # The lock is complete, so nothing is left to resolve. Letting pip resolve would even break: it looks at the newest
    # release of whatever is asked for with an extra (coverage[toml]), which no lock can hold a hash of.
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--require-hashes", "--no-deps"]
    stamp.unlink(missing_ok=True)  # until it has succeeded, nothing is done
    say("installing the locked packages of requirements/%s.txt (about a minute)" % lock)
    # The re-execution of Python that the ROS wheels do at start would be in pip's way while they change.
    env = dict(os.environ, _ROS_WHEELS_BOOTSTRAP_COMPLETE="1")
    if lock == "train":
        install_torch(python, env)
    run("pip_build", pip + ["--only-binary", ":all:", "-r", LOCKS / "build.txt"], env=env)
    # empy is the only package that exists as source alone; setuptools and wheel above build it.
    only = ["--only-binary", ":all:", "--no-binary", "empy", "--no-build-isolation"]
    run("pip_" + lock, pip + only + ["-r", LOCKS / (lock + ".txt")], env=env)
    run("pip_check", [python, "-m", "pip", "check"], env=env)  # what resolving would have found: a lock with a gap
    if lock == "product":
        rewrite_cmake(venv)  # before the stamp, or an interruption between the two would leave it undone for ever
    stamp.write_text(key)
    return True


def install_torch(python, env):
    """PyTorch first and by itself, so that nothing later can draw in a build with CUDA."""
    version = (LOCKS / "torch.in").read_text().strip().splitlines()[-1]
    say("installing %s" % version)
    run("pip_torch", [python, "-m", "pip", "install", "--disable-pip-version-check", version], env=env)


def venv_matches(venv):
    """Whether ``venv`` exists and was made by an interpreter of this version."""
    config = venv / "pyvenv.cfg"
    return config.is_file() and ("version = %d.%d.%d\n" % sys.version_info[:3]) in config.read_text()


def rewrite_cmake(venv):
    """Replace the build machine's Python and numpy include folders in the ROS wheels' CMake files."""
    probe = "import sysconfig, numpy; print(sysconfig.get_paths()['include']); print(numpy.get_include())"
    env = dict(os.environ, _ROS_WHEELS_BOOTSTRAP_COMPLETE="1")
    out = subprocess.check_output([str(venv / "bin" / "python"), "-c", probe], env=env)
    python_include, numpy_include = out.decode().split("\n")[:2]
    tag = "cp%d%d" % sys.version_info[:2]
    built_at = "/opt/python/%s-%s/" % (tag, tag)
    name = "python%d.%d" % sys.version_info[:2]
    swaps = [
        (built_at + "lib/%s/site-packages/numpy/_core/include" % name, numpy_include),
        (built_at + "include/" + name, python_include),
    ]
    count = 0
    for path in (venv / "share").rglob("*.cmake"):
        text = path.read_text()
        fixed = text
        for old, new in swaps:
            fixed = fixed.replace(old, new)
        if fixed != text:
            path.write_text(fixed)
            count += 1
    say("pointed %d CMake files of the ROS wheels at this interpreter" % count)


def build_key():
    """What a colcon build depends on. Python modules are linked, not copied, so their text does not count."""
    src = ROOT / "src"
    texts = [p for p in (src / "vla_msgs").rglob("*") if p.is_file()]
    for pattern in ("*/package.xml", "*/setup.py", "*/setup.cfg"):
        texts += src.glob(pattern)
    data = [p for d in ("assets", "config", "launch", "worlds", "policies") for p in src.glob("*/**/" + d + "/**/*")]
    names = sorted(str(p.relative_to(ROOT)) for p in data if p.is_file() and "__pycache__" not in p.parts)
    return digest(texts, "\n".join(names))


def colcon_build(env_key):
    key = hashlib.sha256((build_key() + env_key).encode()).hexdigest()
    stamp = ROOT / "install" / ".stamp"
    if is_done(stamp, key):
        return False
    stamp.unlink(missing_ok=True)
    say("building the packages with colcon (about half a minute for the messages)")
    env = dict(os.environ)
    env["PATH"] = "%s:%s" % (VENV / "bin", env.get("PATH", ""))
    env["AMENT_PREFIX_PATH"] = env["CMAKE_PREFIX_PATH"] = str(VENV)
    env.pop("PYTHONPATH", None)
    env.pop("_ROS_WHEELS_BOOTSTRAP_COMPLETE", None)
    command = [VENV / "bin" / "colcon", "--log-base", LOG / "colcon", "build", "--symlink-install"]
    command += ["--base-paths", "src", "--cmake-args", "-DPython3_EXECUTABLE=%s" % (VENV / "bin" / "python")]
    command += ["-DCMAKE_BUILD_TYPE=Release", "-DBUILD_TESTING=OFF", "-Wno-dev"]
    run("colcon", command, cwd=str(ROOT), env=env)
    stamp.write_text(key)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", action="store_true", help="also make .venv-train, with PyTorch, for `make train`")
    parser.add_argument(
        "--image",
        metavar="LOCK",
        help="for container images: in the place of .venv one with requirements/LOCK.txt alone; needs install/",
    )
    arguments = parser.parse_args()
    try:
        system_packages.check_interpreter()
        system_packages.ensure(say)
        LOG.mkdir(exist_ok=True)
        guard = (LOG / "setup.lock").open("w")
        fcntl.flock(guard, fcntl.LOCK_EX)  # a second setup waits; released when the process ends
        env_key = sys.version
        if arguments.image:
            shutil.rmtree(str(VENV), ignore_errors=True)
            install_wheels(VENV, arguments.image, env_key)
            say("ready: .venv holds requirements/%s.txt" % arguments.image)
            return
        changed = install_wheels(VENV, "product", env_key)
        changed = colcon_build(env_key) or changed
        if arguments.train:
            changed = install_wheels(TRAIN_VENV, "train", env_key) or changed
    except (SetupError, system_packages.SystemPackagesError) as error:
        sys.exit("setup: %s" % error)
    say("ready" if changed else "nothing to do: the environment is up to date")


if __name__ == "__main__":
    main()
