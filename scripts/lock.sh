#!/usr/bin/env bash
# Renew requirements/*.txt from requirements/*.in (needs uv): exact versions and hashes for CPython 3.11 to 3.13 on
# x86-64 Linux. The marker that is the same on every line is taken out again, for readability.
set -euo pipefail
cd "$(dirname "$0")/../requirements"
compile() {  # LOCK [options]
    uv pip compile --quiet --universal --python-version "${LOWEST:-3.11}" --generate-hashes --no-annotate "${@:2}" \
        --custom-compile-command "make requirements" "$1.in" -o "$1.txt"
    sed -i -E "s/ and implementation_name == 'cpython'//; s/ and platform_machine == 'x86_64'//; \
s/ and platform_python_implementation != 'PyPy'//; s/ and sys_platform == 'linux'//; s/ ; python_full_version < '3.14'//; \
s/ and python_full_version < '3.14'//" "$1.txt"
}

compile build
compile product
compile image
LOWEST=3.12 compile image_ros --no-emit-package numpy  # Ubuntu 24.04
# PyTorch is installed before the training lock is, so neither it nor what only its CUDA build needs may be in there.
compile train
drop=()
for name in $(grep -oE '^(torch|triton|nvidia|cuda)[a-z0-9-]*' train.txt | sort -u); do drop+=(--no-emit-package "$name"); done
compile train "${drop[@]}"
compile image_gpu --no-emit-package onnxruntime
