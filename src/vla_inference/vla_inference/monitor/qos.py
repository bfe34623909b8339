"""Quality of service of robot commands."""

from __future__ import annotations

from rclpy.duration import Duration
from rclpy.qos import QoSProfile

# A command counts from its arrival: one that a broken link held back must not arrive at all.
COMMANDS = QoSProfile(depth=1, lifespan=Duration(seconds=0.1))
