"""Images from the camera's message to the policy's input."""

from vla_core.images.compressed import COMPRESSED_FORMATS, decode_compressed
from vla_core.images.conversion import COLOUR_ENCODINGS, DEPTH_ENCODINGS, to_depth_m, to_rgb
from vla_core.images.hashing import content_hash
from vla_core.images.preprocess import fit_to_input, prepare_image, resize_image, size_mismatch

__all__ = [
    "COLOUR_ENCODINGS",
    "COMPRESSED_FORMATS",
    "DEPTH_ENCODINGS",
    "content_hash",
    "decode_compressed",
    "fit_to_input",
    "prepare_image",
    "resize_image",
    "size_mismatch",
    "to_depth_m",
    "to_rgb",
]
