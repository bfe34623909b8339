"""``vla status``: what the stack does now, on one page."""

from __future__ import annotations

from rich.live import Live
from rich.markup import escape
from rich.table import Table

from vla_bringup.console import console, styled
from vla_bringup.errors import NotRunningError
from vla_bringup.graph.session import DISCOVERY_S, session
from vla_bringup.graph.stack_view import DECISIONS, StackView, watch

REFRESH_HZ = 4.0


def status(namespace: str, follow: bool) -> None:
    """Print the state once, or keep it on the screen until Ctrl-C. NotRunningError when no node tells."""
    with session("vla_status", namespace) as ros:
        view = watch(ros)
        ros.wait_for(lambda: view.gate is not None and view.inference is not None, DISCOVERY_S)
        if view.gate is None and view.inference is None:
            raise NotRunningError("a running stack (vla/safety_status, vla/inference_status)", DISCOVERY_S)
        if not follow:
            console.print(page(view))
            return
        with Live(page(view), console=console, refresh_per_second=REFRESH_HZ) as live:
            try:
                while True:
                    ros.wait_for(lambda: False, 1.0 / REFRESH_HZ)
                    live.update(page(view))
            except KeyboardInterrupt:
                live.update(page(view))


def page(view: StackView) -> Table:
    """The table of ``vla status``."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    _gate_rows(table, view)
    _inference_rows(table, view)
    if view.latency is not None:
        for name in ("sync", "inference", "gate", "total"):
            row = getattr(view.latency, name)
            table.add_row(f"{name} latency", f"p50 {row.p50:.1f}  p95 {row.p95:.1f}  p99 {row.p99:.1f} ms")
    return table


def _gate_rows(table: Table, view: StackView) -> None:
    gate = view.gate
    if gate is None:
        table.add_row("safety monitor", "[bold red]not heard[/]")
        return
    stop = "  [bold red]emergency stop latched[/]" if gate.e_stop else ""
    table.add_row("safety monitor", styled(view.gate_state) + stop)
    decision = DECISIONS.get(gate.decision, str(gate.decision))
    why = f"  {escape(gate.reason)}: {escape(gate.detail)}" if gate.reason else ""
    table.add_row("newest decision", f"{decision}{why}")
    counts = f"pass {gate.count_pass}  slow {gate.count_slow}  hold {gate.count_hold}  stop {gate.count_stop}"
    table.add_row("since arming", counts)


def _inference_rows(table: Table, view: StackView) -> None:
    node = view.inference
    if node is None:
        table.add_row("inference node", "[bold red]not heard[/]")
        return
    detail = f"  {escape(node.detail)}" if node.detail else ""
    table.add_row("inference node", styled(view.inference_state) + detail)
    table.add_row("policy", escape(node.policy_id) or "none")
    if node.instruction:
        table.add_row("instruction", f"“{escape(node.instruction)}”")
    table.add_row("chunks, restarts", f"{node.chunks}, {node.worker_restarts}")
