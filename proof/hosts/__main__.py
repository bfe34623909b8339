"""``python -m proof.hosts [NAME …]``."""

from __future__ import annotations

import sys

from proof.hosts.cli import main

if __name__ == "__main__":
    sys.exit(main())
