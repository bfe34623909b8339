"""``python -m proof.faults [NAME …]``."""

from __future__ import annotations

import sys

from proof.faults.cli import main

if __name__ == "__main__":
    sys.exit(main())
