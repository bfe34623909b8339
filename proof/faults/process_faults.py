"""Processes that die, hang, starve or come back, another commander, and the operator's stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from builtin_interfaces.msg import Duration
from std_msgs.msg import Bool
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from proof.faults.config import StackConfig
from proof.faults.fault import Fault, Strike, now_ns
from proof.faults.goals import at_once, dead_man, goal, what_was_sent
from proof.faults.interfaces import message_type, profile
from proof.faults.judge import Goal
from proof.faults.rig import Rig
from vla_bringup.graph.session import wait_until

DEAD = ("plan_overdue",)
SLOW_STOPPED_S, SLOW_RUNNING_S = 0.4, 0.05
TRY_S = 1.5
SWAY_RAD, SWAY_S = 0.1, 2
STALL_S = 0.15


def killed(role: str) -> Callable[[Rig], Strike]:
    """Kill -9. A child comes back by itself, or by what started it; the others are started again."""

    def strike(rig: Rig) -> Strike:
        fault_ns = rig.processes.signal(role, signal.SIGKILL)
        own = not rig.config.processes[role].child_of
        return Strike(fault_ns, lambda: rig.processes.restart(role) if own else None)

    return strike


def paused(role: str) -> Callable[[Rig], Strike]:
    """SIGSTOP until the cause is removed; a child may be killed meanwhile by what started it."""

    def strike(rig: Rig) -> Strike:
        pid = rig.processes.pid(role)
        fault_ns = rig.processes.signal(role, signal.SIGSTOP)

        def resume() -> None:
            if pid is not None and rig.processes.pid(role) == pid:
                rig.processes.signal(role, signal.SIGCONT)

        return Strike(fault_ns, resume)

    return strike


def slow(role: str) -> Callable[[Rig], Strike]:
    """Stopped for SLOW_STOPPED_S, let run for SLOW_RUNNING_S, and so on."""

    def strike(rig: Rig) -> Strike:
        end = threading.Event()
        pid = rig.processes.pid(role)
        fault_ns = rig.processes.signal(role, signal.SIGSTOP)

        def duty() -> None:
            while pid is not None and not end.wait(SLOW_STOPPED_S):
                try:
                    os.kill(pid, signal.SIGCONT)
                    if end.wait(SLOW_RUNNING_S):
                        return
                    os.kill(pid, signal.SIGSTOP)
                except ProcessLookupError:
                    return

        thread = threading.Thread(target=duty, name="slow", daemon=True)
        thread.start()

        def remove() -> None:
            end.set()
            thread.join()
            if pid is not None and rig.processes.pid(role) == pid:
                rig.processes.signal(role, signal.SIGCONT)

        return Strike(fault_ns, remove)

    return strike


def stalled(rig: Rig) -> Strike:
    """The robot stands still for STALL_S with all that it sends, as simulations on busy machines do, and goes on."""
    fault_ns = rig.processes.signal("robot", signal.SIGSTOP)
    time.sleep(STALL_S)
    rig.processes.signal("robot", signal.SIGCONT)
    return Strike(fault_ns)


def starved(rig: Rig) -> Strike:
    """One process on every core that only computes, at the usual priority."""
    command = [sys.executable, "-c", "while True: pass"]
    cores = len(os.sched_getaffinity(0))
    fault_ns = now_ns()
    environment = {**os.environ, **rig.processes.mark}
    burners = [subprocess.Popen(command, env=environment, start_new_session=True) for _ in range(cores)]

    def remove() -> None:
        for burner in burners:
            burner.kill()
        for burner in burners:
            burner.wait()

    return Strike(fault_ns, remove)


def second_commander(rig: Rig) -> Strike:
    """Another publisher on the controller's topic. It sends one slow motion, itself within the limits, and stays."""
    topic = rig.config.command
    assert topic is not None
    node = rig.session.node
    fault_ns = now_ns()
    publisher = node.create_publisher(message_type(topic.type), topic.topic, profile(topic.qos))
    start = rig.log.samples[-1].position
    wait_until(lambda: publisher.get_subscription_count() > 0, 2.0)
    point = JointTrajectoryPoint(positions=(start + SWAY_RAD).tolist(), time_from_start=Duration(sec=SWAY_S))
    publisher.publish(JointTrajectory(joint_names=list(rig.config.truth.joints), points=[point]))
    return Strike(fault_ns, lambda: node.destroy_publisher(publisher), lambda: stays_at_rest(rig))


def emergency(rig: Rig) -> Strike:
    """The operator's stop in the middle of motion, by the topic where there is one, else by the service."""
    fault_ns = now_ns()
    if rig.button is not None:
        rig.button.publish(Bool(data=True))
    else:
        rig.ask(rig.config.emergency_stop)
    return Strike(fault_ns, lambda: release(rig), lambda: stays_at_rest(rig))


def restart_while_latched(rig: Rig) -> Strike:
    """An emergency stop, and then the monitor is killed and started again: it must not go on."""
    strike = emergency(rig)

    def persist() -> list[str]:
        again(rig)
        return stays_at_rest(rig)

    return Strike(strike.fault_ns, strike.remove, persist)


def late_joiner(rig: Rig) -> Strike:
    """A monitor that starts while the stop button is pressed hears it, and so does whoever asks for the status late."""
    strike = emergency(rig)

    def persist() -> list[str]:
        again(rig)
        wrong = stays_at_rest(rig)
        armed, _ = rig.ask(rig.config.reset)
        if armed:
            wrong.append("armed although the stop button was pressed before it started")
        heard = threading.Event()
        status = rig.config.status
        late = rig.session.subscribe(
            message_type(status.type), status.topic, lambda message: heard.set(), profile(status.qos)
        )
        if not heard.wait(2.0):
            wrong.append("a late subscriber hears no status")
        rig.session.node.destroy_subscription(late)
        return wrong + stays_at_rest(rig)

    return Strike(strike.fault_ns, strike.remove, persist)


def again(rig: Rig) -> None:
    """The monitor dies and is started again."""
    rig.processes.signal("monitor", signal.SIGKILL)
    wait_until(lambda: not rig.processes.alive("monitor"), 5.0)
    rig.processes.restart("monitor")


def release(rig: Rig) -> None:
    """The stop button is let go."""
    if rig.button is not None:
        rig.button.publish(Bool(data=False))


def stays_at_rest(rig: Rig) -> list[str]:
    """Instruct for a while; the arm must not move."""
    end = time.monotonic() + TRY_S
    begin = len(rig.log.samples)
    while time.monotonic() < end:
        rig.instruct()
        time.sleep(0.3)
    fastest = max((sample.speed for sample in rig.log.samples[begin:]), default=0.0)
    return [f"moved at {fastest:.2f} rad/s while stopped"] if fastest > rig.config.promises.rest_rad_s else []


def _process(name: str, role: str, make: Callable[[str], Callable[[Rig], Strike]]) -> Fault:
    if make is slow:  # between its pauses it may well plan
        return Fault(name, "process", make(role), goal(name, *DEAD, detect=dead_man, rest=None), (role,), watch_s=2.0)
    return Fault(name, "process", make(role), goal(name, *DEAD, detect=dead_man), (role,), ends=make is killed)


def _monitor(name: str, make: Callable[[str], Callable[[Rig], Strike]]) -> Fault:
    return Fault(
        name, "process", make("monitor"), goal(name, detect=None, rest=what_was_sent), ("monitor",), ends=make is killed
    )


def _nominal(config: StackConfig) -> Goal:
    return Goal(None, None)


FAULTS: tuple[Fault, ...] = (
    _process("worker killed", "worker", killed),
    _process("worker hung", "worker", paused),
    _process("worker slow", "worker", slow),
    _process("inference_node killed", "planner", killed),
    _process("inference_node paused", "planner", paused),
    _monitor("monitor killed", killed),
    _monitor("monitor paused", paused),
    Fault("robot stalled", "process", stalled, _nominal, ("robot",), watch_s=1.5),
    Fault("CPU starvation", "process", starved, _nominal, watch_s=3.0),
    Fault(
        "second commander",
        "operator",
        second_commander,
        goal("second commander", "second_publisher", detect=lambda p: p.graph_s, latched=True),
        ("command",),
    ),
    Fault(
        "emergency stop",
        "operator",
        emergency,
        goal("emergency stop", "emergency_stop", detect=at_once, latched=True),
        ("emergency_stop",),
    ),
    Fault(
        "restart while latched",
        "operator",
        restart_while_latched,
        goal("restart while latched", "emergency_stop", detect=at_once, latched=True),
        ("emergency_stop", "monitor"),
        ends=True,
    ),
    Fault(
        "late joiner",
        "operator",
        late_joiner,
        goal("late joiner", "emergency_stop", detect=at_once, latched=True),
        ("e_stop_topic", "monitor"),
        ends=True,
    ),
)
