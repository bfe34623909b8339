"""``python -m proof.cross_test``; see ``run``. Apart from it, because worker processes cannot import a ``__main__``."""

import sys

from proof.cross_test.run import main

if __name__ == "__main__":
    sys.exit(main())
