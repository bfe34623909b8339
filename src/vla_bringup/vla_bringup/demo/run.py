"""The whole demo: stack up, attempts, stack down, report, video."""

from __future__ import annotations

import json
from pathlib import Path

from rich.live import Live
from rich.markup import escape
from rich.progress import Progress

from vla_bringup.console import console, styled
from vla_bringup.demo.attempts import Attempt, plan_attempts
from vla_bringup.demo.episode import EpisodeRunner
from vla_bringup.demo.options import DemoOptions
from vla_bringup.demo.records import EpisodeRecord, RunRecord
from vla_bringup.demo.report import episode_table, summary, versions, write_report
from vla_bringup.demo.way_home import WayHome
from vla_bringup.errors import StackError
from vla_bringup.graph.session import DISCOVERY_S, Session, session
from vla_bringup.graph.stack_view import StackView, watch
from vla_bringup.stack.interrupt import terminate_as_interrupt
from vla_bringup.stack.progress import ProgressBoard
from vla_bringup.stack.running import running_stack
from vla_bringup.stack.spec import default_bundle, tabletop_params, tabletop_stack

REFRESH_HZ = 4.0


def run_demo(options: DemoOptions) -> None:
    """Run it; what was done until an interruption is still reported. VlaError with the reason of a failure."""
    attempts = plan_attempts(options)
    bundle = options.bundle.resolve() if options.bundle else default_bundle()
    states = options.out / "states.npz"
    options.out.mkdir(parents=True, exist_ok=True)
    states.unlink(missing_ok=True)
    run = RunRecord(options.seed, options.wording, versions())
    if options.instruction and not attempts[0].judged:
        console.print("[yellow]The sentence names no task and colour that could be judged; it runs unjudged.[/]")
    try:
        with terminate_as_interrupt():
            _run_attempts(options, bundle, states, attempts, run)
    finally:
        _report(options, run)
    if options.video and states.is_file():
        path = options.out / "demo.mp4"
        _render_video(states, run, path)
        console.print(f"video:  {path}")


def _run_attempts(options: DemoOptions, bundle: Path, states: Path, attempts: list[Attempt], run: RunRecord) -> None:
    specs = tabletop_stack(bundle, states, seed=attempts[0].scene_seed)
    with session("vla_demo") as ros:
        view = watch(ros, simulator=True)
        with running_stack(ros, specs, tabletop_params(), options.out / "logs", ProgressBoard(console)):
            _wait_for_status(ros, view)
            run.versions["policy"] = view.inference.policy_id if view.inference is not None else ""
            way_home = WayHome(ros, view)
            runner = EpisodeRunner(ros, view, run, way_home)
            with AttemptDisplay(run, view) as display:
                for attempt in attempts:
                    runner.run(attempt, display.update)
            way_home.go()
            run.max_limit_violation = view.max_limit_violation


def _wait_for_status(ros: Session, view: StackView) -> None:
    def complete() -> bool:
        return view.gate is not None and view.inference is not None and view.episode is not None

    if not ros.wait_for(complete, DISCOVERY_S * 3):
        silent = [name for name in ("gate", "inference", "episode") if getattr(view, name) is None]
        raise StackError(f"the stack is active but silent about: {', '.join(silent)}")


class AttemptDisplay:
    """Each attempt as it runs: a live table on a terminal, else a line when it ends."""

    def __init__(self, run: RunRecord, view: StackView) -> None:
        self._run = run
        self._view = view
        self._live = Live(console=console, refresh_per_second=REFRESH_HZ) if console.is_terminal else None

    def __enter__(self) -> AttemptDisplay:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.update("")  # the summary shows the table again
            self._live.stop()

    def update(self, record: EpisodeRecord) -> None:
        """``record`` has changed."""
        if self._live is not None:
            table = episode_table(self._run.episodes)
            table.caption = f"gate {styled(self._view.gate_state)}  policy {styled(self._view.inference_state)}"
            self._live.update(table)
        elif record.outcome != "running":
            number = len(self._run.episodes)
            console.print(
                f"{number:3d}. “{escape(record.instruction)}”: {record.outcome} after {record.duration_s:.1f} s"
            )


def _report(options: DemoOptions, run: RunRecord) -> None:
    run.episodes[:] = [episode for episode in run.episodes if episode.outcome != "running"]
    if not run.episodes:
        return
    report_path = options.out / "report.json"
    write_report(run, report_path)
    (options.out / "events.json").write_text(json.dumps(run.events))
    console.print(summary(run))
    console.print(f"report: {report_path}")


def _render_video(states: Path, run: RunRecord, path: Path) -> None:
    from vla_sim.video import render_demo_video  # loads the renderer: not before it is needed

    with Progress(*Progress.get_default_columns(), console=console, transient=True) as bar:
        task = bar.add_task("rendering the video", total=None)
        render_demo_video(states, run.events, path, lambda done, total: bar.update(task, completed=done, total=total))
