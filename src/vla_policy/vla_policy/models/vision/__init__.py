"""Image encoders: (B, 3, height, width) in [0, 1] -> tokens (B, S, width). Importing this registers them all."""

from vla_policy.models.vision import depth, efficientnet, fused, resnet, transformers_vision

__all__ = ["depth", "efficientnet", "fused", "resnet", "transformers_vision"]
