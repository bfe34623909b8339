"""How image, sentence and state become one context. Importing this registers them all."""

from vla_policy.models.fusion import concat, cross_attention, early, film, late, prefix

__all__ = ["concat", "cross_attention", "early", "film", "late", "prefix"]
