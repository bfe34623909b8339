"""Low-rank adapters in the encoders (Hu et al. 2021, arXiv 2106.09685), by peft; and activations computed twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from torch import nn
from transformers import PreTrainedModel

from vla_policy.cloning.errors import TrainError
from vla_policy.models import Policy
from vla_policy.models.language.base import LanguageEncoder
from vla_policy.models.vision.base import VisionEncoder

_PARTS: dict[str, type[nn.Module]] = {"vision": VisionEncoder, "language": LanguageEncoder}


def add_lora(policy: Policy, rank: int, parts: Collection[str]) -> None:
    """Adapters in every linear layer of the ``parts``' encoders, whose own weights are frozen.

    Raises:
        TrainError: a part has no encoder of transformers.
    """
    from peft import LoraConfig, get_peft_model

    for part in parts:
        found = list(_encoders(policy, part))
        if not found:
            raise TrainError(
                f"lora_parts: {policy.preset.name} has no {part} encoder of transformers; "
                "leave it out, or give --lora-rank 0"
            )
        for owner, name, net in found:
            config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear")
            adapted = get_peft_model(net, config)
            # A frozen encoder stays in evaluation mode, its adapters learn all the same.
            adapted.frozen = getattr(net, "frozen", False)
            setattr(owner, name, adapted)


def merge_lora(policy: Policy) -> None:
    """Every adapter becomes part of the weights that it adapts: the policy is again what its preset says."""
    from peft import PeftModel

    for owner in list(policy.modules()):
        for name, child in list(owner.named_children()):
            if isinstance(child, PeftModel):
                setattr(owner, name, child.merge_and_unload())


def checkpoint_activations(policy: Policy) -> int:
    """Every encoder that can computes its activations again in the backward pass; how many do.

    Raises:
        TrainError: none can.
    """
    able = [one for one in policy.modules() if isinstance(one, PreTrainedModel) and one.supports_gradient_checkpointing]
    for one in able:
        one.gradient_checkpointing_enable({"use_reentrant": False})
    if not able:
        raise TrainError(f"checkpointing: {policy.preset.name} has no part that can; leave it out, or lower --batch")
    return len(able)


def _encoders(policy: Policy, part: str) -> Iterator[tuple[nn.Module, str, PreTrainedModel]]:
    """Owner, name there and network of each encoder of a part."""
    for owner in list(policy.modules()):
        if not isinstance(owner, _PARTS[part]):
            continue
        for name, child in list(owner.named_children()):
            if isinstance(child, PreTrainedModel):
                yield owner, name, child
