"""Whether a motion, with a stop from any instant of it, keeps every pair apart: also between samples.

Two certificates, both conservative, on cells of ``cells.py``:

1. The distance at one configuration, less what the joints can move the pair from there within the cells. No point of a
   pair moves faster than the sum of joint speeds times levers (conservative advancement: Mirtich, Impulse-based
   dynamic simulation of rigid body systems, 1996; Zhang, Redon, Lee, Kim, Continuous collision detection for
   articulated models, SIGGRAPH 2007).
2. A direction that separates the pair at all four corners of a cell by more than the points can bulge out of the patch
   of the corners in between. Along a fixed direction the position of each point is a smooth function, off its bilinear
   interpolant by an eighth of its second derivatives (de Boor, A Practical Guide to Splines, ch. III), which the levers
   bound too; so the widest gap at the corners less that bulge is kept everywhere. Directions are those of coal's GJK.

Where neither holds the cell is halved, until a pair is too near, or cannot be shown not to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_core.safety.braking import Brake
from vla_core.safety.trajectory import Trajectory
from vla_core.safety.workspace.cells import Cells, Surface
from vla_core.safety.workspace.chain import Poses
from vla_core.safety.workspace.model import CollisionModel
from vla_core.types import FloatArray

WINDOW_S = 0.25  # what the first certificate is tried on at once
SHORTEST_S = 0.005  # cells are not halved below this, half a command period,
FINEST_M = 1e-3  # nor when nothing moves further than this within them
MOST = 1500  # cells times pairs looked at before a motion is refused as too close to call


@dataclass(frozen=True, slots=True)
class Finding:
    """pair: index. start: the motion is clear up to here [s]. distance: found after it [m]. tail: in a stop."""

    pair: int
    start: float
    distance: float
    tail: bool


class Sweep:
    """The certificates for one arm."""

    def __init__(self, model: CollisionModel, brake: Brake) -> None:
        self._model, self._brake = model, brake

    def first_violation(
        self, motion: Trajectory, floor: FloatArray, tails: bool = True
    ) -> tuple[Finding | None, FloatArray]:
        """The earliest instant from which some pair (P,) comes nearer than ``floor`` (P,) [m]; None: never.

        Beside it (P,) by how much at least every pair keeps more than ``floor`` before that [m].
        """
        room = np.full(len(floor), np.inf)
        surface = Surface(motion, self._brake, tails)
        cells = surface.whole()
        items = self._doubtful(cells, floor, room)
        found: Finding | None = None
        seen = 0
        while len(items.cell):
            poses = self._model.chain.poses(cells.corners)
            items = items.where(~self._certified(cells, poses, items, floor, room))
            seen += len(items.cell)
            distance = self._aim(cells, items)
            lost = (self._model.reach[items.pair] * cells.left_out[items.cell]).sum(axis=1)
            hit = distance < floor[items.pair] + lost
            until = min(cells.end[items.cell[hit]].min(initial=np.inf), np.inf if found is None else found.start)
            keep = ~self._certified(cells, poses, items, floor, room) & (cells.start[items.cell] < until)
            items, distance, hit = items.where(keep), distance[keep], hit[keep]
            halves = _Halves(cells)
            for index in range(len(items.cell)):
                k, p = int(items.cell[index]), int(items.pair[index])
                if seen < MOST and halves.add(k, p, items.normal[index], self._model.reach[p], bool(hit[index])):
                    continue
                if found is None or cells.start[k] < found.start:
                    found = Finding(p, float(cells.start[k]), float(distance[index]), bool(cells.near[k] > 0.0))
            cells, items = halves.cells(surface, np.inf if found is None else found.start)
        return found, room

    def _doubtful(self, cells: Cells, floor: FloatArray, room: FloatArray) -> _Items:
        """Cells and pairs that the first certificate leaves, with a direction to try."""
        length = cells.end[-1] - cells.start[0]
        count = max(round(length / WINDOW_S), 1)
        window = np.minimum(((cells.start - cells.start[0]) / length * count).astype(int), count - 1)
        edges = np.flatnonzero(np.diff(window, prepend=-1))
        low = np.minimum.reduceat((cells.corners.min(axis=1) - cells.stray), edges)
        high = np.maximum.reduceat((cells.corners.max(axis=1) + cells.stray), edges)
        moved = (0.5 * (high - low)) @ self._model.reach.T
        last = np.append(edges[1:], len(cells))
        chosen, pairs, normals = [], [], []
        for index, (first, end) in enumerate(zip(edges, last, strict=True)):
            distance = self._model.distances(0.5 * (low[index] + high[index]))
            left = distance - moved[index] - floor
            np.minimum(room, left, out=room, where=left >= 0.0)
            for p in np.flatnonzero(~(left >= 0.0)).tolist():
                chosen.append(np.arange(first, end))
                pairs.append(np.full(end - first, p))
                normals.append(np.tile(self._model.normal(p), (end - first, 1)))
        return _items(chosen, pairs, normals)

    def _aim(self, cells: Cells, items: _Items) -> FloatArray:
        """(N,) distance in the middle of each cell; the items' directions become those that separate best there."""
        distance = np.empty(len(items.cell))
        last = -1
        for index, (k, p) in enumerate(zip(items.cell.tolist(), items.pair.tolist(), strict=True)):
            if k != last:
                self._model.at(cells.centre(k))
                last = k
            distance[index] = self._model.distance(p)
            items.normal[index] = self._model.normal(p)
        return distance

    def _certified(
        self, cells: Cells, poses: Poses, items: _Items, floor: FloatArray, room: FloatArray
    ) -> NDArray[np.bool_]:
        """(N,) whether the second certificate holds; by how much goes into ``room``."""
        gap = self._model.gaps(poses, items.cell, items.pair, items.normal).min(axis=1, initial=np.inf)
        left = gap - floor[items.pair] - self._bulge(cells, items.cell, items.pair)
        certain: NDArray[np.bool_] = left >= 0.0
        np.minimum.at(room, items.pair[certain], left[certain])
        return certain

    def _bulge(self, cells: Cells, cell: Any, pair: Any) -> FloatArray:
        """(N,) how far any point of a pair gets out of the patch of a cell's corners [m]."""
        bend = self._model.bend[pair]
        along, across = cells.along[cell], cells.across[cell]
        bulge: FloatArray = (self._model.reach[pair] * cells.stray[cell]).sum(axis=1)
        bulge += ((along[:, None] @ bend)[:, 0] * along).sum(axis=1) / 8.0
        bulge += ((across[:, None] @ bend)[:, 0] * across).sum(axis=1) / 8.0
        return bulge


@dataclass(frozen=True, slots=True)
class _Items:
    """N cells with a pair (N,) each that is still in doubt, and a direction (N, 3) to try."""

    cell: Any
    pair: Any
    normal: FloatArray

    def where(self, chosen: NDArray[np.bool_]) -> _Items:
        return _Items(self.cell[chosen], self.pair[chosen], self.normal[chosen])


def _items(cell: list[Any], pair: list[Any], normal: list[FloatArray]) -> _Items:
    if not cell:
        none = np.zeros(0, dtype=int)
        return _Items(none, none, np.zeros((0, 3)))
    return _Items(np.concatenate(cell), np.concatenate(pair), np.concatenate(normal))


class _Halves:
    """Collects halves of cells, each once however many pairs want it."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._edges: dict[tuple[int, bool, bool], tuple[int, float, float, float, float]] = {}
        self._wanted: list[tuple[tuple[int, bool, bool], int, FloatArray]] = []

    def add(self, k: int, pair: int, normal: FloatArray, reach: FloatArray, hit: bool) -> bool:
        """Halve cell ``k`` for ``pair``; False: it is not worth halving any more.

        hit: its middle is too near for any smaller cell.
        """
        cells = self._cells
        along, across = float(reach @ cells.along[k]), float(reach @ cells.across[k])
        in_time = float(cells.end[k] - cells.start[k]) > 2.0 * SHORTEST_S
        if not (in_time and (along >= across or hit or across < FINEST_M)):
            if hit or across < FINEST_M:
                return False
            in_time = False
        for later in (False, True):
            key = (k, in_time, later)
            if key not in self._edges:
                self._edges[key] = self._half(k, in_time, later)
            self._wanted.append((key, pair, normal))
        return True

    def _half(self, k: int, in_time: bool, later: bool) -> tuple[int, float, float, float, float]:
        cells = self._cells
        start, end, near, far = (float(a[k]) for a in (cells.start, cells.end, cells.near, cells.far))
        if in_time:
            middle = 0.5 * (start + end)
            start, end = (middle, end) if later else (start, middle)
        else:
            middle = 0.5 * (near + far)
            near, far = (middle, far) if later else (near, middle)
        return int(cells.segment[k]), start, end, near, far

    def cells(self, surface: Surface, until: float) -> tuple[Cells, _Items]:
        """The halves that begin before ``until`` [s]."""
        keys = {key: 0 for key, edges in self._edges.items() if edges[1] < until}
        keys = {key: index for index, key in enumerate(keys)}
        wanted = [one for one in self._wanted if one[0] in keys]
        if not wanted:
            return self._cells, _items([], [], [])
        segment, start, end, near, far = zip(*(self._edges[key] for key in keys), strict=True)
        edges = (np.array(start), np.array(end), np.array(near), np.array(far))
        cells = surface.cells(np.array(segment), *edges)
        items = _Items(
            np.array([keys[key] for key, _, _ in wanted]),
            np.array([pair for _, pair, _ in wanted]),
            np.array([normal for _, _, normal in wanted]),
        )
        return cells, items
