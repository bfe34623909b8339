"""Pieces for launch files. Needs `launch_ros`, which a full ROS 2 installation has and the wheels do not.

What holds for every launch file here:

- A lifecycle node is configured when its process runs, activated when it is configured, by its own transition events.
- A node that refuses a transition, or ends by itself, ends the launch, with one line that says why and exit status 1.
- When a launch ends, for whatever reason, the safety monitor brings the arm to rest; a simulated robot ends after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext
from launch.actions import EmitEvent, ExecuteProcess, LogInfo, OpaqueFunction, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import matches_action
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from lifecycle_msgs.msg import Transition

OWN_CLOCK = ("/clock", "clock")
"""A remapping: the clock of the node's namespace, so that two simulations can share a ROS domain."""

REST_S = "8.0"
"""The monitor gives its arm 5 s to come to rest when it is interrupted; only then may launch become rude [s]."""


class LaunchError(Exception):
    """The launch cannot begin, or cannot go on. One line for the user."""


def shipped(package: str, *parts: str) -> str:
    """A file or folder that an installed package brings along."""
    return str(Path(get_package_share_directory(package), *parts))


def text(name: str) -> ParameterValue:
    """The launch argument ``name`` as a text parameter, also where it looks like a number."""
    return ParameterValue(LaunchConfiguration(name), value_type=str)


def checked_arguments(
    files: Iterable[str] = (),
    optional_files: Iterable[str] = (),
    bundles: Iterable[str] = (),
    whole_numbers: Iterable[str] = (),
) -> OpaqueFunction:
    """First in a launch file, before anything is started: what the named arguments name must exist.

    files: arguments that name a file. optional_files: a file, or nothing at all. bundles: a policy bundle.
    Their values become absolute paths, ``~`` spelled out. whole_numbers: not negative.
    """

    def check(context: LaunchContext) -> None:
        given = context.launch_configurations
        for name in whole_numbers:
            if not given[name].isdecimal():
                raise LaunchError(f"{name}:={given[name]} is no whole number; nothing was started. Give one from 0 on")
        wanted = [
            *((name, "file", Path.is_file) for name in files),
            *((name, "file", Path.is_file) for name in optional_files if given[name]),
            *((name, "policy bundle (a folder with policy.yaml)", _is_bundle) for name in bundles),
        ]
        for name, what, is_there in wanted:
            path = Path(given[name]).expanduser().absolute()
            if not is_there(path):
                raise LaunchError(f"{name}:={given[name]} names no {what}; nothing was started. Correct the path")
            given[name] = str(path)

    return OpaqueFunction(function=check)


def brought_up(node: LifecycleNode, name: str) -> list[Any]:
    """``node``, required, configured as soon as it runs and activated as soon as it is configured."""

    def change(transition: int) -> EmitEvent:
        return EmitEvent(event=ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition))

    def when(start: str, goal: str, *then: Any) -> RegisterEventHandler:
        return RegisterEventHandler(
            OnStateTransition(target_lifecycle_node=node, start_state=start, goal_state=goal, entities=list(then))
        )

    return [
        when("configuring", "inactive", change(Transition.TRANSITION_ACTIVATE)),
        when("configuring", "unconfigured", _failed(f"{name} refused to configure; its own lines above say why")),
        when("activating", "active", LogInfo(msg=f"{name} is active")),
        when("activating", "inactive", _failed(f"{name} refused to activate; its own lines above say why")),
        when("errorprocessing", "unconfigured", _failed(f"{name} failed in a transition; its own lines above say why")),
        *required(node, name),
        change(Transition.TRANSITION_CONFIGURE),
    ]


def required(process: ExecuteProcess, name: str) -> list[Any]:
    """``process``, whose end ends the launch."""

    def ended(event: ProcessExited, context: LaunchContext) -> list[Any]:
        if context.is_shutdown:
            return []
        return [
            _failed(f"{name} ended by itself (exit code {event.returncode}); ending the rest, the arm at rest first")
        ]

    return [RegisterEventHandler(OnProcessExit(target_action=process, on_exit=ended)), process]


class SimulatedRobot(Node):
    """A node that ends after the one that brings it to rest, so that it can.

    Launch interrupts all processes at once, and Ctrl-C in a terminal reaches all of them: so this one is taken out of
    the terminal's group, and interrupted when ``brought_to_rest_by`` has ended. It still ends when launch is killed.
    """

    def __init__(self, *, brought_to_rest_by: ExecuteProcess, **arguments: Any) -> None:
        super().__init__(prefix="setpriv --pdeathsig TERM setsid", exec_name=arguments["executable"], **arguments)
        self._monitor = brought_to_rest_by

    def _shutdown_process(self, context: LaunchContext, *, send_sigint: bool) -> Any:
        end: Callable[..., Any] = super()._shutdown_process
        if not _runs(self._monitor):
            return end(context, send_sigint=True)
        handler = OnProcessExit(target_action=self._monitor, on_exit=lambda _, context: end(context, send_sigint=True))
        context.register_event_handler(handler)
        return None


def _runs(process: ExecuteProcess) -> bool:
    return process.process_details is not None and process.return_code is None


def _failed(reason: str) -> OpaqueFunction:
    """Ends the launch with ``reason`` and exit status 1; a Shutdown event alone would leave it 0."""

    def fail(context: LaunchContext) -> None:
        if not context.is_shutdown:
            raise LaunchError(reason)

    return OpaqueFunction(function=fail)


def _is_bundle(path: Path) -> bool:
    return (path / "policy.yaml").is_file()
