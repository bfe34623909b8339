"""The newest observation that satisfies the contract, or the names of what is missing. No ROS."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from vla_core.contract import Contract
from vla_core.images import content_hash, decode_compressed, to_rgb
from vla_core.sync import STATE_STREAM, Reason, Synchronizer, SyncProblem
from vla_core.types import ImageArray
from vla_inference.inference.samples import CameraFrame, CameraProof, JointSample
from vla_inference.inference.seen import Seen, Starved

# A joint state older than this is no state to act on [s, ROS time]; joint_state_broadcaster sends 100 a second.
STATE_MAX_AGE_S = 0.2
# Of the images converted last; one that is used is among them.
_HASHES = 16
# An image that comes later than this after the one before is not waited for [frames].
_OVERDUE = 1.5


class Source(Protocol):
    """Where samples come from; see ``Sensors``."""

    def frames(self, camera: str, after_ns: int = -1) -> list[CameraFrame]:
        """What came in after ``after_ns`` of the steady clock."""
        ...

    def joints(self, after_ns: int = -1) -> list[JointSample]:
        """What came in after ``after_ns`` of the steady clock."""
        ...


class Observer:
    """Not thread-safe: each inference thread has its own. Images are converted here, and only those that are used.

    topics: camera name, or ``state`` -> topic, for messages.
    slowness: by how much watchdogs on the steady clock are stretched; above 1 for a simulation slower than real time.
    """

    def __init__(
        self, contract: Contract, source: Source, topics: Mapping[str, str], slowness: Callable[[], float]
    ) -> None:
        self._contract = contract
        self._source = source
        self._topics = topics
        self._slowness = slowness
        self._sync = Synchronizer(contract, state_max_age_s=STATE_MAX_AGE_S)
        self._received_ns = dict.fromkeys([*contract.camera_names, STATE_STREAM], -1)
        self._stamp_ns = dict.fromkeys([*contract.camera_names, STATE_STREAM], -1)
        # Between the last samples; the least is the camera's period, as lost images make longer ones.
        self._gaps_ns = {name: deque[int](maxlen=8) for name in self._stamp_ns}
        self._set_ns = -1
        self._hashes: dict[str, dict[int, Future[int]]] = {name: {} for name in contract.camera_names}
        self._hasher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hash")

    def newest_ns(self, ros_ns: int, steady_ns: int) -> int | None:
        """The newest t0 there can be an observation for, ROS time; None when some input has not come, or is old.

        While one camera is ahead and the others' next images are about to come, it stays that of the set before: an
        observation made of both would begin with an image that is a whole frame old.
        """
        self._feed()
        if self._silent(steady_ns):
            return None
        ages = {camera.name: camera.max_age_s for camera in self._contract.cameras}
        if self._contract.state:
            ages[STATE_STREAM] = STATE_MAX_AGE_S
        if any(ros_ns - self._stamp_ns[name] > age_s * 1e9 for name, age_s in ages.items()):
            return None
        stamps = [self._stamp_ns[name] for name in self._contract.camera_names]
        if not stamps:
            return ros_ns
        if not self._comes_soon(min(stamps), max(stamps), ros_ns):
            self._set_ns = min(stamps)
        return self._set_ns

    def _comes_soon(self, oldest_ns: int, newest_ns: int, ros_ns: int) -> bool:
        """Whether the camera that is behind is so by more than half its frame, and its next image is not overdue."""
        behind = [name for name in self._contract.camera_names if self._stamp_ns[name] == oldest_ns]
        period_ns = max(min(self._gaps_ns[name], default=0) for name in behind)
        return newest_ns - oldest_ns > period_ns / 2 and 0 <= ros_ns - oldest_ns < _OVERDUE * period_ns

    def prepare(self, since_ns: int) -> None:
        """Convert the images stamped ``since_ns`` or later, while the others of their set have not come."""
        self._sync.prepare(since_ns)

    def see(self, instruction: str, ros_ns: int, steady_ns: int) -> Seen:
        """The newest observation.

        Raises:
            Starved: an input is missing, stale, skewed or wrong; names each one and its topic.
        """
        self._feed()
        problems: Sequence[SyncProblem] = self._silent(steady_ns)
        if not problems:
            result = self._sync.observe(ros_ns, instruction)
            problems = result.problems
            if result.observation is not None:
                return Seen(result.observation, self._proofs(result.observation.image_stamps_ns))
        raise Starved("; ".join(self._told(problem) for problem in problems))

    def _feed(self) -> None:
        """Hand what has come in since the last time to the synchronizer."""
        for name in self._contract.camera_names:
            for frame in self._source.frames(name, self._received_ns[name]):
                self._sync.add_image(name, frame.stamp_ns, self._image_source(frame))
                self._note(name, frame)
        if self._contract.state:
            for sample in self._source.joints(self._received_ns[STATE_STREAM]):
                self._sync.add_state(sample.stamp_ns, sample.names, sample.positions)
                self._note(STATE_STREAM, sample)

    def _note(self, name: str, sample: CameraFrame | JointSample) -> None:
        if 0 <= self._stamp_ns[name] < sample.stamp_ns:
            self._gaps_ns[name].append(sample.stamp_ns - self._stamp_ns[name])
        self._received_ns[name], self._stamp_ns[name] = sample.received_ns, sample.stamp_ns

    def _image_source(self, frame: CameraFrame) -> Callable[[], ImageArray]:
        """Converts when, and only when, the synchronizer has chosen the frame."""

        def convert() -> ImageArray:
            hashes = self._hashes[frame.name]
            hashes[frame.stamp_ns] = self._hasher.submit(content_hash, frame.data)
            if len(hashes) > _HASHES:
                del hashes[next(iter(hashes))]
            return rgb(frame)

        return convert

    def _proofs(self, stamps_ns: Mapping[str, int]) -> Callable[[], tuple[CameraProof, ...]]:
        """Hashing takes half a millisecond for a 640x480 picture, and needs no interpreter lock: it runs beside."""
        hashes = {name: self._hashes[name][stamp_ns] for name, stamp_ns in stamps_ns.items()}
        return lambda: tuple(CameraProof(name, stamps_ns[name], future.result()) for name, future in hashes.items())

    def _silent(self, steady_ns: int) -> list[SyncProblem]:
        """Inputs that have gone silent by the steady clock, whatever their stamps and a frozen /clock say."""
        problems = []
        for camera in self._contract.cameras:
            problem = self._silence(camera.name, f"camera {camera.name}", camera.max_age_s, steady_ns)
            problems.append(problem)
        if self._contract.state:
            problems.append(self._silence(STATE_STREAM, STATE_STREAM, STATE_MAX_AGE_S, steady_ns))
        return [problem for problem in problems if problem is not None]

    def _silence(self, name: str, stream: str, max_age_s: float, steady_ns: int) -> SyncProblem | None:
        received_ns = self._received_ns[name]
        if received_ns < 0:
            return SyncProblem(stream, Reason.MISSING, "nothing received; is the driver running, does the QoS match?")
        silent_s, allowed_s = (steady_ns - received_ns) * 1e-9, max_age_s * self._slowness()
        if silent_s <= allowed_s:
            return None
        return SyncProblem(stream, Reason.STALE, f"nothing received for {silent_s:.3f} s, allowed {allowed_s:g} s")

    def _told(self, problem: SyncProblem) -> str:
        name = problem.stream.removeprefix("camera ")
        topic = self._topics.get(name)
        return str(problem) if topic is None else f"{problem} ({topic})"


def rgb(frame: CameraFrame) -> ImageArray:
    """(H, W, 3) uint8. Raises ObservationError for an encoding that is unknown, or data that does not fit."""
    if frame.compressed:
        return decode_compressed(format=frame.encoding, data=frame.data)
    return to_rgb(
        width=frame.width,
        height=frame.height,
        encoding=frame.encoding,
        step=frame.step,
        data=frame.data,
        is_bigendian=frame.is_bigendian,
    )
