"""What a robot's gate has in common with its topics, whether it moves an arm or a base."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from rclpy.node import Node
from rclpy.subscription import Subscription

from vla_core.safety.clock import Now
from vla_core.safety.decision import Verdict
from vla_core.safety.status import Status
from vla_inference.monitor.latency import LatencyLog


class Gate(Protocol):
    """What the gates of arms and bases share; see ``Driver`` for what each method does."""

    def press(self, pressed: bool) -> None: ...
    def stop(self, verdict: Verdict) -> None: ...
    def reset(self, now: Now) -> str: ...
    def disarm(self) -> None: ...
    def moving(self, now: Now) -> bool: ...
    def status(self) -> Status: ...


class Publisher(Protocol):
    """Whatever publishes the gate's commands."""

    def destroy(self) -> None: ...


GateT = TypeVar("GateT", bound=Gate)
PublisherT = TypeVar("PublisherT", bound=Publisher)


class Driver(ABC, Generic[GateT, PublisherT]):
    """A gate with its topics. ``changed``: called, on any thread, when what ``status`` says has changed.

    subscriptions: filled by the robot's own driver, served by FastInput. command_topics: those that it publishes.
    """

    def __init__(
        self,
        node: Node,
        gate: GateT,
        publisher: PublisherT,
        now: Callable[[], Now],
        latency: LatencyLog,
        changed: Callable[[], None],
    ) -> None:
        self._node, self._gate, self._publisher = node, gate, publisher
        self._now, self._latency, self._changed = now, latency, changed
        self._seen: tuple[object, ...] = ()
        self.subscriptions: list[Subscription] = []
        self.command_topics: list[str] = []

    @abstractmethod
    def tick(self, now: Now) -> None:
        """One command period: decide and publish."""

    def press(self, pressed: bool) -> None:
        """The operator's button."""
        self._gate.press(pressed)

    def stop(self, verdict: Verdict) -> None:
        """Latch a stop and brake."""
        self._gate.stop(verdict)

    def reset(self, now: Now) -> str:
        """Arm; returns why not, empty when armed."""
        return self._gate.reset(now)

    def disarm(self) -> None:
        """Brake, and accept nothing until the next reset."""
        self._gate.disarm()

    def moving(self, now: Now) -> bool:
        """Whether it is not at rest: for an arm what is committed, for a base what is commanded."""
        return self._gate.moving(now)

    def status(self) -> Status:
        """Snapshot."""
        return self._gate.status()

    def destroy(self) -> None:
        """Take the topics down."""
        for subscription in self.subscriptions:
            self._node.destroy_subscription(subscription)
        self._publisher.destroy()

    def _report(self) -> None:
        """Wake the reporter when what it reports has changed."""
        status = self._gate.status()
        seen = (status.state, status.verdict.decision, status.verdict.reason, status.trace, status.e_stop)
        if seen != self._seen:
            self._seen = seen
            self._changed()
