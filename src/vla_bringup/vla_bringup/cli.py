"""The ``vla`` command: options and help; each command's work is in ``commands``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vla_bringup.console import reported

app = typer.Typer(
    help="Give a robot instructions, watch it, try policies. Every command is a plain ROS 2 topic, service or action.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
policy_app = typer.Typer(help="Check policy bundles and swap the running one.", no_args_is_help=True)
app.add_typer(policy_app, name="policy")
robot_app = typer.Typer(help="Look at a robot before anything moves.", no_args_is_help=True)
app.add_typer(robot_app, name="robot")

Namespace = Annotated[
    str, typer.Option("--namespace", "-n", envvar="VLA_NAMESPACE", help="ROS namespace of the robot, e.g. left_arm.")
]
Bundle = Annotated[Path, typer.Argument(help="Folder of the policy bundle.")]
StackBundle = Annotated[
    Path | None, typer.Option("--bundle", envvar="VLA_BUNDLE", help="Policy bundle; the shipped one when not given.")
]


@app.command()
def say(
    sentence: Annotated[str, typer.Argument(help='For example "pick up the red cube".')],
    namespace: Namespace = "",
    timeout: Annotated[float, typer.Option(help="Seconds of robot time; 0: the node's own limit.", min=0.0)] = 0.0,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Send it and return at once.")] = False,
) -> None:
    """Give an instruction and follow it to its end. Ctrl-C cancels it."""
    from vla_bringup.commands import say as command

    with reported():
        if detach:
            command.say_and_leave(sentence, namespace)
        else:
            command.say(sentence, namespace, timeout)


@app.command()
def stop(namespace: Namespace = "") -> None:
    """Emergency stop: the arm comes to rest and stays there until `vla reset`."""
    from vla_bringup.commands import gate

    with reported():
        gate.stop(namespace)


@app.command()
def reset(namespace: Namespace = "") -> None:
    """Arm the safety monitor, at first and after a stop."""
    from vla_bringup.commands import gate

    with reported():
        gate.reset(namespace)


@app.command()
def status(
    namespace: Namespace = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep it on the screen.")] = False,
    healthy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NODE", help="Only ask whether this lifecycle node is active; may be repeated. Else exit 1."
        ),
    ] = None,
) -> None:
    """Show what the robot does now: safety monitor, policy, instruction, latency."""
    from vla_bringup.commands import healthy as health
    from vla_bringup.commands import status as command

    with reported():
        if healthy:
            health.healthy(healthy, namespace)
        else:
            command.status(namespace, follow)


@policy_app.command("check")
def policy_check(bundle: Bundle) -> None:
    """Verify a bundle: hashes, contract, and that the model answers."""
    from vla_bringup.commands import policy

    with reported():
        sys.exit(policy.in_policy_environment("check", bundle))


@policy_app.command("info")
def policy_info(bundle: Bundle) -> None:
    """Show what a bundle's contract says."""
    from vla_bringup.commands import policy

    with reported():
        sys.exit(policy.in_policy_environment("info", bundle))


@policy_app.command("presets")
def policy_presets() -> None:
    """List the model presets: parameters, blocks, paper."""
    from vla_bringup.commands import policy

    with reported():
        sys.exit(policy.in_policy_environment("presets"))


@policy_app.command("eval")
def policy_eval(
    bundle: Bundle,
    scenes: Annotated[int, typer.Option(min=1, help="Unseen scenes per task and condition.")] = 100,
    condition: Annotated[list[str] | None, typer.Option(help="Only this condition; may be repeated.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=99, help="Other scenes and sentences.")] = 0,
    processes: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    out: Annotated[Path, typer.Option(help="Folder of the reports.")] = Path("out/eval"),
) -> None:
    """Judge a bundle in the simulated cell: success, robustness, smoothness, failures."""
    from vla_bringup.commands import policy

    options = [f"--scenes={scenes}", f"--seed={seed}", f"--processes={processes}", f"--out={out}"]
    options += [f"--condition={name}" for name in condition or []]
    with reported():
        sys.exit(policy.in_policy_environment("eval", bundle, *options))


def _hand_on(name: str, what: str) -> None:
    """One more command of the policy environment; its arguments pass as they are, ``--help`` too."""

    @policy_app.command(
        name,
        help=what,
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def command(context: typer.Context) -> None:
        from vla_bringup.commands import policy

        with reported():
            sys.exit(policy.in_policy_environment(name, *context.args))


_hand_on("import", "Make a bundle out of a checkpoint of another framework: openvla PATH OUT --unnorm-key KEY.")
_hand_on("data", "Datasets of demonstrations (LeRobotDataset v3): make OUT, check DATASET, convert, stats.")
_hand_on("train", "Train a preset on demonstrations: PRESET --data DATASET --out RUN.")
_hand_on("memory", "Predict the memory that a preset needs: PRESET --variant tiny --batch 8.")


@policy_app.command("load")
def policy_load(bundle: Bundle, namespace: Namespace = "") -> None:
    """Swap the running policy for another without stopping."""
    from vla_bringup.commands import policy

    with reported():
        policy.load(bundle, namespace)


@robot_app.command("check")
def robot_check(
    params: Annotated[Path, typer.Argument(help="Parameter file of both nodes, as for robot.launch.py.")],
    bundle: Annotated[Path | None, typer.Argument(help="Folder of the policy bundle; without: the gate alone.")] = None,
    namespace: Namespace = "",
    remap: Annotated[
        list[str] | None, typer.Option("--remap", "-r", help="FROM:=TO, as ros2 run takes it; may be repeated.")
    ] = None,
    without_monitor: Annotated[
        bool, typer.Option("--without-monitor", help="The safety monitor is not started yet: leave its rows out.")
    ] = False,
    wait: Annotated[float, typer.Option(help="Longest time to look for what is missing [s].", min=0.5)] = 8.0,
) -> None:
    """Hold policy, parameters and limits against the live robot. Nothing is moved; exit code 1 when a row fails."""
    from vla_bringup.commands import robot

    with reported():
        robot.check(params, bundle, namespace, remap or [], not without_monitor, wait)


@app.command()
def up(
    bundle: StackBundle = None,
    seed: Annotated[int, typer.Option(help="Scene on the table; training has those below 1e6.", min=0)] = 1_000_000,
    namespace: Namespace = "",
    out: Annotated[Path, typer.Option(help="Folder for logs.")] = Path("out/up"),
) -> None:
    """Start the simulated arm with everything, and leave it running for `vla say`. Ctrl-C ends it."""
    from vla_bringup.commands import up as command

    with reported():
        command.up(bundle, seed, namespace, out)


@app.command()
def demo(
    instruction: Annotated[
        str, typer.Option(envvar="INSTRUCTION", help="Your own sentence instead of the built-in series.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Same seed, same scenes and sentences.", min=0)] = 0,
    episodes: Annotated[int | None, typer.Option(help="Attempts; 8, or 1 with a sentence of your own.", min=1)] = None,
    heldout: Annotated[bool, typer.Option(help="Sentences in wordings that training never saw.")] = False,
    bundle: StackBundle = None,
    video: Annotated[bool, typer.Option(help="Render demo.mp4 afterwards.")] = True,
    out: Annotated[Path, typer.Option(help="Folder for report, video and logs.")] = Path("out/demo"),
) -> None:
    """Start everything, give a series of instructions in fresh scenes, and report how it went."""
    from vla_bringup.demo.options import DemoOptions
    from vla_bringup.demo.run import run_demo

    options = DemoOptions(instruction.strip(), seed, episodes, heldout, bundle, video, out.resolve())
    with reported():
        run_demo(options)


def main() -> None:
    """Entry point of the ``vla`` command."""
    app(prog_name="vla")


if __name__ == "__main__":
    main()
