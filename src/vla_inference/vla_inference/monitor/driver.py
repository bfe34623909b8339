"""What the node needs of a robot's gate, whether it moves an arm or a base."""

from __future__ import annotations

from typing import Protocol

from rclpy.subscription import Subscription

from vla_core.safety.clock import Now
from vla_core.safety.decision import Verdict
from vla_core.safety.status import Status


class Driver(Protocol):
    """A gate with its topics."""

    subscriptions: list[Subscription]
    command_topics: list[str]

    def tick(self, now: Now) -> None:
        """One command period: decide and publish."""
        ...

    def press(self, pressed: bool) -> None:
        """The operator's button."""
        ...

    def stop(self, verdict: Verdict) -> None:
        """Latch a stop and brake."""
        ...

    def reset(self, now: Now) -> str:
        """Arm; returns why not, empty when armed."""
        ...

    def disarm(self) -> None:
        """Brake, and accept nothing until the next reset."""
        ...

    def moving(self, now: Now) -> bool:
        """Whether it is not at rest."""
        ...

    def status(self) -> Status:
        """Snapshot."""
        ...

    def destroy(self) -> None:
        """Take the topics down."""
        ...
