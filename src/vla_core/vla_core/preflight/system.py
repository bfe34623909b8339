"""The rest of a robot that is to be moved: who commands it, its controllers, the operator's stop, the clocks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vla_core.preflight.facts import EndpointFacts
from vla_core.preflight.rows import Row, Verdict

STOP_SERVICE, RESET_SERVICE = "vla/emergency_stop", "vla/reset"
STAMP_AHEAD_S = 0.1
STAMP_BEHIND_S = 1.0


@dataclass(frozen=True, slots=True)
class CommandFacts:
    """A topic that the safety monitor commands.

    what: e.g. ``arm command``. topic: full name. publishers: nodes that are on it now.
    listeners: who subscribes. elsewhere: other topics of the same type that somebody subscribes to.
    """

    what: str
    topic: str
    publishers: Sequence[str]
    listeners: Sequence[EndpointFacts]
    elsewhere: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ControllerFacts:
    """What a node that listens to a command says of itself.

    parameters: those that it has of the ones asked for; None: it did not answer.
    """

    node: str
    parameters: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class ManagerFacts:
    """The controller_manager. types_installed: its service types are known here.

    states: controller -> its state; None: not asked, or no answer.
    """

    service: str
    types_installed: bool
    states: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class OperatorFacts:
    """monitors: nodes that publish ``vla/safety_status``. services: of ``STOP_SERVICE``, ``RESET_SERVICE`` those found.

    e_stop_publishers, e_stop_listeners: nodes at the topic ``vla/e_stop``.
    """

    monitors: Sequence[str]
    services: Sequence[str]
    e_stop_publishers: Sequence[str]
    e_stop_listeners: Sequence[str]


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """simulated: node -> its ``use_sim_time``. publishers: of /clock.

    stamp_age_s: age of the newest joint state by its header stamp, on the clock in force; None: none has come.
    """

    simulated: Mapping[str, bool]
    publishers: Sequence[str]
    stamp_age_s: float | None = None


@dataclass(frozen=True, slots=True)
class JointStateFacts:
    """As the gate needs it. names: of the newest. longest_gap_s: between the receipts of two; None: unknown."""

    topic: str
    names: Sequence[str]
    longest_gap_s: float | None


def command_rows(command: CommandFacts, monitors: Sequence[str]) -> Iterator[Row]:
    """Somebody executes the command, and nobody but the monitor gives it."""
    yield _listener_row(command)
    others = sorted(set(command.publishers) - set(monitors))
    expected = "none but the safety monitor"
    if others:
        remedy = f"stop {', '.join(others)}, or let it command vla/joint_command or vla/twist_command instead"
        yield Row(f"{command.what}: publishers", Verdict.FAIL, ", ".join(others), expected, remedy)
    else:
        found = ", ".join(command.publishers) or "none"
        yield Row(f"{command.what}: publishers", Verdict.PASS, found, expected)


def _listener_row(command: CommandFacts) -> Row:
    what, expected = f"{command.what}: listener", f"one controller on {command.topic}"
    names = ", ".join(one.node for one in command.listeners)
    if not command.listeners:
        near = f"; somebody listens on {', '.join(command.elsewhere)}" if command.elsewhere else ""
        remedy = "activate the controller, or correct the topic in the parameter file"
        return Row(what, Verdict.FAIL, f"nobody listens on {command.topic}{near}", expected, remedy)
    deaf = [one.node for one in command.listeners if one.durability == "transient_local"]
    if deaf:
        remedy = "let the controller request volatile"
        return Row(what, Verdict.FAIL, f"{', '.join(deaf)} requests transient_local, never served", expected, remedy)
    if len(command.listeners) > 1:
        return Row(what, Verdict.WARN, names, expected, "make sure that only one of them drives the motors")
    return Row(what, Verdict.PASS, f"{names} on {command.topic}", expected)


def arm_controller_rows(controller: ControllerFacts, joints: Sequence[str]) -> Iterator[Row]:
    """What a stream of short trajectories, each ending at rest, needs of a joint_trajectory_controller."""
    if controller.parameters is None:
        yield _silent(controller)
        return
    values = controller.parameters
    name = "interpolate_from_desired_state"
    if name in values:
        yield _flag_row(controller, name, True, "with it off, each command begins anew at the measured state")
    name = "allow_nonzero_velocity_at_trajectory_end"
    if name in values:
        yield _flag_row(controller, name, False, "with it on, a trajectory that does not end at rest is accepted")
    if isinstance(values.get("joints"), (list, tuple)):
        yield _joints_row(controller, [str(one) for one in values["joints"]], joints)  # type: ignore[attr-defined]


def base_controller_rows(controller: ControllerFacts, stamped: bool) -> Iterator[Row]:
    """What the monitor's twists need of a diff_drive_controller."""
    if controller.parameters is None:
        yield _silent(controller)
        return
    timeout = controller.parameters.get("cmd_vel_timeout")
    if isinstance(timeout, (int, float)):
        verdict = Verdict.PASS if 0.0 < timeout <= 1.0 else Verdict.FAIL
        remedy = "set cmd_vel_timeout to 0.5: it is what stops the base when the monitor dies"
        yield Row(
            f"{controller.node}: cmd_vel_timeout",
            verdict,
            f"{timeout:g} s",
            "above 0, at most 1 s",
            "" if verdict is Verdict.PASS else remedy,
        )
    if "use_stamped_vel" in controller.parameters:
        yield _flag_row(controller, "use_stamped_vel", stamped, "it must agree with the monitor's twist_stamped")


def _silent(controller: ControllerFacts) -> Row:
    found = "its parameters cannot be asked for"
    return Row(
        f"{controller.node}: parameters", Verdict.SKIP, found, "as in docs/your-robot.md", "look them up by hand"
    )


def _flag_row(controller: ControllerFacts, name: str, wanted: bool, why: str) -> Row:
    value = (controller.parameters or {})[name]
    right = value is wanted
    remedy = "" if right else f"set {name}: {str(wanted).lower()} and restart the controller: {why}"
    verdict = Verdict.PASS if right else Verdict.FAIL
    return Row(f"{controller.node}: {name}", verdict, str(value).lower(), str(wanted).lower(), remedy)


def _joints_row(controller: ControllerFacts, has: Sequence[str], wanted: Sequence[str]) -> Row:
    what, found, expected = f"{controller.node}: joints", ", ".join(has), ", ".join(wanted)
    if set(has) == set(wanted):
        return Row(what, Verdict.PASS, found, expected)
    return Row(what, Verdict.FAIL, found, expected, "name the same joints in the monitor's parameter joints")


def manager_row(manager: ManagerFacts | None, needed: Sequence[str]) -> Row:
    """needed: nodes that listen to the commands, as far as a controller_manager has them."""
    what, expected = "controller_manager", "the listening controllers are active"
    if manager is None:
        return Row(what, Verdict.SKIP, "none on the graph", expected, "")
    by_hand = "run `ros2 control list_controllers`"
    if not manager.types_installed:
        found = f"{manager.service} is there; its types (controller_manager_msgs) are not installed here"
        return Row(what, Verdict.SKIP, found, expected, by_hand)
    if manager.states is None:
        return Row(what, Verdict.FAIL, f"{manager.service} does not answer", expected, "restart ros2_control_node")
    found = ", ".join(f"{name} {state}" for name, state in sorted(manager.states.items())) or "no controllers"
    idle = [node for node in needed if manager.states.get(node.rpartition("/")[2], "active") != "active"]
    if idle or not manager.states:
        names = " ".join(node.rpartition("/")[2] for node in idle) or "CONTROLLER"
        return Row(what, Verdict.FAIL, found, expected, f"ros2 run controller_manager spawner {names}")
    return Row(what, Verdict.PASS, found, expected)


def operator_rows(operator: OperatorFacts) -> Iterator[Row]:
    """The monitor, its services, and a button that it hears."""
    monitors = ", ".join(operator.monitors)
    if len(operator.monitors) != 1:
        remedy = "start one: ros2 launch vla_bringup gate.launch.py" if not monitors else "stop all but one"
        yield Row("safety monitor", Verdict.FAIL, monitors or "not heard", "one", remedy)
    else:
        yield Row("safety monitor", Verdict.PASS, monitors, "one")
    for service in (STOP_SERVICE, RESET_SERVICE):
        there = service in operator.services
        verdict = Verdict.PASS if there else Verdict.FAIL
        remedy = "" if there else "configure and activate the safety monitor"
        yield Row(f"service {service}", verdict, "there" if there else "missing", "there", remedy)
    what, expected = "topic vla/e_stop", "the monitor listens, a button publishes"
    if not operator.e_stop_listeners:
        yield Row(what, Verdict.FAIL, "nobody listens", expected, "configure the safety monitor")
    elif not operator.e_stop_publishers:
        remedy = "connect a button; until then `vla stop` and the robot's own emergency stop are all there is"
        yield Row(what, Verdict.WARN, "heard, but nobody publishes", expected, remedy)
    else:
        yield Row(what, Verdict.PASS, f"from {', '.join(operator.e_stop_publishers)}", expected)


def running_row(monitor: str, running: Mapping[str, object] | None, stated: Mapping[str, object]) -> Row:
    """The monitor runs with what the parameter file says. running: its own word; None: it did not answer."""
    what, expected = f"{monitor}: parameters", "as in the parameter file"
    if running is None:
        return Row(what, Verdict.SKIP, "cannot be asked for", expected, "compare with `ros2 param dump`")
    others = [
        f"{name} is {running[name]!r}, the file says {value!r}"
        for name, value in stated.items()
        if name in running and running[name] != value
    ]
    if others:
        return Row(what, Verdict.FAIL, "; ".join(others), expected, "restart the monitor with this file")
    return Row(what, Verdict.PASS, f"{len(running)} alike", expected)


def clock_rows(clock: ClockFacts) -> Iterator[Row]:
    """One kind of time for everybody, and stamps that are of it."""
    expected = "use_sim_time alike everywhere, and /clock only with it"
    modes = ", ".join(f"{node} {str(on).lower()}" for node, on in clock.simulated.items())
    published = f"/clock from {', '.join(clock.publishers)}" if clock.publishers else "no /clock"
    found = f"use_sim_time: {modes}; {published}"
    simulated = set(clock.simulated.values())
    remedy = ""
    if len(simulated) > 1:
        remedy = "set use_sim_time alike in the whole parameter file"
    elif simulated == {True} and not clock.publishers:
        remedy = "start the simulation, or set use_sim_time: false"
    elif simulated == {False} and clock.publishers:
        remedy = "set use_sim_time: true for a simulation, or stop what publishes /clock"
    elif len(clock.publishers) > 1:
        remedy = "leave one clock: give each simulation a namespace"
    yield Row("clock", Verdict.FAIL if remedy else Verdict.PASS, found, expected, remedy)
    if clock.stamp_age_s is not None:
        yield _stamp_row(clock.stamp_age_s)


def _stamp_row(age_s: float) -> Row:
    what, expected = "joint state stamps", f"{-STAMP_AHEAD_S:g} to {STAMP_BEHIND_S:g} s old"
    right = math.isfinite(age_s) and -STAMP_AHEAD_S <= age_s <= STAMP_BEHIND_S
    remedy = "" if right else "let the driver stamp with the time of measurement; synchronize the machines' clocks"
    return Row(what, Verdict.PASS if right else Verdict.FAIL, f"{age_s:.3f} s old", expected, remedy)


def gate_state_rows(state: JointStateFacts | None, joints: Sequence[str], max_age_s: float) -> Iterator[Row]:
    """The joint states that the gate needs: every joint, often enough. None: none has come."""
    what, expected = "joint states of the gate", f"{', '.join(joints)}; never {max_age_s:g} s without one"
    if state is None:
        yield Row(what, Verdict.FAIL, "none has come", expected, "start the robot's driver and joint_state_broadcaster")
        return
    missing = [joint for joint in joints if joint not in state.names]
    gap = "" if state.longest_gap_s is None else f"; longest gap {state.longest_gap_s:.3f} s"
    found = f"{', '.join(state.names)}{gap}"
    if missing:
        remedy = f"correct joints and gripper_joint, or publish {', '.join(missing)} on {state.topic}"
        yield Row(what, Verdict.FAIL, found, expected, remedy)
    elif state.longest_gap_s is not None and state.longest_gap_s > max_age_s:
        remedy = "raise the driver's rate; else max_joint_state_age_s, which lengthens every stop for lost states"
        yield Row(what, Verdict.WARN, found, expected, remedy)
    else:
        yield Row(what, Verdict.PASS, found, expected)


def plan_joints_row(planned: Sequence[str], commanded: Sequence[str]) -> Row:
    """The gate passes plans for exactly its own joints. planned: without the gripper."""
    what, found, expected = "joints of policy and gate", ", ".join(planned), ", ".join(commanded)
    if set(planned) == set(commanded):
        return Row(what, Verdict.PASS, found, expected)
    remedy = "load a policy of this robot, or name its joints in the monitor's parameter joints"
    return Row(what, Verdict.FAIL, found, expected, remedy)
