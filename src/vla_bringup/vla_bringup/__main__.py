"""``python -m vla_bringup``: the same as the ``vla`` command."""

from vla_bringup.cli import main

if __name__ == "__main__":
    main()
