"""Speed of the simulator: physics steps and camera frames a second, and the real-time factor of sim_node with its CPU.

``python bench/simulator.py [--seconds S]`` writes out/bench/simulator.json and prints a table. Goal: real-time
factor 1 with both policy cameras at 96 and at 224 pixels.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MUJOCO_GL", "egl")  # read when mujoco is imported
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")

import mujoco
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rich.console import Console
from rich.table import Table
from sensor_msgs.msg import Image

from vla_sim.controllers import TrajectoryCommand, TrajectoryOptions, TrajectoryPoint
from vla_sim.rendering import SceneRenderer
from vla_sim.robot import ARM_JOINTS, HOME_Q
from vla_sim.ros.arm_robot import ArmRobot
from vla_sim.ros.clock import SimClock
from vla_sim.ros.pacing import Pacer
from vla_sim.sampling import scene_from_seed
from vla_sim.scene import CAMERAS
from vla_sim.simulation import TabletopSim

ROOT = Path(__file__).resolve().parent.parent
SIZES_PX = (96, 224)
CORES = 2
GOAL_REAL_TIME_FACTOR = 0.99
START_DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class NodeRun:
    """One sim_node. frames_per_s: of each camera, by arrival. lost_s: time given up. cpu_share: of one core."""

    image_px: int
    real_time_factor: float
    lost_s: float
    frames_per_s: float
    cpu_share: float


def main(argv: list[str] | None = None) -> int:
    """Exit status 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0, help="duration of each measurement")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench" / "simulator.json")
    arguments = parser.parse_args(argv)
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    os.sched_setaffinity(0, cores)
    runs = [run_node(size, arguments.seconds) for size in SIZES_PX]
    report = {
        "steps_per_s": steps_per_s(arguments.seconds),
        "steps_per_s_with_controllers": controlled_steps_per_s(arguments.seconds),
        "frames_per_s": {str(size): frames_per_s(size, arguments.seconds) for size in SIZES_PX},
        "node": [asdict(run) for run in runs],
        "goal_real_time_factor": GOAL_REAL_TIME_FACTOR,
        "goal_met": all(run.real_time_factor >= GOAL_REAL_TIME_FACTOR for run in runs),
        "cores": cores,
        "load_average": os.getloadavg()[0],
        "versions": {"python": platform.python_version(), "mujoco": mujoco.__version__},
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    show(report, runs)
    return 0 if report["goal_met"] else 1


def make_sim() -> TabletopSim:
    """A tabletop with a fixed scene."""
    sim = TabletopSim()
    sim.reset(scene_from_seed(1_000_000))
    return sim


def steps_per_s(seconds: float) -> float:
    """Physics steps alone, batches of ten."""
    sim, count, start = make_sim(), 0, time.perf_counter()
    while time.perf_counter() - start < seconds / 2:
        sim.step(10)
        count += 10
    return count / (time.perf_counter() - start)


def controlled_steps_per_s(seconds: float) -> float:
    """Physics steps with the joint trajectory controller updated before each, the arm in motion."""
    sim = make_sim()
    robot = ArmRobot(sim, SimClock(simulated=True, pacer=Pacer()), TrajectoryOptions())
    rest = [0.0] * 7
    goals = [[float(q) + 0.2 * (-1) ** k for q in HOME_Q] for k in range(2)]
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds / 2:
        point = TrajectoryPoint(1_000_000_000, goals[count % 2], rest, rest)
        robot.command_trajectory(TrajectoryCommand(ARM_JOINTS, [point]))
        robot.advance(robot.now_ns + 1_000_000_000)
        count += 1
    return count / sim.timestep_s / (time.perf_counter() - start)


def frames_per_s(size_px: int, seconds: float) -> float:
    """Pictures of front and wrist camera in turn, one process, nothing else."""
    sim = make_sim()
    renderer = SceneRenderer(sim.model, size_px, size_px)
    renderer.set_qpos(sim.qpos())
    for camera in CAMERAS:
        renderer.render(camera)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds / 4:
        renderer.set_qpos(sim.qpos())
        for camera in CAMERAS:
            renderer.render(camera)
            count += 1
    rate = count / (time.perf_counter() - start)
    renderer.close()
    return rate


def run_node(size_px: int, seconds: float) -> NodeRun:
    """sim_node as a process, somebody listening to both cameras."""
    sizes = ["-p", f"image_width:={size_px}", "-p", f"image_height:={size_px}"]
    process = subprocess.Popen([sys.executable, "-m", "vla_sim.sim_node", "--ros-args", *sizes])
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("bench_simulator", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    images: list[float] = []
    factors: list[tuple[float, float]] = []

    def on_diagnostics(message: DiagnosticArray) -> None:
        values = {item.key: item.value for item in message.status[0].values}
        if values["real_time_factor"]:
            factors.append((float(values["real_time_factor"]), float(values["time_lost_s"])))

    for camera in CAMERAS:
        topic = f"{camera}_camera/image_raw"
        node.create_subscription(Image, topic, lambda _: images.append(time.perf_counter()), qos_profile_sensor_data)
    node.create_subscription(DiagnosticArray, "/diagnostics", on_diagnostics, QoSProfile(depth=10))
    try:
        deadline = time.perf_counter() + START_DEADLINE_S
        while len(factors) < 2:  # the first seconds still belong to the start
            if time.perf_counter() > deadline or process.poll() is not None:
                raise RuntimeError(f"sim_node gave no diagnostics within {START_DEADLINE_S} s")
            executor.spin_once(timeout_sec=0.1)
        del images[:], factors[:-1]
        start, cpu_start, lost_start = time.perf_counter(), cpu_s(process.pid), factors[-1][1]
        while time.perf_counter() - start < seconds:
            executor.spin_once(timeout_sec=0.1)
        wall = time.perf_counter() - start
        cpu = cpu_s(process.pid) - cpu_start
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30.0)
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)
    measured = [factor for factor, _ in factors[1:]]
    return NodeRun(
        image_px=size_px,
        real_time_factor=sum(measured) / len(measured),
        lost_s=factors[-1][1] - lost_start,
        frames_per_s=len(images) / len(CAMERAS) / wall,
        cpu_share=cpu / wall,
    )


def cpu_s(pid: int) -> float:
    """Processor time of a process so far [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show(report: dict[str, object], runs: list[NodeRun]) -> None:
    """The results for people."""
    table = Table(title=f"simulator (cores {report['cores']}, load {report['load_average']:.1f})")
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_row("physics steps/s", f"{report['steps_per_s']:.0f}")
    table.add_row("physics steps/s with controllers", f"{report['steps_per_s_with_controllers']:.0f}")
    for size, rate in report["frames_per_s"].items():  # type: ignore[attr-defined]
        table.add_row(f"frames/s at {size} px", f"{rate:.0f}")
    for run in runs:
        name = f"sim_node, 2 cameras at {run.image_px} px"
        table.add_row(f"{name}: real-time factor", f"{run.real_time_factor:.3f}")
        table.add_row(f"{name}: frames/s each", f"{run.frames_per_s:.1f}")
        table.add_row(f"{name}: share of one core", f"{100 * run.cpu_share:.0f} %")
        table.add_row(f"{name}: time given up", f"{run.lost_s:.2f} s")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
