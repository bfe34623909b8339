"""Networks that say what is noise in a chunk of actions. Importing this registers them all."""

from vla_policy.models.denoisers import mlp, transformer, unet

__all__ = ["mlp", "transformer", "unet"]
