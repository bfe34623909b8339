"""The hash tells a frozen picture from a living one."""

from __future__ import annotations

import numpy as np

from vla_core.images import content_hash

IMAGE = np.arange(96 * 96 * 3, dtype=np.uint32).reshape(96, 96, 3).astype(np.uint8)


def test_equal_pictures_have_equal_hashes_and_one_flipped_bit_another() -> None:
    assert content_hash(IMAGE) == content_hash(IMAGE.copy())
    changed = IMAGE.copy()
    changed[95, 95, 2] ^= 1
    assert content_hash(changed) != content_hash(IMAGE)


def test_it_fits_the_message_and_does_not_change_between_runs() -> None:
    assert content_hash(np.zeros((2, 2, 3), dtype=np.uint8)) == 0x2C513F149E737EC4  # sha1sum of 12 zero bytes
    assert 0 <= content_hash(IMAGE) < 2**64


def test_a_view_hashes_as_its_pixels() -> None:
    assert content_hash(IMAGE[:, ::2]) == content_hash(np.ascontiguousarray(IMAGE[:, ::2]))
