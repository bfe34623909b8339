"""Vision transformers: ViT-B/16, CLIP, DINOv2, SigLIP, by transformers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import transformers
from torch import Tensor, nn

from vla_policy.models.pretrained import freeze, make_transformers_model
from vla_policy.models.registry import VISION
from vla_policy.models.vision.base import CLIP, HALF, IMAGENET, VisionEncoder, square
from vla_policy.presets.spec import PresetError, unknown

# Name -> model, configuration, colours, tokens before the patches, the field values of the size in its paper.
FAMILIES: dict[str, tuple[Any, Any, Any, int, dict[str, Any]]] = {
    # Dosovitskiy et al. 2021, arXiv 2010.11929, table 1: ViT-B/16
    "vit": (transformers.ViTModel, transformers.ViTConfig, HALF, 1, {}),
    # Radford et al. 2021, arXiv 2103.00020: ViT-L/14
    "clip": (
        transformers.CLIPVisionModel,
        transformers.CLIPVisionConfig,
        CLIP,
        1,
        {
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "patch_size": 14,
            "projection_dim": 768,
        },
    ),
    # Oquab et al. 2023, arXiv 2304.07193: ViT-L/14
    "dinov2": (
        transformers.Dinov2Model,
        transformers.Dinov2Config,
        IMAGENET,
        1,
        {
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "patch_size": 14,
            "use_mask_token": False,
        },
    ),
    # Zhai et al. 2023, arXiv 2303.15343: So400m/14
    "siglip": (
        transformers.SiglipVisionModel,
        transformers.SiglipVisionConfig,
        HALF,
        0,
        {
            "hidden_size": 1152,
            "intermediate_size": 4304,
            "num_hidden_layers": 27,
            "num_attention_heads": 16,
            "patch_size": 14,
            "vision_use_head": False,
        },
    ),
}


class TransformersVision(VisionEncoder):
    """One of ``FAMILIES``: the last hidden state of every patch.

    Args:
        height: of the images, set by the camera.
        width: of the images, the same: they are square.
        condition: width of the sentence, which these ignore.
        family: key of ``FAMILIES``.
        config: fields of the transformers configuration, over those of the size in the paper.
        pretrained: hub name or local folder, instead of random weights.
        frozen: never trained.
        summary: whether the summary token (CLS) is kept, where the family has one.
        patches: whether the patch tokens are kept.
    """

    positioned = True

    def __init__(
        self,
        height: int,
        width: int,
        condition: int | None,
        family: str = "vit",
        config: Mapping[str, Any] | None = None,
        pretrained: str | None = None,
        frozen: bool = False,
        summary: bool = True,
        patches: bool = True,
    ) -> None:
        if family not in FAMILIES:
            raise unknown(family, tuple(FAMILIES), "family", "vision family")
        model, configuration, colours, extra, defaults = FAMILIES[family]
        side = square(height, width)
        options = {"add_pooling_layer": False} if family == "vit" else {}
        sized = {**defaults, "image_size": side}
        net = make_transformers_model(model, configuration, sized, config, pretrained, **options)
        if family == "clip":
            net.post_layernorm = nn.Identity()  # it is for the pooled output, which nothing reads
        made = net.config
        if made.image_size != side:
            raise PresetError(f"'{pretrained}' takes {made.image_size} pixels; the camera has {side}: change its size")
        if not patches and not (summary and extra):
            raise PresetError("patches: false leaves no token; keep the patches, or the summary of one that has it")
        self.first, self.last = (0 if summary else extra), (None if patches else extra)
        count = (side // made.patch_size) ** 2 if patches else 0
        super().__init__(made.hidden_size, count + (extra if summary else 0), colours)
        self.net = freeze(net) if frozen else net

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        hidden = self.net(pixel_values=self.colours(images)).last_hidden_state
        return hidden[:, self.first : self.last]


for _family in FAMILIES:
    VISION.register(_family, family=_family)(TransformersVision)
