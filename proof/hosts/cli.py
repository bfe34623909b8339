"""The command line."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from proof.faults.domain import claim
from proof.faults.rig import Rig
from proof.faults.truth import Truth
from proof.hosts import net
from proof.hosts.arrangement import ARRANGEMENTS, CAMERAS, Arrangement, describe, places, use_peers
from proof.hosts.measure import CONDITIONS, CUTS_S, Cut, Ear, Seen, cut, look
from vla_bringup.stack.process import ManagedProcess
from vla_core.errors import VlaError

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all ok or not permitted here, 1 a promise was not kept, 2 it could not be run."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="python -m proof.hosts", description="The stack on two hosts.")
    known = {one.name: one for one in ARRANGEMENTS}
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; none: all")
    parser.add_argument("--cut-only", action="store_true", help="leave out delay and loss")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "hosts", help="folder of report and logs")
    options = parser.parse_args(given)
    unknown = sorted(set(options.names) - set(known))
    if unknown:
        parser.error(f"{unknown[0]!r} is no arrangement; there are: {', '.join(known)}")
    if net.INSIDE not in os.environ:
        why = net.refusal()
        if why:
            print(f"skipped: {why}")
            return 0
        net.enter("proof.hosts", given)
    chosen = [known[name] for name in options.names or known]
    console, out = Console(width=160), options.out.resolve()
    domain, lock = claim(None)
    os.environ["ROS_DOMAIN_ID"] = str(domain)
    kept = True
    report: dict[str, object] = {}
    for arrangement in chosen:
        try:
            seen, cuts = _run(arrangement, out, console, options.cut_only)
        except (VlaError, OSError) as error:
            console.print(f"{arrangement.name}: {error}", markup=False)
            return 2
        kept = kept and all(one.ok for one in cuts)
        report[arrangement.name] = {
            "link": arrangement.link,
            "conditions": [asdict(one) for one in seen],
            "cuts": [asdict(one) for one in cuts],
        }
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    if lock is not None:
        lock.close()
    console.print(f"report: {out / 'report.json'}")
    return 0 if kept else 1


def _run(arrangement: Arrangement, out: Path, console: Console, cut_only: bool) -> tuple[list[Seen], list[Cut]]:
    def tell(text: str) -> None:
        console.print(f"{arrangement.name}: {text}", markup=False, highlight=False, soft_wrap=True)

    os.environ.pop("ROS_STATIC_PEERS", None)
    if arrangement.dds:
        use_peers()
    with net.SecondHost() as host:
        config = describe(arrangement, host.enter, out)
        jpeg = _compressor(out) if arrangement.compressed else None
        try:
            tell("starting")
            with Rig(config, out / arrangement.name, places(out), ()) as rig:
                ear, truth = Ear(), Truth(config.truth)
                ear.listen(rig)
                seen, cuts = [], []
                for condition in () if cut_only else CONDITIONS:
                    seen.append(look(rig, ear, truth, host, condition))
                    rig.log.save(out / arrangement.name / f"{condition.name.replace(' ', '')}.npz")
                    tell(str(seen[-1]))
                for lasts_s in CUTS_S:
                    cuts.append(cut(rig, ear, truth, host, arrangement.promise_s, lasts_s))
                    rig.log.save(out / arrangement.name / f"cut_{lasts_s:g}s.npz")
                    tell(str(cuts[-1]))
        finally:
            host.wire(up=True, delay_s=0.0, loss=0.0)
            if jpeg is not None:
                jpeg.end()
    return seen, cuts


def _compressor(out: Path) -> ManagedProcess:
    topics = [f"{name}_camera/image_raw" for name in CAMERAS]
    return ManagedProcess("compress", [sys.executable, "-m", "proof.hosts.compress", *topics], out / "compress.log")
