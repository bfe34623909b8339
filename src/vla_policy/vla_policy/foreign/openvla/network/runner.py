"""The model behind arrays of numpy, on one device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from vla_core.contract import Bundle
from vla_core.errors import BundleError
from vla_core.types import FloatArray, ImageArray
from vla_policy.foreign.openvla.config import OpenVlaConfig
from vla_policy.foreign.openvla.network.images import pixel_values
from vla_policy.foreign.openvla.network.weights import load_model, oft_spec
from vla_policy.foreign.openvla.settings import CHECKPOINT, OpenVlaSettings


class Runner:
    """bfloat16 on a GPU, as the reference; float32 on a CPU, where that is no slower.

    device: cpu, cuda, or auto (cuda where it is there). threads: of one inference on a CPU.
    """

    def __init__(
        self, bundle: Bundle, config: OpenVlaConfig, settings: OpenVlaSettings, *, device: str, threads: int
    ) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise BundleError(f"{bundle.path}: device cuda was asked for, but PyTorch {torch.__version__} finds none")
        self._config = config
        torch.set_num_threads(threads)
        self._device = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
        self._dtype = torch.bfloat16 if self._device == "cuda" else torch.float32
        spec = oft_spec(settings, bundle.contract)
        self._model = load_model(bundle.path / CHECKPOINT, config, spec, device=self._device, dtype=self._dtype)

    def pixels(self, image: ImageArray, *, center_crop: bool) -> NDArray[np.float32]:
        """(3 * towers, size, size) of an (H, W, 3) image."""
        return pixel_values(image, self._config, center_crop=center_crop)

    def tokens(self, ids: list[int], pixels: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """(count,) action tokens, one after the other."""
        chosen, _ = self._model.generate(ids, self._on_device(pixels)[None], count)
        return np.asarray(chosen.cpu().numpy(), dtype=np.int64)

    def chunk(
        self, ids: list[int], pixels: NDArray[np.float32], proprio: FloatArray | None
    ) -> FloatArray | NDArray[np.int64]:
        """All actions of a chunk at once, normalized, or as tokens where there is no head."""
        state = None if proprio is None else self._on_device(proprio.astype(np.float32))
        answer, _ = self._model.decode_parallel(ids, self._on_device(pixels)[None], state)
        if self._model.action_head is None:
            return np.asarray(answer.cpu().numpy(), dtype=np.int64)
        return np.asarray(answer.float().cpu().numpy(), dtype=np.float64)

    def _on_device(self, array: NDArray[np.float32]) -> torch.Tensor:
        return torch.tensor(array, device=self._device, dtype=self._dtype)
