#!/usr/bin/env python3
"""Take out of an environment what only compiling against it, testing it or adding to it needs: for container images.

    python3 scripts/slim_venv.py .venv

Wheels hold no links, so that libraries come two or three times, once for each of their names; each stays once, under
all of its names. Standard library only.
"""

import hashlib
import os
import shutil
import sys
from pathlib import Path

FOLDERS = (
    "include",
    "lib/cmake",
    "lib/pkgconfig",
    "share/*/cmake",
    "lib/python3.*/site-packages/pip",
    "lib/python3.*/site-packages/pip-*.dist-info",
    "lib/python3.*/site-packages/wheel",
    "lib/python3.*/site-packages/wheel-*.dist-info",
    "lib/python3.*/site-packages/cmeel.prefix/include",
    "lib/python3.*/site-packages/cmeel.prefix/lib/cmake",
    "lib/python3.*/site-packages/cmeel.prefix/lib/pkgconfig",
    "lib/python3.*/site-packages/numpy/**/tests",
    "lib/python3.*/site-packages/scipy/**/tests",
    "lib/python3.*/site-packages/torch/include",
)
FILES = ("bin/pip*", "bin/wheel", "**/*.a", "**/*.pyi")
LINK_ABOVE_BYTES = 4096


def slim(venv):
    """Shrink the environment at ``venv``; the bytes that went, by what went."""
    removed = 0
    for pattern in FOLDERS:
        for folder in sorted(venv.glob(pattern)):
            if folder.is_dir() and not folder.is_symlink():
                removed += size(folder)
                shutil.rmtree(str(folder))
    for pattern in FILES:
        for path in sorted(venv.glob(pattern)):
            if path.is_file() and not path.is_symlink():
                removed += path.stat().st_size
                path.unlink()
    return {"removed": removed, "linked": link_duplicates(venv)}


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def link_duplicates(folder):
    """Make files of the same content and mode one file with several names; the bytes saved."""
    same_size = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size >= LINK_ABOVE_BYTES:
            same_size.setdefault((path.stat().st_size, path.stat().st_mode), []).append(path)
    saved = 0
    for (length, _), paths in same_size.items():
        first = {}
        for path in paths if len(paths) > 1 else ():
            original = first.setdefault(hashlib.sha256(path.read_bytes()).digest(), path)
            if original is path or original.samefile(path):
                continue
            spare = path.with_name(path.name + ".link")
            os.link(str(original), str(spare))
            os.replace(str(spare), str(path))  # at no moment is the name missing
            saved += length
    return saved


def main():
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "pyvenv.cfg").is_file():
        sys.exit("slim_venv: name one environment (a folder with pyvenv.cfg), as in: slim_venv.py .venv")
    for what, saved in slim(Path(sys.argv[1])).items():
        print("slim_venv: %s %.0f MB" % (what, saved / 1e6))


if __name__ == "__main__":
    main()
