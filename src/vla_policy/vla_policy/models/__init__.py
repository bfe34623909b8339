"""Models composed from named blocks, as a preset says; needs torch.

``build_policy(load_preset("cross_attention", "tiny"))`` gives a ``Policy`` with one interface for every
architecture: ``loss(batch)`` and ``act(batch)`` on a ``Batch``.
"""

from vla_policy.models.batch import Batch
from vla_policy.models.bodies.base import Prediction
from vla_policy.models.build import build_policy, count_parameters
from vla_policy.models.checkpoint import load_policy, save_policy
from vla_policy.models.policy import Policy
from vla_policy.models.text import SentenceTokenizer, make_tokenizer

__all__ = [
    "Batch",
    "Policy",
    "Prediction",
    "build_policy",
    "count_parameters",
    "save_policy",
    "load_policy",
    "SentenceTokenizer",
    "make_tokenizer",
]
