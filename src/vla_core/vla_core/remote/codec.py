"""msgpack with numpy arrays, as openpi's client and server speak it. No pickle, no code, no object arrays.

An array is the map ``{b"__ndarray__": true, b"data": bytes, b"dtype": "<f4", b"shape": [...]}``, a numpy scalar
``{b"__npgeneric__": true, b"data": value, b"dtype": "<f4"}``. What comes off the wire is never trusted: only plain
booleans, integers and floats are restored, and a shape that differs from the bytes it came with is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from vla_core.errors import RemotePolicyError

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Largest message that is packed or unpacked: ten 1080p images."""
MAX_DIMENSIONS = 8
_DTYPE = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248])")
_KINDS = "booleans, integers and floats"


def packb(value: object, *, max_bytes: int = MAX_MESSAGE_BYTES) -> bytes:
    """``value`` (maps, lists, text, bytes, numbers, numpy arrays) as one message.

    Raises:
        RemotePolicyError: something in it cannot travel, or the message exceeds ``max_bytes``.
    """
    try:
        packed = msgpack.packb(value, default=_flatten)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise RemotePolicyError(f"message cannot be encoded: {error}") from error
    assert isinstance(packed, bytes)
    if len(packed) > max_bytes:
        raise RemotePolicyError(f"message of {len(packed)} bytes exceeds the limit of {max_bytes}; send smaller images")
    return packed


def unpackb(data: bytes, *, max_bytes: int = MAX_MESSAGE_BYTES) -> Any:
    """What ``packb`` packed. Arrays are read-only views of ``data``.

    Raises:
        RemotePolicyError: not msgpack, an extension type, a refused dtype, a shape that does not fit, or too long.
    """
    if len(data) > max_bytes:
        raise RemotePolicyError(f"message of {len(data)} bytes exceeds the limit of {max_bytes}")
    try:
        return msgpack.unpackb(data, object_hook=_restore, ext_hook=_refuse_extension)
    except RemotePolicyError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        raise RemotePolicyError(f"message is not valid msgpack: {error or type(error).__name__}") from error


def unpack_mapping(data: bytes | str, what: str) -> dict[str, Any]:
    """A binary message that must be a map with text keys; ``what`` names it in the error.

    Raises:
        RemotePolicyError: it is a text message, malformed, or not such a map.
    """
    if isinstance(data, str):
        raise RemotePolicyError(f"{what}: expected a binary msgpack message; got text: {data[:200]!r}")
    try:
        value = unpackb(data)
    except RemotePolicyError as error:
        raise RemotePolicyError(f"{what}: {error}") from error
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise RemotePolicyError(f"{what}: expected a map with text keys; got {type(value).__name__}")
    return value


def _flatten(value: object) -> object:
    if isinstance(value, np.ndarray):
        _check_dtype(value.dtype.str)
        return {b"__ndarray__": True, b"data": _buffer(value), b"dtype": value.dtype.str, b"shape": value.shape}
    if isinstance(value, np.generic):
        _check_dtype(value.dtype.str)
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot travel; plain values and numpy arrays of {_KINDS} can")


def _buffer(array: NDArray[Any]) -> bytes | memoryview:
    """The bytes of ``array`` in C order, without a copy where they already lie so."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.size else b""


def _restore(value: dict[Any, Any]) -> object:
    if b"__ndarray__" in value:
        return _array(value)
    if b"__npgeneric__" in value:
        dtype = _check_dtype(value.get(b"dtype"))
        data = value.get(b"data")
        if not isinstance(data, (bool, int, float)):
            raise RemotePolicyError(f"numpy scalar: data is {type(data).__name__}; expected a number")
        with np.errstate(over="ignore"):  # to infinity, which whoever uses it refuses
            return dtype.type(data)
    return value


def _array(value: dict[Any, Any]) -> NDArray[Any]:
    dtype = _check_dtype(value.get(b"dtype"))
    data, shape = value.get(b"data"), value.get(b"shape")
    if not isinstance(data, bytes):
        raise RemotePolicyError(f"numpy array: data is {type(data).__name__}; expected bytes")
    if not isinstance(shape, (list, tuple)) or len(shape) > MAX_DIMENSIONS:
        raise RemotePolicyError(f"numpy array: shape must be a list of at most {MAX_DIMENSIONS} sizes; got {shape!r}")
    count = 1
    for size in shape:
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_MESSAGE_BYTES:
            raise RemotePolicyError(f"numpy array: {size!r} in shape {shape!r} is not a size")
        count *= size
    if count * dtype.itemsize != len(data):
        raise RemotePolicyError(f"numpy array: shape {shape!r} of {dtype.str} does not fit {len(data)} bytes")
    return np.frombuffer(data, dtype=dtype).reshape(shape)


def _check_dtype(text: object) -> np.dtype[Any]:
    if not isinstance(text, str) or _DTYPE.fullmatch(text) is None:
        raise RemotePolicyError(f"numpy dtype {text!r} is refused; only {_KINDS} may travel")
    return np.dtype(text)


def _refuse_extension(code: int, data: bytes) -> object:
    raise RemotePolicyError(f"msgpack extension type {code} is refused ({len(data)} bytes)")
