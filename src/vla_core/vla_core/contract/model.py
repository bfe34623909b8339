"""The contract of a policy: what its numbers mean. Field names are the keys of ``policy.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FORMAT = "vla-policy/1"
RUNTIMES = ("onnx", "torch", "remote", "recorded", "mock", "openvla")
RESIZERS = ("none", "node", "policy")
RESIZE_METHODS = ("stretch", "pad", "crop")
CAMERA_ENCODINGS = ("rgb8",)
NORMALIZATION_METHODS = ("none", "mean_std", "min_max", "quantile")
TOKENIZER_CONVENTIONS = ("endpoint_grid", "bin_centers")
TOKENIZER_DECODINGS = ("expected", "argmax")
UNCERTAINTY_KINDS = ("token_entropy",)
MOCK_BEHAVIOURS = ("hold", "constant", "sinusoid", "slow", "hang", "nan", "wrong_shape")

Statistic = tuple[float, ...] | tuple[tuple[float, ...], ...]
"""(D,) one number per dimension, or (horizon, D) one row per step of the chunk."""


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """One camera as the policy wants it.

    width, height: size of the image the model gets [pixel].
    encoding: colour order of the array the policy is given.
    resize: who brings the camera's image to that size; ``none``: it must already have it.
    resize_method: how; ``stretch`` changes the aspect, ``pad`` letterboxes, ``crop`` cuts the centre.
    max_age_s: oldest image that may still be acted on [s].
    aspect: width / height of the cameras that the training images came from; None: that of the input size.
    """

    name: str
    width: int
    height: int
    encoding: str
    resize: str
    resize_method: str
    max_age_s: float
    aspect: float | None = None

    @property
    def source_aspect(self) -> float:
        """Width / height that the live camera must have."""
        return self.width / self.height if self.aspect is None else self.aspect


@dataclass(frozen=True, slots=True)
class Dimension:
    """One number of the state or of an action. ``unit`` is rad, m, rad/s, m/s, or 1 (dimensionless)."""

    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class StateRange:
    """Range of the training states, (n,) each in the state's units; ``margin`` in the same units is tolerated."""

    min: tuple[float, ...]
    max: tuple[float, ...]
    margin: float


@dataclass(frozen=True, slots=True)
class GripperSpec:
    """The gripper's column: position of joint ``name``, and where that joint is open and closed [unit]."""

    name: str
    unit: str
    kind: str
    open: float
    closed: float


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """What one row of a chunk means.

    space: joint_position, joint_velocity, ee_pose_delta or base_twist.
    kind: absolute; chunk_relative: to the state at t0; step_relative: to the previous action.
    dimensions: the columns without the gripper.
    gripper: the last column, or None.
    period_s: time between two actions [s]. horizon: rows of a chunk.
    rotation: representation of the rotation columns (ee_pose_delta only).
    frame: frame the deltas or velocities are expressed in (ee_pose_delta and base_twist only).
    tip: link whose pose the deltas move (ee_pose_delta only).
    """

    space: str
    kind: str
    dimensions: tuple[Dimension, ...]
    gripper: GripperSpec | None
    period_s: float
    horizon: int
    rotation: str | None = None
    frame: str | None = None
    tip: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns without the gripper."""
        return tuple(dimension.name for dimension in self.dimensions)

    @property
    def size(self) -> int:
        """Number of columns, gripper included."""
        return len(self.dimensions) + (self.gripper is not None)


@dataclass(frozen=True, slots=True)
class NormalizationSpec:
    """Statistics by name; only those of ``method`` are set. ``mask`` False: that dimension is left as it is."""

    method: str
    mean: Statistic | None = None
    std: Statistic | None = None
    min: Statistic | None = None
    max: Statistic | None = None
    q01: Statistic | None = None
    q99: Statistic | None = None
    mask: tuple[bool, ...] | None = None


@dataclass(frozen=True, slots=True)
class NormalizationPair:
    """How the state is normalized before the model and the actions are unnormalized after it."""

    state: NormalizationSpec
    action: NormalizationSpec


@dataclass(frozen=True, slots=True)
class TokenizerSpec:
    """Uniform bins over [low, high] of the normalized action; see ``vla_core.tokenizers``."""

    convention: str
    bins: int
    low: float
    high: float
    decode: str


@dataclass(frozen=True, slots=True)
class LanguageSpec:
    """Files of the sentence encoder inside the bundle, and the longest sentence in tokens."""

    encoder: str
    tokenizer: str
    max_tokens: int


@dataclass(frozen=True, slots=True)
class DoneSpec:
    """The policy is done when its score reaches ``threshold`` in ``hold_chunks`` chunks in a row."""

    threshold: float
    hold_chunks: int


@dataclass(frozen=True, slots=True)
class UncertaintySpec:
    """From how doubtful a policy is on to go slower, and to stand; see ``vla_core.uncertainty``.

    kind: what is measured; ``token_entropy``: mean entropy of the action tokens' distributions [nat].
    window_s: it is averaged over the chunks of so long; before that no doubt is spoken of [s].
    full_speed_below: up to this the speed scale is 1. hold_above: beyond this the arm shall hold. Both as ``kind``.
    """

    kind: str
    window_s: float
    full_speed_below: float
    hold_above: float


@dataclass(frozen=True, slots=True)
class ObservationKeys:
    """Under which keys a remote server expects the parts of an observation.

    image: pattern for a camera without an entry in ``cameras``; ``{camera}`` stands for its name.
    cameras: camera -> key, e.g. ``{"front": "observation/exterior_image_1_left"}``.
    state: key of the whole state.
    state_parts: key -> names out of the contract's state; where given, they replace ``state``.
    """

    image: str = "observation/images/{camera}"
    cameras: Mapping[str, str] = field(default_factory=dict)
    state: str = "observation/state"
    state_parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prompt: str = "prompt"

    def of_camera(self, name: str) -> str:
        """The key of camera ``name``."""
        return self.cameras.get(name, self.image.replace("{camera}", name))


@dataclass(frozen=True, slots=True)
class MockSpec:
    """What a ``runtime: mock`` policy does; see ``vla_core.policies.make_mock_policy``.

    values: (D,) the constant action, or the amplitude of the sinusoid; not used by the others.
    frequency_hz: of the sinusoid. delay_s: how long one inference takes.
    done_after_chunks: chunks after a reset from which on the done score is 1; None: never.
    """

    behaviour: str
    values: tuple[float, ...] | None = None
    frequency_hz: float = 0.25
    delay_s: float = 0.0
    done_after_chunks: int | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """All that a robot must know about a policy before it may move. ``files``: path in the bundle -> sha256."""

    format: str
    name: str
    version: str
    license: str
    runtime: str
    files: tuple[tuple[str, str], ...]
    cameras: tuple[CameraSpec, ...]
    max_skew_s: float
    state: tuple[Dimension, ...]
    action: ActionSpec
    normalization: NormalizationPair
    state_range: StateRange | None = None
    tokenizer: TokenizerSpec | None = None
    language: LanguageSpec | None = None
    done: DoneSpec | None = None
    uncertainty: UncertaintySpec | None = None
    mock: MockSpec | None = None
    recording: str | None = None
    url: str | None = None
    keys: ObservationKeys | None = None

    @property
    def policy_id(self) -> str:
        """``name@version``, as in messages and logs."""
        return f"{self.name}@{self.version}"

    @property
    def camera_names(self) -> tuple[str, ...]:
        """In the order of the contract."""
        return tuple(camera.name for camera in self.cameras)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Joint names in the order of ``Observation.state``."""
        return tuple(dimension.name for dimension in self.state)

    @property
    def action_names(self) -> tuple[str, ...]:
        """Names of all columns of a chunk, the gripper last; without the gripper: ``action.names``."""
        gripper = self.action.gripper
        return self.action.names + ((gripper.name,) if gripper is not None else ())

    @property
    def action_size(self) -> int:
        """Columns of a chunk, gripper included."""
        return self.action.size

    def camera(self, name: str) -> CameraSpec:
        """The camera ``name``.

        Raises:
            KeyError: the contract has no such camera.
        """
        for camera in self.cameras:
            if camera.name == name:
                return camera
        raise KeyError(f"no camera '{name}'; the contract has {', '.join(self.camera_names)}")
