"""How a context becomes actions. Importing this registers them all."""

from vla_policy.models.heads import chunk_tokens, continuous, diffusion, discrete, flow, modular

__all__ = ["chunk_tokens", "continuous", "diffusion", "discrete", "flow", "modular"]
