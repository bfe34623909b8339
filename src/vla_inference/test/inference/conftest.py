"""A robot made of publishers, and an inference_node beside it with a real worker that serves a mock policy."""

from __future__ import annotations

import array
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
import yaml
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String

from vla_core.contract import write_bundle
from vla_core.testing import HOME_RAD, make_contract_mapping
from vla_inference.inference_node import InferenceNode
from vla_msgs.action import ExecuteInstruction
from vla_msgs.msg import ActionChunk, InferenceStatus, SafetyStatus
from vla_msgs.srv import LoadPolicy

DEADLINE_S = 60.0  # generous: the machine that runs the tests may be busy
JOINTS = [f"joint{index}" for index in range(1, 8)]
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def arm_urdf(joints: list[str]) -> str:
    """A chain of revolute joints with a finger at its end."""
    links, parent = ['<link name="base_link"/>'], "base_link"
    for name, kind, upper in [*((joint, "revolute", 3.2) for joint in joints), ("finger_joint1", "prismatic", 0.04)]:
        lower = -upper if kind == "revolute" else 0.0
        links.append(
            f'<link name="{name}_link"/><joint name="{name}" type="{kind}"><parent link="{parent}"/>'
            f'<child link="{name}_link"/><origin xyz="0 0 0.1"/><axis xyz="0 1 0"/>'
            f'<limit lower="{lower}" upper="{upper}" velocity="2.0" effort="50"/></joint>'
        )
        parent = f"{name}_link"
    return f'<robot name="arm">{"".join(links)}</robot>'


def write_joint_limits(path: Path, joints: list[str]) -> Path:
    entry = {
        "has_acceleration_limits": True,
        "max_acceleration": 10.0,
        "has_jerk_limits": True,
        "max_jerk": 5000.0,
    }
    path.write_text(yaml.safe_dump({"joint_limits": dict.fromkeys([*joints, "finger_joint1"], entry)}))
    return path


def write_mock_bundle(folder: Path, **changes: object) -> Path:
    """A bundle without files for the arm of ``arm_urdf``; ``changes`` replace keys of its contract."""
    folder.mkdir(parents=True, exist_ok=True)
    write_bundle(folder, make_contract_mapping(**changes))
    return folder


def worker_processes(parent: int) -> list[int]:
    """Process ids of the policy workers that process ``parent`` has started.

    By each process's own word on its parent: lists of children hang on single threads, which end while one reads them.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            of = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if of == parent and b"vla_policy.worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue  # it has just ended
    return found


class RobotDouble:
    """Publishes what a robot publishes, from a thread of its own, and keeps what the node says."""

    def __init__(self, joints: list[str]) -> None:
        self.node = Node("robot_double")
        self.joints = joints
        self.cameras = {"front": "rgb8", "wrist": "rgb8"}  # camera -> encoding; take one out and it is dead
        self.joint_names: list[str] = []
        self.positions: list[float] = []
        self.chunks: list[ActionChunk] = []
        self.statuses: list[InferenceStatus] = []
        self.feedback: list[ExecuteInstruction.Feedback] = []
        node = self.node
        self._images = {name: node.create_publisher(Image, f"{name}_camera/image_raw", 1) for name in self.cameras}
        self._joints = node.create_publisher(JointState, "joint_states", 1)
        self._safety = node.create_publisher(SafetyStatus, "vla/safety_status", LATCHED)
        self._urdf = node.create_publisher(String, "robot_description", LATCHED)
        self._urdf.publish(String(data=arm_urdf(joints)))
        self._instruction = node.create_publisher(String, "vla/instruction", 10)
        node.create_subscription(ActionChunk, "vla/action_chunk", self.chunks.append, 10)
        node.create_subscription(InferenceStatus, "vla/inference_status", self.statuses.append, LATCHED)
        self._lifecycle = node.create_client(ChangeState, "inference_node/change_state")
        self._load = node.create_client(LoadPolicy, "vla/load_policy")
        self._action = ActionClient(node, ExecuteInstruction, "vla/execute_instruction")
        node.create_timer(1 / 30, self._publish_images)
        node.create_timer(1 / 100, self._publish_joints)
        self._pixel = 0

    def restore(self) -> None:
        """Everything in good order; what was heard is forgotten."""
        self.cameras = {"front": "rgb8", "wrist": "rgb8"}
        self.joint_names = [*self.joints, "finger_joint1"]
        self.positions = [*HOME_RAD[: len(self.joints)], 0.04]
        self.gate()
        self.feedback.clear()
        self.chunks.clear()

    def gate(self, state: int = SafetyStatus.HOLDING, **fields: Any) -> None:
        """What the safety monitor says; latched."""
        self._safety.publish(SafetyStatus(state=state, **fields))

    def say(self, sentence: str) -> None:
        self.wait(lambda: self._instruction.get_subscription_count() > 0, "no node listens to vla/instruction")
        self._instruction.publish(String(data=sentence))

    def transition(self, label: str) -> bool:
        number = getattr(Transition, f"TRANSITION_{label.upper()}")
        request = ChangeState.Request(transition=Transition(id=number))
        return bool(self._call(self._lifecycle, request).success)

    def load_policy(self, bundle: Path) -> LoadPolicy.Response:
        return self._call(self._load, LoadPolicy.Request(bundle=str(bundle)))

    def execute(self, sentence: str, timeout_s: float = 0.0) -> Any:
        """Send a goal; returns its handle."""
        assert self._action.wait_for_server(DEADLINE_S)
        goal = ExecuteInstruction.Goal(instruction=sentence, timeout_s=timeout_s)
        future = self._action.send_goal_async(goal, lambda message: self.feedback.append(message.feedback))
        self.wait(future.done, "the goal was not answered")
        return future.result()

    def result(self, handle: Any) -> ExecuteInstruction.Result:
        future = handle.get_result_async()
        self.wait(future.done, "the goal did not end")
        return future.result().result

    def wait(self, condition: Callable[[], Any], failure: str) -> None:
        give_up = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > give_up:
                last = self.statuses[-1] if self.statuses else None
                raise AssertionError(f"{failure}; newest status: {last}")
            time.sleep(0.005)

    def wait_state(self, state: int) -> InferenceStatus:
        self.wait(lambda: self.statuses and self.statuses[-1].state == state, f"state {state} was not reached")
        return self.statuses[-1]

    def wait_chunks(self, count: int) -> list[ActionChunk]:
        """``count`` chunks that came after this call."""
        seen = len(self.chunks)
        self.wait(lambda: len(self.chunks) >= seen + count, f"no {count} chunks came")
        return self.chunks[seen : seen + count]

    def _call(self, client: Any, request: Any) -> Any:
        assert client.wait_for_service(DEADLINE_S)
        future = client.call_async(request)
        self.wait(future.done, "the service did not answer")
        return future.result()

    def _publish_images(self) -> None:
        self._pixel = (self._pixel + 1) % 256
        stamp = self.node.get_clock().now().to_msg()
        for name, encoding in dict(self.cameras).items():
            image = Image(height=96, width=96, encoding=encoding, step=96 * 3)
            image.header.stamp = stamp
            image.data = array.array("B", bytes([self._pixel]) * (96 * 96 * 3))
            self._images[name].publish(image)

    def _publish_joints(self) -> None:
        message = JointState(name=self.joint_names, position=self.positions)
        message.header.stamp = self.node.get_clock().now().to_msg()
        self._joints.publish(message)


class Spinner:
    """Spins one node on a thread."""

    def __init__(self, node: Node) -> None:
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ending.is_set():
            self._executor.spin_once(timeout_sec=0.1)

    def end(self) -> None:
        self._ending.set()
        self._thread.join(DEADLINE_S)
        self._executor.shutdown()


@pytest.fixture(scope="module")
def _ros(_ros_domain_lock: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_DOMAIN_ID", str(_ros_domain_lock))
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        yield
        rclpy.try_shutdown()


@pytest.fixture(scope="module")
def _robot(_ros: None) -> Iterator[RobotDouble]:
    double = RobotDouble(JOINTS)
    spinner = Spinner(double.node)
    yield double
    spinner.end()
    double.node.destroy_node()


@pytest.fixture
def robot(_robot: RobotDouble) -> Iterator[RobotDouble]:
    """A live robot in good order, with an armed safety monitor; one for all tests of a module."""
    _robot.restore()
    yield _robot
    _robot.restore()


StartNode = Callable[..., InferenceNode]


@pytest.fixture
def start_node(_ros: None, tmp_path: Path) -> Iterator[StartNode]:
    """Makes an unconfigured inference_node and spins it; keyword ``bundle``, and parameters with ``__`` for a dot."""
    yield from _starter(tmp_path)


def _starter(folder: Path) -> Iterator[StartNode]:
    limits = write_joint_limits(folder / "joint_limits.yaml", JOINTS)
    running: list[tuple[InferenceNode, Spinner]] = []

    def start(bundle: Path | str = "", **parameters: object) -> InferenceNode:
        values = {
            "bundle": str(bundle),
            "joint_limits_file": str(limits),
            # The double says once what a monitor repeats twice a second.
            "gate.timeout_s": 60.0,
            "activation_timeout_s": 30.0,
            "instruction.min_interval_s": 0.0,  # tests do not wait between their sentences
            **{name.replace("__", "."): value for name, value in parameters.items()},
        }
        node = InferenceNode(parameter_overrides=[Parameter(name, value=value) for name, value in values.items()])
        running.append((node, Spinner(node)))
        return node

    yield start
    for node, spinner in running:
        spinner.end()
        node.close()
        node.destroy_node()
        # rclpy leaves a lifecycle node's own services on the graph; they would be taken for those of the next node.
        node._state_machine.destroy_when_not_in_use()


@pytest.fixture(scope="module")
def _active_node(_robot: RobotDouble, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[InferenceNode, Path]]:
    folder = tmp_path_factory.mktemp("node")
    starter = _starter(folder)
    _robot.restore()
    node = next(starter)(write_mock_bundle(folder / "bundle"))
    assert _robot.transition("configure"), _robot.statuses[-1].detail
    assert _robot.transition("activate"), _robot.statuses[-1].detail
    yield node, folder
    next(starter, None)


@pytest.fixture
def active_node(_active_node: tuple[InferenceNode, Path], robot: RobotDouble) -> Iterator[InferenceNode]:
    """An idle, active inference_node whose policy holds still and is never done; one for all tests of a module."""
    node = _active_node[0]
    robot.wait(lambda: node._gate.state_name == "HOLDING", "the gate's state did not arrive")
    robot.wait(lambda: not node._loader.missing(node._candidate), "the robot is not live")
    yield node
    robot.gate(SafetyStatus.DISARMED)  # ends whatever instruction a test has left
    robot.wait(lambda: robot.statuses[-1].instruction_id == 0, "an instruction runs on")


@pytest.fixture
def joint_limits(tmp_path: Path) -> Path:
    """The file with the arm's acceleration and jerk limits."""
    return write_joint_limits(tmp_path / "joint_limits.yaml", JOINTS)


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[..., Path]:
    """Writes a bundle with a mock policy, the given keys of its contract replaced."""
    return lambda folder="bundle", **changes: write_mock_bundle(tmp_path / folder, **changes)
