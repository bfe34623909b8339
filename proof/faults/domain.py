"""A ROS domain of one's own, so that a run meets neither a running stack nor another run."""

from __future__ import annotations

import fcntl
from typing import IO

from vla_bringup.stack.supervisor import lock_file
from vla_core.errors import VlaError

DOMAINS = range(20, 40)


def claim(domain: int | None) -> tuple[int, IO[str] | None]:
    """``domain`` as it is, or when None the first free one, with the lock that keeps it so while it is open.

    Raises:
        VlaError: all are taken.
    """
    if domain is not None:
        return domain, None
    for free in DOMAINS:
        # The lock of ``vla up``: neither starts in the domain of the other.
        handle = lock_file(free).open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            continue
        return free, handle
    raise VlaError(f"ROS_DOMAIN_ID {DOMAINS.start} to {DOMAINS.stop - 1} are all taken by running stacks; name another")
