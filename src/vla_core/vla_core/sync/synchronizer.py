"""The newest set of images and joint state that belong together by their header stamps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from vla_core.contract.model import CameraSpec, Contract
from vla_core.errors import ObservationError
from vla_core.images.preprocess import prepare_image
from vla_core.sync.joints import order_joints
from vla_core.sync.result import STATE_STREAM, Reason, SyncCheck, SyncProblem, SyncResult
from vla_core.sync.stream import StampedBuffer
from vla_core.types import FloatArray, ImageArray, Observation, read_only

ImageSource = ImageArray | Callable[[], ImageArray]
"""The RGB image, or what makes it: converting is left until the image is really used."""


class _Picture:
    """One image, brought into the contract's form when it is first asked for."""

    def __init__(self, camera: CameraSpec, source: ImageSource) -> None:
        self._camera = camera
        self._source: ImageSource | None = source
        self._prepared: ImageArray | SyncProblem | None = None

    def prepared(self) -> ImageArray | SyncProblem:
        """The image for the policy, or what is wrong with it; made once."""
        if self._prepared is None:
            assert self._source is not None
            self._prepared = _prepare(self._camera, self._source)
            self._source = None  # the camera's image is the bigger one
        return self._prepared


_Chosen = dict[str, tuple[int, _Picture]]


class Synchronizer:
    """Buffers each stream and puts observations together; not thread-safe: one lock around it is the caller's.

    An observation's images lie within the contract's ``max_skew_s`` of each other, each is no older than its
    ``max_age_s``, and the joint state is the one nearest to the oldest image, within ``state_skew_s`` of it.
    """

    def __init__(
        self,
        contract: Contract,
        *,
        state_max_age_s: float = 0.1,
        state_skew_s: float | None = None,
        future_tolerance_s: float = 0.05,
    ) -> None:
        """Start with empty buffers.

        Args:
            contract: cameras, ages, skew and state names.
            state_max_age_s: age that the newest joint state may have [s].
            state_skew_s: between the joint state and the oldest image [s]; None: the contract's ``max_skew_s``.
            future_tolerance_s: how far a stamp may lie ahead of now [s]; /clock and stamps come by different ways.
        """
        self._contract = contract
        self._skew_ns = _ns(contract.max_skew_s)
        self._state_age_ns = _ns(state_max_age_s)
        self._state_skew_ns = _ns(contract.max_skew_s if state_skew_s is None else state_skew_s)
        self._future_ns = _ns(future_tolerance_s)
        span_ns = max([_ns(camera.max_age_s) for camera in contract.cameras], default=0) + _ns(1.0)
        self._cameras = {camera.name: camera for camera in contract.cameras}
        self._images: dict[str, StampedBuffer[_Picture]] = {
            name: StampedBuffer(span_ns=span_ns, depth=16) for name in contract.camera_names
        }
        self._states: StampedBuffer[FloatArray] = StampedBuffer(span_ns=span_ns, depth=4096)
        self._state_fault: str | None = None
        self._now_ns: int | None = None
        self._last_t0_ns: int | None = None

    def add_image(self, camera: str, stamp_ns: int, image: ImageSource) -> None:
        """An image of ``camera`` with its header stamp [ns, ROS time]."""
        if camera not in self._images:
            raise ValueError(f"no camera '{camera}'; the contract has {', '.join(self._images)}")
        self._images[camera].add(stamp_ns, _Picture(self._cameras[camera], image))

    def prepare(self, since_ns: int) -> None:
        """Convert the oldest image of each camera stamped ``since_ns`` or later: the likeliest of the next set.

        For the time in which other cameras of the set have not come; ``observe`` then only converts the rest.
        """
        for buffer in self._images.values():
            newest_ns = buffer.newest_ns
            found = None if newest_ns is None else buffer.between(since_ns, newest_ns)
            if found is not None:
                found[1].prepared()

    def add_state(self, stamp_ns: int, names: Sequence[str], positions: Sequence[float] | FloatArray) -> None:
        """A joint-state message; a wrong one blocks every observation until a right one comes."""
        try:
            state = order_joints(self._contract.state_names, names, positions)
        except ObservationError as error:
            self._state_fault = str(error)
            return
        self._state_fault = None
        self._states.add(stamp_ns, state)

    def clear(self) -> None:
        """Forget everything, as after an emergency stop or a jump of the clock."""
        for buffer in self._images.values():
            buffer.clear()
        self._states.clear()
        self._state_fault = None
        self._last_t0_ns = None

    def rate_hz(self, camera: str) -> float | None:
        """Measured rate of a camera by its stamps; None with fewer than two images."""
        return self._images[camera].rate_hz()

    def back_steps(self) -> Mapping[str, int]:
        """Stream -> how often its stamps have stepped back since the start."""
        counts = {_stream(name): buffer.back_steps for name, buffer in self._images.items()}
        return counts | {STATE_STREAM: self._states.back_steps}

    def check(self, now_ns: int) -> SyncCheck:
        """t0 of the observation that ``observe`` would make, without converting an image."""
        chosen, problems = self._match(now_ns)
        return SyncCheck(None if problems else self._t0_ns(chosen, now_ns), problems)

    def observe(self, now_ns: int, instruction: str) -> SyncResult:
        """The newest consistent observation at ``now_ns`` (ROS time), or everything that is wrong.

        A clock that has stepped back by more than the future tolerance empties all buffers first.
        """
        chosen, problems = self._match(now_ns)
        if problems:
            return SyncResult(None, problems)
        return self._assemble(chosen, self._t0_ns(chosen, now_ns), instruction)

    def _match(self, now_ns: int) -> tuple[_Chosen, tuple[SyncProblem, ...]]:
        if self._now_ns is not None and now_ns < self._now_ns - self._future_ns:
            self.clear()
        self._now_ns = now_ns
        problems = self._problems(now_ns)
        if problems:
            return {}, tuple(problems)
        chosen = self._choose(now_ns)
        if chosen is None:
            return {}, (SyncProblem("cameras", Reason.SKEWED, self._skew_detail()),)
        t0_ns = self._t0_ns(chosen, now_ns)
        if chosen and self._last_t0_ns is not None and t0_ns < self._last_t0_ns:
            detail = f"oldest image is {(self._last_t0_ns - t0_ns) * 1e-6:.1f} ms before the one already acted on"
            return {}, (SyncProblem("cameras", Reason.BACK_STEP, detail),)
        return chosen, ()

    def _problems(self, now_ns: int) -> list[SyncProblem]:
        """What is wrong with each stream alone."""
        found = [
            self._stream_problem(_stream(camera.name), self._images[camera.name].newest_ns, now_ns, camera.max_age_s)
            for camera in self._contract.cameras
        ]
        if self._state_fault is not None:
            found.append(SyncProblem(STATE_STREAM, Reason.INVALID, self._state_fault))
        elif self._contract.state:
            age_s = self._state_age_ns * 1e-9
            found.append(self._stream_problem(STATE_STREAM, self._states.newest_ns, now_ns, age_s))
        return [problem for problem in found if problem is not None]

    def _stream_problem(self, stream: str, newest_ns: int | None, now_ns: int, max_age_s: float) -> SyncProblem | None:
        if newest_ns is None:
            return SyncProblem(stream, Reason.MISSING, "nothing received; is the driver running, does the QoS match?")
        age_ns = now_ns - newest_ns
        if age_ns > _ns(max_age_s):
            hint = "; the driver does not stamp its messages" if newest_ns == 0 else ""
            return SyncProblem(stream, Reason.STALE, f"{age_ns * 1e-9:.3f} s old, allowed {max_age_s:g} s{hint}")
        if age_ns < -self._future_ns:
            return SyncProblem(
                stream, Reason.FUTURE, f"stamped {-age_ns * 1e-9:.3f} s ahead of now; synchronize the clocks"
            )
        return None

    def _choose(self, now_ns: int) -> _Chosen | None:
        """Images of the newest set: each candidate for the oldest image is tried, the newest first."""
        limits = {camera.name: now_ns - _ns(camera.max_age_s) for camera in self._contract.cameras}
        candidates = sorted({stamp for buffer in self._images.values() for stamp in buffer.stamps_ns()}, reverse=True)
        for oldest_ns in candidates:
            chosen: _Chosen = {}
            for name, buffer in self._images.items():
                found = buffer.between(max(oldest_ns, limits[name]), oldest_ns + self._skew_ns)
                if found is None:
                    break
                chosen[name] = found
            else:
                return chosen
        return None if self._images else {}

    def _skew_detail(self) -> str:
        newest = {name: buffer.newest_ns or 0 for name, buffer in self._images.items()}
        latest = max(newest.values())
        behind = ", ".join(f"{name} {(latest - stamp) * 1e-6:.1f} ms behind" for name, stamp in newest.items())
        return f"no images within {self._contract.max_skew_s:g} s of each other; newest: {behind}"

    def _assemble(self, chosen: _Chosen, t0_ns: int, instruction: str) -> SyncResult:
        problems: list[SyncProblem] = []
        images: dict[str, ImageArray] = {}
        for camera in self._contract.cameras:
            prepared = chosen[camera.name][1].prepared()
            if isinstance(prepared, SyncProblem):
                problems.append(prepared)
            else:
                images[camera.name] = prepared
        state = self._state_at(t0_ns)
        if isinstance(state, SyncProblem):
            return SyncResult(None, (*problems, state))
        if problems:
            return SyncResult(None, tuple(problems))
        self._last_t0_ns = t0_ns
        stamps = {name: stamp for name, (stamp, _) in chosen.items()}
        return SyncResult(Observation(images, stamps, state[1], state[0], instruction))

    def _t0_ns(self, chosen: _Chosen, now_ns: int) -> int:
        """The oldest image's stamp; without cameras the newest state's, without both now."""
        newest_ns = self._states.newest_ns
        return min((stamp for stamp, _ in chosen.values()), default=now_ns if newest_ns is None else newest_ns)

    def _state_at(self, t0_ns: int) -> tuple[int, FloatArray] | SyncProblem:
        if not self._contract.state:
            return t0_ns, read_only([])
        found = self._states.nearest(t0_ns)
        if found is None:
            raise ValueError("a missing state is found before")
        skew_ns = abs(found[0] - t0_ns)
        if skew_ns > self._state_skew_ns:
            detail = f"nearest is {skew_ns * 1e-6:.1f} ms from the images, allowed {self._state_skew_ns * 1e-6:g} ms"
            return SyncProblem(STATE_STREAM, Reason.SKEWED, detail)
        return found


def _prepare(camera: CameraSpec, source: ImageSource) -> ImageArray | SyncProblem:
    try:
        return prepare_image(source() if callable(source) else source, camera)
    except ObservationError as error:
        return SyncProblem(_stream(camera.name), Reason.INVALID, str(error))


def _stream(camera: str) -> str:
    return f"camera {camera}"


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
