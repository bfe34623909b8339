"""Fixtures for every test of the repository."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

# The conformance suites live in the package; without this a failing assert in them shows no values.
pytest.register_assert_rewrite("vla_core.testing")

# One at 96x96 per test process is plenty; more threads only fight for the cores.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MUJOCO_GL", "egl")

# Domain ids up to 101 have their ports below the ephemeral range on Linux. 0 to 39 stay free for people.
DOMAINS = range(40, 102)


def _claim_domain() -> tuple[int, IO[str]]:
    """A domain id nobody else on this machine holds, with the file lock that says so."""
    folder = Path(tempfile.gettempdir()) / f"vla_ros_domains_{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for domain in DOMAINS:
        handle = (folder / f"{domain}.lock").open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            continue
        return domain, handle
    raise RuntimeError(f"all ROS domain ids in {DOMAINS} are taken by other test runs")


@pytest.fixture(scope="session")
def _ros_domain_lock() -> Iterator[int]:
    domain, handle = _claim_domain()
    with handle:
        yield domain


@pytest.fixture
def ros_domain(_ros_domain_lock: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """A ROS domain id of this test process alone, set in the environment together with the LOCALHOST range.

    Take it before ``rclpy.init`` and before starting any node as a process.
    """
    monkeypatch.setenv("ROS_DOMAIN_ID", str(_ros_domain_lock))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    return _ros_domain_lock


def pytest_collection_modifyitems(config, items):
    """A test on a live graph that fails is tried twice more, and counted as rerun in the summary.

    Real processes on loaded cores may lose a message or a deadline; a test that fails three times has found something.
    """
    if config.pluginmanager.hasplugin("rerunfailures"):
        for item in items:
            if item.get_closest_marker("ros"):
                item.add_marker(pytest.mark.flaky(reruns=2))
