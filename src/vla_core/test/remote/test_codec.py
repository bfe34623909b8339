from __future__ import annotations

import struct

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from vla_core.errors import RemotePolicyError
from vla_core.remote.codec import packb, unpack_mapping, unpackb

DTYPES = ["?", "i1", "u1", "<i2", ">i2", "<u4", "<i8", ">u8", "<f2", "<f4", ">f4", "<f8"]
arrays = st.sampled_from(DTYPES).flatmap(lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=0, min_side=0)))


def openpi_array(array: np.ndarray, **changes: object) -> dict[bytes, object]:
    """An array as openpi's client puts it into msgpack."""
    fields = {b"__ndarray__": True, b"data": array.tobytes(), b"dtype": array.dtype.str, b"shape": array.shape}
    return fields | {key.encode(): value for key, value in changes.items()}


@settings(deadline=None)
@given(arrays)
def test_an_array_survives_the_way(array: np.ndarray) -> None:
    restored = unpackb(packb({"a": array}))["a"]
    assert restored.dtype == array.dtype and restored.shape == array.shape
    np.testing.assert_array_equal(restored, array)


def test_an_array_is_written_as_openpi_writes_it() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert msgpack.unpackb(packb(array)) == openpi_array(array) | {b"shape": [2, 3]}


def test_a_scalar_is_written_as_openpi_writes_it() -> None:
    value = np.float32(1.5)
    assert msgpack.unpackb(packb(value)) == {b"__npgeneric__": True, b"data": 1.5, b"dtype": "<f4"}
    restored = unpackb(packb(value))
    assert restored == value and restored.dtype == np.float32


def test_openpi_messages_are_understood() -> None:
    image = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    message = {"observation/image": openpi_array(image), "nested": {"state": openpi_array(np.zeros(8))}, "prompt": "go"}
    restored = unpackb(msgpack.packb(message))
    np.testing.assert_array_equal(restored["observation/image"], image)
    assert restored["nested"]["state"].shape == (8,) and restored["prompt"] == "go"


def test_an_array_that_does_not_lie_in_c_order_keeps_its_values() -> None:
    array = np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1)[::2, :, ::-1]
    np.testing.assert_array_equal(unpackb(packb(array)), array)


def test_restored_arrays_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        unpackb(packb(np.zeros(3)))[0] = 1.0


@pytest.mark.parametrize(
    "value",
    [
        np.array([object()], dtype=object),
        np.zeros(2, dtype=[("a", "f4")]),
        np.array(["text"]),
        np.array(["2026-01-01"], dtype="datetime64[D]"),
        np.zeros(2, dtype=complex),
        object(),
        {"deep": [{"set"}]},
        2**80,
    ],
)
def test_what_must_not_travel_is_refused(value: object) -> None:
    with pytest.raises(RemotePolicyError):
        packb({"value": value})


@pytest.mark.parametrize("dtype", ["|O", "O", "object", "|V8", "<U4", "|S4", "<M8[D]", "<c16", "f4,f4", "<f16", "", 4])
def test_other_dtypes_than_plain_numbers_are_refused(dtype: object) -> None:
    for kind in ({"__ndarray__": True, "shape": [1]}, {"__npgeneric__": True}):
        message = {key.encode(): value for key, value in kind.items()} | {b"data": bytes(8), b"dtype": dtype}
        with pytest.raises(RemotePolicyError, match="dtype"):
            unpackb(msgpack.packb(message))


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [3]},
        {"shape": [-1, -2]},
        {"shape": [2**40, 2**40]},
        {"shape": [True, 2]},
        {"shape": 2},
        {"shape": ["2"]},
        {"shape": [1] * 30},
        {"data": "text"},
        {"data": bytes(15)},
    ],
)
def test_an_array_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(RemotePolicyError, match="numpy array"):
        unpackb(msgpack.packb(openpi_array(np.zeros(2), **changes)))


@pytest.mark.parametrize("data", ["text", b"bytes", [1], None])
def test_a_scalar_must_be_a_number(data: object) -> None:
    with pytest.raises(RemotePolicyError, match="numpy scalar"):
        unpackb(msgpack.packb({b"__npgeneric__": True, b"data": data, b"dtype": "<f4"}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        packb({"a": 1})[:-1],
        packb({"a": 1}) + b"\x00",
        msgpack.packb(msgpack.ExtType(42, b"code")),
        b"\xdd" + struct.pack(">I", 2**32 - 1),
        b"\xdf" + struct.pack(">I", 2**31),
        b"\x91" * 100_000 + b"\x00",
        msgpack.packb({"a": b"\xff"}, use_bin_type=False),
        b"\x81\x90\x01",
    ],
    ids=["empty", "reserved", "cut", "trailing", "extension", "long list", "long map", "deep", "not utf-8", "list key"],
)
def test_malformed_messages_are_refused(data: bytes) -> None:
    with pytest.raises(RemotePolicyError):
        unpackb(data)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_noise_never_raises_anything_else(data: bytes) -> None:
    try:
        unpackb(data)
    except RemotePolicyError:
        pass


@settings(max_examples=300, deadline=None)
@given(st.integers(min_value=0), st.integers(0, 255))
def test_a_damaged_message_never_raises_anything_else(position: int, value: int) -> None:
    message = bytearray(packb({"actions": np.zeros((8, 8), np.float32), "done": np.float32(0.5), "text": "pick"}))
    message[position % len(message)] = value
    try:
        unpackb(bytes(message))
    except RemotePolicyError:
        pass


def test_messages_over_the_limit_are_refused_both_ways() -> None:
    packed = packb(np.zeros(100, np.uint8))
    with pytest.raises(RemotePolicyError, match="exceeds"):
        packb(np.zeros(100, np.uint8), max_bytes=100)
    with pytest.raises(RemotePolicyError, match="exceeds"):
        unpackb(packed, max_bytes=100)


@pytest.mark.parametrize("data", ["Traceback", packb([1]), packb({b"bytes": 1})])
def test_a_mapping_must_be_one(data: bytes | str) -> None:
    with pytest.raises(RemotePolicyError, match="reply"):
        unpack_mapping(data, "reply")
