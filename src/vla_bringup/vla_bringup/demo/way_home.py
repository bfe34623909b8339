"""Bringing the arm home between attempts, through the gate like any other command."""

from __future__ import annotations

import time

from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from vla_bringup.demo.homing import homing_trajectory, is_home
from vla_bringup.errors import NotRunningError, RefusedError
from vla_bringup.graph.session import BEST_EFFORT, DISCOVERY_S, RELIABLE, Session, wait_until
from vla_bringup.graph.stack_view import StackView, gate_counts

SETTLE_S = 10.0
MOVE_S = 30.0
PATIENCE_S = 60.0
AGAIN_S = 0.5
MOVING = ("EXECUTING", "STOPPING")


class WayHome:
    """Arms the gate where needed and sends the arm home, again when the gate refused or stopped it on the way."""

    def __init__(self, session: Session, view: StackView) -> None:
        self._session = session
        self._view = view
        self._commands = session.node.create_publisher(JointTrajectory, "vla/joint_command", RELIABLE)
        self._joints: JointState | None = None

    def go(self) -> None:
        """Until the arm is home and at rest. RefusedError with the gate's reason when it does not get there."""
        subscription = self._session.subscribe(JointState, "joint_states", self._on_joints, BEST_EFFORT)
        try:
            self._find()
            deadline = time.monotonic() + PATIENCE_S
            while not self._try():
                if time.monotonic() > deadline:
                    gate = self._view.gate
                    raise RefusedError(f"the arm did not get home; the gate says: {gate.detail if gate else 'nothing'}")
                self._session.wait_for(lambda: False, AGAIN_S)
        finally:
            self._session.dismiss(subscription)

    def wait_for_rest(self) -> None:
        """Until the gate neither executes nor stops."""
        self._session.wait_for(lambda: self._view.gate_state not in MOVING, SETTLE_S)

    def _find(self) -> None:
        self._joints = None
        if not self._session.wait_for(lambda: self._joints is not None, DISCOVERY_S):
            raise NotRunningError("joint_states", DISCOVERY_S)
        if not wait_until(lambda: self._commands.get_subscription_count() > 0, DISCOVERY_S):
            raise NotRunningError("the safety monitor (vla/joint_command)", DISCOVERY_S)

    def _try(self) -> bool:
        """One command home. False when the gate refused it or the arm stopped on the way."""
        self._arm_gate()
        self.wait_for_rest()
        assert self._joints is not None
        if is_home(self._joints):
            return True
        before = gate_counts(self._view.gate)
        self._commands.publish(homing_trajectory(self._joints))
        if not self._session.wait_for(lambda: gate_counts(self._view.gate) != before, SETTLE_S):
            return False
        # Passed: it moves. Refused: it does not, and the wait is over at once.
        self._session.wait_for(lambda: self._view.gate_state not in MOVING, MOVE_S)
        return is_home(self._joints)

    def _arm_gate(self) -> None:
        if self._view.gate is not None and self._view.gate_state not in ("DISARMED", "STOPPED"):
            return
        answer = self._session.call(Trigger, "vla/reset", Trigger.Request())
        if not answer.success:
            raise RefusedError(f"the safety monitor did not arm: {answer.message}")
        if not self._session.wait_for(lambda: self._view.gate_state in ("HOLDING", "EXECUTING"), SETTLE_S):
            raise RefusedError(f"the safety monitor is {self._view.gate_state} after vla/reset")

    def _on_joints(self, message: JointState) -> None:
        self._joints = message
