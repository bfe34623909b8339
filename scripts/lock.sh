#!/usr/bin/env bash
# Renew requirements/*.txt from requirements/*.in (needs uv): exact versions and hashes for CPython 3.11 to 3.13 on
# x86-64 Linux. The marker that is the same on every line is taken out again, for readability.
set -euo pipefail
cd "$(dirname "$0")/../requirements"
for lock in build product train; do
    extra=()
    # PyTorch is installed before the lock is, so neither it nor what only its CUDA build needs may be in there.
    if [ "$lock" = train ]; then extra=(--no-emit-package torch --no-emit-package triton); fi
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate "${extra[@]}" \
        --custom-compile-command "make requirements" "$lock.in" -o "$lock.txt"
    sed -i -E "s/ and implementation_name == 'cpython'//; s/ and platform_machine == 'x86_64'//; \
s/ and platform_python_implementation != 'PyPy'//; s/ and sys_platform == 'linux'//; s/ ; python_full_version < '3.14'//; \
s/ and python_full_version < '3.14'//" "$lock.txt"
    if grep -E '^(nvidia|cuda|triton)' "$lock.txt"; then echo "CUDA packages in $lock.txt" >&2; exit 1; fi
done
