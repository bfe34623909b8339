"""Starts sim_node as a process and talks to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile

DEADLINE_S = 90.0


def start_sim_node(log: Path, *parameters: str, namespace: str = "/") -> subprocess.Popen[bytes]:
    """A sim_node with ``name:=value`` parameters, its output in ``log``."""
    arguments = [word for parameter in parameters for word in ("-p", parameter)]
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "vla_sim.sim_node", "--ros-args", "-r", f"__ns:={namespace}", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(os.environ),
        )


def end(process: subprocess.Popen[bytes]) -> int:
    """Interrupt ``process`` and wait for its exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        return process.wait(DEADLINE_S)
    finally:
        process.kill()


class Client:
    """A node that listens and waits for events, with one generous deadline."""

    def __init__(self) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = Node("sim_client", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)

    def listen(self, kind: type, topic: str, qos: QoSProfile) -> list:
        """The messages on ``topic`` from now on."""
        messages: list = []
        self.node.create_subscription(kind, topic, messages.append, qos)
        return messages

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Spin until ``condition``."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            self._executor.spin_once(timeout_sec=0.1)

    def call(self, client, request):
        """The response of a service."""
        self.wait(client.service_is_ready, client.srv_name)
        future = client.call_async(request)
        self.wait(future.done, f"the answer of {client.srv_name}")
        return future.result()

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


@pytest.fixture(scope="module")
def graph(_ros_domain_lock: int) -> Iterator[None]:
    """The ROS domain of this test process, for fixtures that live as long as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_DOMAIN_ID", str(_ros_domain_lock))
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        yield


@pytest.fixture(scope="module")
def client(graph: None) -> Iterator[Client]:
    made = Client()
    yield made
    made.close()
