"""The safety monitor as a lifecycle node."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.subscription import Subscription
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from vla_core.errors import VlaError
from vla_core.safety.clock import Now
from vla_core.safety.decision import Decision, Verdict
from vla_core.safety.latch import emergency
from vla_core.safety.status import State, Status
from vla_inference.lifecycle import answer_impossible_transitions
from vla_inference.monitor import parameters as monitor_parameters
from vla_inference.monitor.arm_driver import ArmDriver
from vla_inference.monitor.base_driver import BaseDriver, twist_config
from vla_inference.monitor.driver import Driver
from vla_inference.monitor.fast_input import FastInput, WithoutExecutor, borrow_clock
from vla_inference.monitor.graph_guard import GraphGuard
from vla_inference.monitor.latency import LatencyLog
from vla_inference.monitor.pacer import Pacer
from vla_inference.monitor.reporter import Reporter
from vla_inference.monitor.robot_model import describe, gate_config

REST_TIMEOUT_S = 5.0


class SafetyMonitor(LifecycleNode):
    """Trusts nobody, and decides what reaches the motors. Starts disarmed and silent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("safety_monitor", **kwargs)
        answer_impossible_transitions(self)
        monitor_parameters.declare(self)
        self._values = monitor_parameters.values(self)
        self._group = WithoutExecutor()
        self._latency = LatencyLog()
        self._driver: Driver[Any, Any] | None = None
        self._guard: GraphGuard | None = None
        self._inputs: list[FastInput] = []
        self._pacer: Pacer | None = None
        self._reporter: Reporter | None = None
        self._e_stops: list[Subscription] = []
        self._triggers: list[Any] = []
        self._give_clock_back: Callable[[], None] = lambda: None

    # --- lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load robot and limits, check the promise, create the topics."""
        try:
            monitor_parameters.refuse_unknown(self)
            self._reporter = Reporter(self, self._status, self._latency, self._watch, self._counters)
            self._driver = self._make_driver(self._reporter.changed)
        except VlaError as error:
            self.get_logger().error(f"cannot configure: {error}")
            self._take_down()
            return TransitionCallbackReturn.FAILURE
        self._guard = GraphGuard(self, self._driver.command_topics)
        # Twice: latched hears a stop from before this node was there, volatile hears publishers that do not latch, of
        # which the other need not warn.
        self._e_stops = [
            self.create_subscription(
                Bool,
                "vla/e_stop",
                self._on_e_stop,
                QoSProfile(depth=1, durability=kind),
                callback_group=self._group,
                event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=warns),
            )
            for kind, warns in ((DurabilityPolicy.TRANSIENT_LOCAL, False), (DurabilityPolicy.VOLATILE, True))
        ]
        self._triggers = [
            self.create_service(Trigger, "vla/emergency_stop", self._on_emergency_stop),
            self.create_service(Trigger, "vla/reset", self._on_reset),
        ]
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Listen, stream, report; still disarmed."""
        assert self._driver is not None and self._reporter is not None
        clock, self._give_clock_back = borrow_clock(self, self._group)
        # Two threads: a stop must not wait until a plan has been checked.
        groups = ([*self._driver.subscriptions, *clock], self._e_stops)
        self._inputs = [FastInput(self, subscriptions, self._failed) for subscriptions in groups]
        self._pacer = Pacer(round(1e9 / self._values["rate_hz"]), self._tick, self._failed)
        for part in self._inputs:
            part.start()
        self._pacer.start()
        self._reporter.start()
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Come to rest on the streaming thread, then be silent."""
        self.come_to_rest()
        self._silence()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take everything down."""
        self._take_down()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Come to rest, then take everything down."""
        return TransitionCallbackReturn.SUCCESS if self.finish() else TransitionCallbackReturn.ERROR

    def come_to_rest(self) -> bool:
        """Brake on the streaming thread and wait for rest; False when it did not come in time."""
        if self._driver is None or self._pacer is None:
            return True
        self._driver.disarm()
        deadline = time.monotonic() + REST_TIMEOUT_S
        while self._driver.moving(self._now()):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def finish(self) -> bool:
        """The end of the process: come to rest, be silent, take everything down. False when rest did not come."""
        rested = self.come_to_rest()
        self._silence()
        self._take_down()
        return rested

    def _make_driver(self, changed: Callable[[], None]) -> Driver[Any, Any]:
        arguments = (self._values, self._group, self._now, self._latency, changed)
        if self._values["robot"] == "arm":
            config = gate_config(describe(self, self._values), self._values)
            if config.collision is None:
                self.get_logger().warning(
                    "no workspace_file: nothing keeps the arm from itself and from what is around"
                )
            return ArmDriver(self, config, *arguments)
        if self._values["robot"] == "base":
            return BaseDriver(self, twist_config(self._values), *arguments)
        raise VlaError(f"robot is {self._values['robot']!r}; valid: 'arm', 'base'")

    def _silence(self) -> None:
        for part in (*self._inputs, self._pacer, self._reporter):
            if part is not None:
                part.stop()
        self._inputs, self._pacer = [], None
        self._give_clock_back()

    def _take_down(self) -> None:
        if self._driver is not None:
            self._driver.destroy()
        if self._reporter is not None:
            self._reporter.destroy()
        for subscription in self._e_stops:
            self.destroy_subscription(subscription)
        for service in self._triggers:
            self.destroy_service(service)
        self._triggers, self._e_stops, self._driver, self._reporter = [], [], None, None

    def _now(self) -> Now:
        return Now(time.monotonic_ns(), self.get_clock().now().nanoseconds)

    # --- threads and callbacks

    def _tick(self) -> None:
        assert self._driver is not None
        self._driver.tick(self._now())

    def _failed(self, error: Exception) -> None:
        """A bug in the monitor: stop, and say so."""
        self.get_logger().error(f"internal failure, stopping: {error!r}")
        if self._driver is not None:
            detail = f"the monitor failed: {error!r}; report it, then reset"
            self._driver.stop(Verdict(Decision.STOP, "internal", "internal_error", detail))

    def _watch(self) -> None:
        verdict = None if self._guard is None else self._guard.check()
        if verdict is not None and self._driver is not None and self._driver.status().state is not State.STOPPED:
            self._driver.stop(verdict)
            if self._reporter is not None:
                self._reporter.changed()

    def _status(self) -> Status | None:
        return None if self._driver is None else self._driver.status()

    def _counters(self) -> dict[str, object]:
        pacer = self._pacer
        return {} if pacer is None else {"ticks": pacer.ticks, "missed_ticks": pacer.missed}

    def _on_e_stop(self, message: Bool) -> None:
        if self._driver is not None:
            self._driver.press(bool(message.data))
            self._tell()

    def _tell(self) -> None:
        """An operator hears at once that the stop was understood, not with the next command period."""
        if self._reporter is not None:
            self._reporter.changed()

    def _on_emergency_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        assert self._driver is not None
        self._driver.stop(emergency("the service vla/emergency_stop was called"))
        self._tell()
        response.success, response.message = True, "stopped; vla/reset arms again"
        return response

    def _objection(self) -> str:
        """What the graph has against arming; empty: nothing."""
        if self._guard is None:
            return ""
        other = self._guard.check()
        return other.detail if other is not None else self._guard.nobody_listens()

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._driver is None or self._pacer is None:
            response.success, response.message = False, "the safety monitor is not active; activate it first"
            return response
        refused = self._objection() or self._driver.reset(self._now())
        response.success, response.message = not refused, refused or "armed"
        if self._reporter is not None:
            self._reporter.changed()
        return response
