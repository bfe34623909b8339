"""Images reach the policy in the contract's size, by the contract's method, or not at all."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vla_core.errors import ObservationError
from vla_core.images import fit_to_input, prepare_image, resize_image, size_mismatch
from vla_core.testing import make_contract_example

FRONT = make_contract_example().camera("front")
NODE = dataclasses.replace(FRONT, resize="node")


def split_image(width: int, height: int) -> np.ndarray:
    """Left half red, right half blue, so that what is cut or padded shows."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[:, : width // 2, 0] = 200
    image[:, width // 2 :, 2] = 200
    return image


def test_an_image_of_the_right_size_is_passed_on_uncopied() -> None:
    image = split_image(96, 96)
    assert prepare_image(image, FRONT) is image
    assert prepare_image(image, NODE) is image


def test_the_wrong_size_is_refused_while_nobody_may_resize() -> None:
    with pytest.raises(ObservationError, match=r"camera front: image is 640x480, the contract wants 96x96.*'resize:"):
        prepare_image(split_image(640, 480), FRONT)


@pytest.mark.parametrize("resize", ["node", "policy"])
def test_stretching_another_aspect_is_refused(resize: str) -> None:
    camera = dataclasses.replace(FRONT, resize=resize)
    with pytest.raises(ObservationError, match=r"image is 640x480 \(aspect 1.333\).*trained on aspect 1.000"):
        prepare_image(split_image(640, 480), camera)


def test_a_stated_aspect_allows_the_stretch_it_was_trained_with() -> None:
    camera = dataclasses.replace(NODE, aspect=4 / 3)
    assert prepare_image(split_image(640, 480), camera).shape == (96, 96, 3)
    assert size_mismatch(480, 480, camera) is not None
    assert size_mismatch(484, 360, camera) is None  # within tolerance


def test_a_policy_that_resizes_gets_the_camera_s_image() -> None:
    camera = dataclasses.replace(FRONT, resize="policy")
    image = split_image(480, 480)
    assert prepare_image(image, camera) is image
    assert fit_to_input(image, camera).shape == (96, 96, 3)


def test_pad_keeps_everything_between_black_bars() -> None:
    result = resize_image(split_image(640, 480), 96, 96, "pad")
    assert result.shape == (96, 96, 3)
    assert not result[:12].any() and not result[84:].any()
    assert result[13:83].any(axis=2).all()
    assert result[48, 0, 0] == 200 and result[48, 95, 2] == 200


def test_crop_keeps_the_centre() -> None:
    image = np.zeros((480, 640, 3), dtype=np.uint8)
    image[:, 80:560] = 100
    np.testing.assert_array_equal(resize_image(image, 96, 96, "crop"), np.full((96, 96, 3), 100))


def test_crop_of_a_tall_image_keeps_the_centre_in_proportion() -> None:
    image = np.zeros((640, 480, 3), dtype=np.uint8)
    image[200:440, 120:360] = 100  # a square of half the width, in the middle
    result = resize_image(image, 96, 96, "crop")
    np.testing.assert_array_equal(result[25:71, 25:71], np.full((46, 46, 3), 100))
    assert not result[:23].any() and not result[73:].any() and not result[:, :23].any() and not result[:, 73:].any()


def test_crop_to_a_wide_input_cuts_rows_only() -> None:
    image = np.zeros((480, 640, 3), dtype=np.uint8)
    image[:, :320] = 100
    result = resize_image(image, 128, 64, "crop")
    assert (result[:, :64] == 100).all() and not result[:, 64:].any()
    image[:80] = image[400:] = 255  # outside the 2:1 centre
    np.testing.assert_array_equal(resize_image(image, 128, 64, "crop"), result)


def test_shrinking_averages_the_area() -> None:
    board = np.zeros((192, 192, 3), dtype=np.uint8)
    board[::2, ::2] = board[1::2, 1::2] = 200
    np.testing.assert_array_equal(resize_image(board, 96, 96, "stretch"), np.full((96, 96, 3), 100))


@pytest.mark.parametrize("method", ["stretch", "pad", "crop"])
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (95, 97), (96, 96), (4000, 3)])
def test_any_size_comes_out_in_the_wanted_size(method: str, size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 77, dtype=np.uint8)
    result = resize_image(image, 96, 64, method)
    assert result.shape == (64, 96, 3) and result.dtype == np.uint8
    assert set(np.unique(result)) <= ({0, 77} if method == "pad" else {77})


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((96, 96), dtype=np.uint8),
        np.zeros((96, 96, 4), dtype=np.uint8),
        np.zeros((3, 96, 96), dtype=np.uint8),
        np.zeros((96, 96, 3), dtype=np.float32),
        np.zeros((0, 96, 3), dtype=np.uint8),
    ],
)
def test_what_is_no_rgb_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ObservationError, match=r"camera front: expected an RGB image \(H, W, 3\) of uint8; got"):
        prepare_image(image, FRONT)


def test_an_unknown_method_is_a_bug() -> None:
    with pytest.raises(ValueError, match="zoom"):
        resize_image(split_image(10, 10), 5, 5, "zoom")
