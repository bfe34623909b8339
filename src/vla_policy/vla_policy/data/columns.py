"""Columns of parquet files to arrays and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vla_policy.data.errors import DatasetError
from vla_policy.data.layout import Feature


def to_arrow(values: NDArray[Any], feature: Feature) -> pa.Array:
    """(T, *shape) as a column: plain values for (1,), lists of fixed length for vectors, nested lists beyond."""
    flat = pa.array(np.ascontiguousarray(values, dtype=feature.dtype).ravel())
    if feature.shape == (1,):
        return flat
    if len(feature.shape) == 1:
        return pa.FixedSizeListArray.from_arrays(flat, feature.shape[0])
    column = flat
    for length in reversed(feature.shape):
        column = pa.ListArray.from_arrays(pa.array(np.arange(0, len(column) + 1, length), pa.int32()), column)
    return column


def from_arrow(column: pa.ChunkedArray, feature: Feature) -> NDArray[Any]:
    """The inverse: (T, *shape), (T,) for the shape (1,). ValueError where lengths differ from the feature's."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], column.type)
    count, nulls = len(array), array.null_count
    if nulls:
        raise ValueError(f"{nulls} of {count} values are missing")
    if feature.shape == (1,) and not _is_list(array.type):
        return np.asarray(array.to_numpy(zero_copy_only=False), dtype=feature.dtype)
    expected = count
    for length in feature.shape:
        expected *= length
        if not _is_list(array.type):
            raise ValueError(f"values are {array.type}, not lists of shape {feature.shape}")
        array = array.flatten()
        if len(array) != expected:
            raise ValueError(f"lists are not all of shape {feature.shape}")
    flat = np.asarray(array.to_numpy(zero_copy_only=False), dtype=feature.dtype)
    return flat.reshape(count, *feature.shape) if feature.shape != (1,) else flat


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind)


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """A parquet file. DatasetError where it is missing, truncated or lacks one of ``columns``."""
    try:
        with pq.ParquetFile(path) as file:
            missing = [name for name in columns or [] if name not in file.schema_arrow.names]
            if missing:
                raise DatasetError(
                    f"{path}: lacks the columns {', '.join(missing)}; there: {', '.join(file.schema_arrow.names)}"
                )
            return file.read(columns)
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing") from error
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path}: cannot be read as parquet, is it truncated? ({error})") from error


def write_table(path: Path, table: pa.Table) -> None:
    """Write whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    pq.write_table(table, partial, compression="snappy")
    partial.replace(path)
