"""The commanded path in MuJoCo: the arm's own geometry says whether it meets the table or itself.

The model comes from the URDF by MuJoCo's parser, apart from the gate's kinematics; the table top is that of the shipped
scene. Every link meets every other and the table, except neighbours and what is built overlapping.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import mujoco
import numpy as np

from proof.fuzz.journal import Escape, Journal
from proof.fuzz.limits import Limits
from proof.fuzz.polynomials import FloatArray

TABLE_CENTER_M, TABLE_HALF_M = (0.32, 0.0, -0.02), (0.52, 0.62, 0.02)  # its top is the mounting surface, z = 0
# The column turns inside the foot's cover; the finger tips touch when closed.
OVERLAPPING = frozenset({("base_link", "link1"), ("left_finger", "right_finger")})
DEPTH_M = 1e-3  # less is the roundness of primitives, not a collision
SPEED_TOLERANCE = 1e-3  # of the limit: differences over a command period
TAILS = 20  # every so many messages its resting place is looked at too, for it may be the last


class GroundTruth:
    """The arm alone, on its table. limits: of the arm's joints."""

    def __init__(self, urdf: str, limits: Limits) -> None:
        spec = mujoco.MjSpec.from_string(urdf)
        for body in spec.bodies:
            for geom in body.geoms:
                if geom.contype:
                    geom.contype = geom.conaffinity = 1
        table = spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=TABLE_CENTER_M, size=TABLE_HALF_M)
        table.contype = table.conaffinity = 1
        self._model = spec.compile()
        self._data = mujoco.MjData(self._model)
        self._limits = limits
        self._place = [self._model.joint(name).qposadr[0] for name in limits.names]
        self._range = self._model.jnt_range[[self._model.joint(name).id for name in limits.names]].T

    def contacts(self, position: FloatArray, depth_m: float = DEPTH_M) -> dict[tuple[str, str], float]:
        """Depth [m] above ``depth_m`` by pair of links at ``position`` (J,); the table is called world."""
        model, data = self._model, self._data
        data.qpos[self._place] = position
        mujoco.mj_kinematics(model, data)
        mujoco.mj_collision(model, data)
        found: dict[tuple[str, str], float] = {}
        for contact in data.contact:
            bodies = (model.body(model.geom_bodyid[geom]).name for geom in (contact.geom1, contact.geom2))
            first, second = sorted(bodies)
            if (first, second) not in OVERLAPPING and -contact.dist > depth_m:
                found[first, second] = max(found.get((first, second), 0.0), -contact.dist)
        return found

    def judge(self, journal: Journal) -> tuple[Counter[str], list[Escape]]:
        """What was seen, and what broke a limit or met something."""
        escapes = [*self._kinematics(journal)]
        seen: Counter[str] = Counter({"samples": len(journal.samples), "sequences": 1})
        for at, position in self._met(journal):
            contacts = self.contacts(position)
            for pair, depth in contacts.items():
                kind = "table" if "world" in pair else "self"
                seen[f"{kind}: {' and '.join(pair)}"] += 1
                detail = f"{' meets '.join(pair)}, {depth * 1e3:.1f} mm deep"
                escapes.append(Escape(f"contact_{kind}", at, detail, depth, DEPTH_M))
            seen["samples in contact"] += bool(contacts)
        return seen, escapes

    def _kinematics(self, journal: Journal) -> Iterator[Escape]:
        if len(journal.samples) < 2:
            return
        at = np.array([at for at, _ in journal.samples])
        positions = np.array([state[0] for _, state in journal.samples])
        outside = ((positions < self._range[0] - 1e-6) | (positions > self._range[1] + 1e-6)).any(axis=1)
        if outside.any():
            yield Escape("simulated_position", int(at[outside][0]), "outside the joint's range in the simulator")
        moved = np.array([-1, *(when for when, _ in journal.activations)])
        hands = np.searchsorted(moved, at)  # how often it was moved by hand before then
        passed = np.maximum(np.diff(at), 1)[:, None] * 1e-9
        speed = np.abs(np.diff(positions, axis=0)) / passed / self._limits.velocity
        fast = (speed.max(axis=1) > 1.0 + SPEED_TOLERANCE) & (hands[1:] == hands[:-1])
        if fast.any():
            yield Escape("simulated_velocity", int(at[1:][fast][0]), f"{speed[fast].max():.6f} of the velocity limit")

    def _met(self, journal: Journal) -> Iterator[tuple[int, FloatArray]]:
        """Where it was commanded, from a place that was free; each place once."""
        places = [(at, state[0]) for at, state in journal.samples]
        places += [(message.at_ns, message.states[-1, 0]) for message in journal.messages[::TAILS]]
        begun = [(0, journal.home), *journal.activations]
        free = [not self.contacts(place, 0.0) for _, place in begun]
        starts = np.array([at for at, _ in begun])
        last: FloatArray | None = None
        for at, place in sorted(places, key=lambda entry: entry[0]):
            if last is not None and np.array_equal(place, last):
                continue
            last = place
            if free[int(np.searchsorted(starts, at, side="right")) - 1]:
                yield at, place
