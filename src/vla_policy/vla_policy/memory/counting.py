"""Tensors counted while operators run: what lives, and the most that ever lived."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveTensors(TorchDispatchMode):
    """Counts storages as operators make them and as they are freed; ``live`` and ``peak`` in bytes.

    Of fake tensors (``torch._subclasses.FakeTensorMode``: meta tensors that know which device they stand for) nothing
    is allocated, yet they live and die like others.
    """

    def __init__(self, held: Iterable[Tensor] = ()) -> None:
        """held: what is counted elsewhere, such as weights."""
        super().__init__()
        self.live = self.peak = 0
        self._known = {tensor.untyped_storage()._cdata for tensor in held}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            # Models ask whether a mask masks anything at all; with fake numbers: it does,
            # which costs the more. Of numbers (the optimizer's step) any but 0 will do.
            return args[0].dtype != torch.bool
        answer = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(answer):
            if isinstance(tensor, Tensor):
                self._add(tensor)
        return answer

    def _add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        size = storage.nbytes()
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._freed, key, size)

    def _freed(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


@contextmanager
def cache_sizes(sizes: dict[int, int]) -> Iterator[None]:
    """Notes the bytes of keys and values in every cache of transformers while it is open: cache layer -> most."""
    from transformers import cache_utils

    layers: list[Any] = [
        one
        for one in vars(cache_utils).values()
        if isinstance(one, type) and issubclass(one, cache_utils.CacheLayerMixin) and "update" in vars(one)
    ]
    before = {one: one.update for one in layers}

    def watched(update: Any) -> Any:
        def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
            keys, values = update(self, *args, **kwargs)
            size = keys.numel() * keys.element_size() + values.numel() * values.element_size()
            sizes[id(self)] = max(sizes.get(id(self), 0), size)
            return keys, values

        return noted

    for one, update in before.items():
        one.update = watched(update)
    try:
        yield
    finally:
        for one, update in before.items():
            one.update = update
